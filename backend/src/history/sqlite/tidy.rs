//! Removing what the bounds do not allow, and collecting what nothing needs any more, in
//! steps of milliseconds between which saves are recorded.
//!
//! A round goes through the notebooks and removes versions; when there is too much still,
//! it removes the oldest of those who take up the most. Then it marks every piece that
//! some version has and deletes the others. What is recorded meanwhile marks its own.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::{
    add::{LatestLists, base_list, damaged},
    refs,
};
use crate::history::Bounds;

/// Between two rounds that nothing asks for, in milliseconds.
const EVERY_MS: i64 = 10 * 60 * 1_000;
/// Versions marked in one step, and pieces swept.
const MARKED: usize = 2_000;
const SWEPT: i64 = 4_000;
/// Pages given back to the disk in one step.
const SHRUNK: u32 = 256;

/// Where a round stands.
#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    /// These notebooks have not been looked at yet.
    Thin(Vec<i64>),
    /// These users have more than the level.
    Level(Vec<String>, i64),
    /// Versions up to this number are marked.
    Mark(i64),
    /// Pieces up to the first number are swept, those after the second are newer.
    Sweep(i64, i64),
    Shrink,
}

/// See the module's words.
pub(super) struct Tidy {
    stage: Stage,
    next_round_ms: i64,
    /// Pieces may be stored that nothing needs; so it is after a start, since the round
    /// before may not have come to its end.
    litter: bool,
    /// The lists that are marked already.
    bases: HashSet<i64>,
    live: Marks,
}

impl Default for Tidy {
    fn default() -> Self {
        Self {
            stage: Stage::Idle,
            next_round_ms: 0,
            litter: true,
            bases: HashSet::new(),
            live: Marks::default(),
        }
    }
}

impl Tidy {
    /// These are needed by a version that is being added.
    pub(super) fn keep(&mut self, ids: &[i64]) {
        if matches!(self.stage, Stage::Mark(_) | Stage::Sweep(..)) {
            ids.iter().for_each(|id| self.live.set(*id));
        }
    }

    /// See [`crate::history::HistoryStore::tidy`].
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        latest: &mut LatestLists,
        bounds: &Bounds,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        self.stage = match std::mem::take(&mut self.stage) {
            Stage::Idle if now_ms < self.next_round_ms && used(connection)? <= bounds.size => {
                return Ok(false);
            }
            Stage::Idle => Stage::Thin(notebooks(connection)?),
            Stage::Thin(mut left) => match left.pop() {
                Some(notebook) => {
                    let removed = thin(connection, notebook, bounds, now_ms)?;
                    self.removed(removed, latest);
                    Stage::Thin(left)
                }
                None => level(connection, bounds)?,
            },
            Stage::Level(mut left, level) => match left.pop() {
                Some(user) => {
                    let removed = cut(connection, &user, level)?;
                    self.removed(removed, latest);
                    Stage::Level(left, level)
                }
                None if self.litter => {
                    self.live = Marks::default();
                    self.bases.clear();
                    Stage::Mark(0)
                }
                None => {
                    self.next_round_ms = now_ms + EVERY_MS;
                    return Ok(false);
                }
            },
            Stage::Mark(after) => match self.mark(connection, after)? {
                Some(after) => Stage::Mark(after),
                None => Stage::Sweep(0, newest_content(connection)?),
            },
            Stage::Sweep(after, until) => match self.sweep(connection, after, until)? {
                Some(after) => Stage::Sweep(after, until),
                None => Stage::Shrink,
            },
            Stage::Shrink => {
                // A round begins at once when there is too much still.
                self.next_round_ms = now_ms + EVERY_MS;
                self.litter = false;
                if pages(connection, "freelist_count")? == 0 {
                    return Ok(used(connection)? > bounds.size);
                }
                connection.pragma_update(None, "incremental_vacuum", SHRUNK)?;
                Stage::Shrink
            }
        };
        Ok(true)
    }

    fn removed(&mut self, removed: usize, latest: &mut LatestLists) {
        if removed > 0 {
            self.litter = true;
            // They may have been the newest.
            latest.clear();
        }
    }

    /// Marks what the next versions have; the number of the last, `None` after all.
    fn mark(&mut self, connection: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
        let mut statement = connection.prepare_cached(
            "SELECT id, base, patch FROM versions WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after, MARKED as i64])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            last = Some(row.get(0)?);
            let base = row.get(1)?;
            self.live.set(base);
            if self.bases.insert(base) {
                for id in base_list(connection, base)? {
                    self.live.set(id);
                }
            }
            let patch: Vec<u8> = row.get(2)?;
            for id in refs::brought(&patch).ok_or_else(damaged)? {
                self.live.set(id);
            }
        }
        Ok(last)
    }

    /// Deletes the next pieces that are not marked.
    fn sweep(
        &mut self,
        connection: &mut Connection,
        after: i64,
        until: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let transaction = connection.transaction()?;
        let ids: Vec<i64> = transaction
            .prepare_cached(
                "SELECT id FROM contents WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
            )?
            .query_map([after, until, SWEPT], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in ids.iter().filter(|id| !self.live.has(**id)) {
            transaction
                .prepare_cached("DELETE FROM contents WHERE id = ?1")?
                .execute([id])?;
        }
        transaction.commit()?;
        Ok(ids.last().copied())
    }
}

fn notebooks(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM notebooks")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    ids.collect()
}

/// Removes what is too old, and of what is older than a day all but a few; never the newest.
fn thin(
    connection: &Connection,
    notebook: i64,
    bounds: &Bounds,
    now_ms: i64,
) -> rusqlite::Result<usize> {
    let ms =
        |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let before = |duration| now_ms.saturating_sub(ms(duration));
    let mut removed = connection
        .prepare_cached(
            "DELETE FROM versions WHERE notebook = ?1 AND noted_at_ms < ?2
             AND id < (SELECT max(id) FROM versions WHERE notebook = ?1)",
        )?
        .execute([notebook, before(bounds.longest)])?;
    for (age, one_in) in bounds.thinned {
        removed += connection
            .prepare_cached(
                "DELETE FROM versions WHERE id IN (
                     SELECT id FROM (
                         SELECT id, row_number() OVER
                             (PARTITION BY noted_at_ms / ?3 ORDER BY id DESC) AS place
                         FROM versions WHERE notebook = ?1 AND noted_at_ms < ?2)
                     WHERE place > 1)",
            )?
            .execute([notebook, before(age), ms(one_in).max(1)])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM notebooks WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM versions WHERE notebook = ?1)",
        )?
        .execute([notebook])?;
    Ok(removed)
}

/// When there is too much: the level to which everyone who has more is brought down, so
/// that nobody loses their history by what somebody else saves.
fn level(connection: &Connection, bounds: &Bounds) -> rusqlite::Result<Stage> {
    let used = used(connection)?;
    if used <= bounds.size {
        return Ok(Stage::Level(Vec::new(), 0));
    }
    let mut weights: Vec<(i64, String)> = connection
        .prepare_cached(
            "SELECT sum(weight), user FROM versions v JOIN notebooks n ON n.id = v.notebook
             GROUP BY user",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    weights.sort_unstable();
    let all: i64 = weights.iter().map(|(weight, _)| weight).sum();
    // A tenth less than what is allowed, so that this is not done at every save.
    let share = i128::from(bounds.size) * 9 / 10;
    let allowed = i128::from(all) * share / i128::from(used.max(1));
    let level = water_level(&weights, i64::try_from(allowed).unwrap_or(i64::MAX));
    let above = weights.into_iter().filter(|(weight, _)| *weight > level);
    Ok(Stage::Level(above.map(|(_, user)| user).collect(), level))
}

/// The largest level with which all weights, each cut to it, are within `allowed`;
/// `weights` are in order.
fn water_level(weights: &[(i64, String)], allowed: i64) -> i64 {
    let mut left = allowed;
    for (at, (weight, _)) in weights.iter().enumerate() {
        let share = left / i64::try_from(weights.len() - at).unwrap_or(i64::MAX);
        if *weight > share {
            return share;
        }
        left -= weight;
    }
    i64::MAX
}

/// Removes all but the newest versions of a user, which weigh `level` together.
fn cut(connection: &Connection, user: &str, level: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM versions WHERE id IN (
                 SELECT id FROM (
                     SELECT v.id, sum(weight) OVER (ORDER BY v.id DESC) AS kept
                     FROM versions v JOIN notebooks n ON n.id = v.notebook WHERE n.user = ?1)
                 WHERE kept > ?2)",
        )?
        .execute(params![user, level])
}

fn newest_content(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM contents", [], |row| {
        row.get(0)
    })
}

/// Bytes in use; the rest of the file is free for what comes.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let pages_used = pages(connection, "page_count")? - pages(connection, "freelist_count")?;
    Ok(pages_used * pages(connection, "page_size")?)
}

pub(super) fn pages(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    let counted: u32 = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
    Ok(counted.into())
}

/// A set of numbers from 0, a bit each.
#[derive(Default)]
struct Marks(Vec<u64>);

impl Marks {
    fn set(&mut self, number: i64) {
        let number = usize::try_from(number).unwrap_or(0);
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn has(&self, number: i64) -> bool {
        let number = usize::try_from(number).unwrap_or(0);
        let word = self.0.get(number / 64);
        word.is_some_and(|word| word & 1 << (number % 64) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_takes_from_those_who_have_most() {
        let weights = [5, 10, 100, 1_000].map(|weight| (weight, String::new()));
        assert_eq!(water_level(&weights, 1_115), i64::MAX);
        assert_eq!(water_level(&weights, 615), 500);
        assert_eq!(water_level(&weights, 55), 20);
        assert_eq!(water_level(&weights, 0), 0);
    }

    #[test]
    fn marks_are_kept_apart() {
        let mut marks = Marks::default();
        [1, 63, 64, 1_000].iter().for_each(|id| marks.set(*id));
        let found: Vec<i64> = (0..2_000).filter(|id| marks.has(*id)).collect();
        assert_eq!(found, [1, 63, 64, 1_000]);
    }
}
