//! Removing what the bounds do not allow, and collecting what nothing needs any more, in
//! steps of milliseconds between which saves are recorded.
//!
//! A round goes through the notebooks and removes versions, then through the people and
//! removes the oldest versions of who has more than their quota; when there is too much still,
//! it removes the oldest of those who take up the most. Then it marks every piece that
//! some version has and deletes the others. What is recorded meanwhile marks its own. Who
//! has stored so much that they may be over their quota has a round begin at once, which is
//! not to wait for anything.

use std::collections::{BTreeSet, HashMap, HashSet};

use metrics::gauge;

use rusqlite::{Connection, params};

use super::{
    held,
    lists::{LatestLists, base_list, damaged},
    refs,
};
use crate::{history::Bounds, sqlite::give_back, telemetry::loggable};

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
    /// Nobody knows what these users have.
    Measure(Vec<String>),
    /// These users have more than the level.
    Level(Vec<String>, u64),
    /// Versions up to this number are marked.
    Mark(i64),
    /// Pieces up to the first number are swept, those after the second are newer.
    Sweep(i64, i64),
    Shrink,
}

/// What one person may have.
#[derive(Clone, Copy)]
pub(super) struct Quota {
    /// In bytes.
    pub(super) each: u64,
    pub(super) notebooks: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            each: u64::MAX,
            notebooks: u32::MAX,
        }
    }
}

/// See the module's words.
pub(super) struct Tidy {
    pub(super) quota: Quota,
    stage: Stage,
    next_round_ms: i64,
    /// What everyone had when it was measured, and has stored since.
    held: HashMap<String, u64>,
    added: HashMap<String, u64>,
    /// Who may be over their quota by now.
    pressed: BTreeSet<String>,
    /// This round is because of that.
    is_urgent: bool,
    /// Versions were removed in this round.
    has_removed: bool,
    /// Who has lost versions by their quota, and still has much.
    over_quota: BTreeSet<String>,
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
            quota: Quota::default(),
            stage: Stage::Idle,
            next_round_ms: 0,
            held: HashMap::new(),
            added: HashMap::new(),
            pressed: BTreeSet::new(),
            is_urgent: false,
            has_removed: true,
            over_quota: BTreeSet::new(),
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

    /// A version of `user`'s was stored, and took up so much.
    pub(super) fn stored(&mut self, user: &str, size: u64) {
        let added = self.added.entry(user.to_owned()).or_default();
        *added += size;
        let held = self.held.get(user).copied().unwrap_or(0);
        if held.saturating_add(*added) > self.quota.each {
            self.pressed.insert(user.to_owned());
        }
    }

    /// Pieces may be stored that nothing needs.
    pub(super) fn has_litter(&mut self) {
        self.litter = true;
    }

    /// Versions of `user` are not kept because of their quota.
    pub(super) fn over_quota(&mut self, user: &str) {
        if self.over_quota.insert(user.to_owned()) {
            tracing::warn!(
                user = %loggable(user),
                each_mib = self.quota.each >> 20,
                notebooks = self.quota.notebooks,
                "over the quota for versions: the oldest are not kept"
            );
            self.report();
        }
    }

    /// Whether versions of `user` are not kept because of their quota.
    pub(super) fn is_over_quota(&self, user: &str) -> bool {
        self.over_quota.contains(user)
    }

    /// Whether nothing is to be added before there was time for more steps.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent || !self.pressed.is_empty()
    }

    fn report(&self) {
        gauge!("pipalhub_history_over_quota").set(self.over_quota.len() as f64);
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
            Stage::Idle if !self.pressed.is_empty() => {
                self.is_urgent = true;
                Stage::Measure(self.pressed.iter().cloned().collect())
            }
            Stage::Idle => {
                let is_full = used(connection)? > bounds.size && self.has_removed;
                if now_ms < self.next_round_ms && !is_full {
                    return Ok(false);
                }
                self.is_urgent = is_full;
                self.has_removed = false;
                Stage::Thin(notebooks(connection)?)
            }
            Stage::Thin(mut left) => match left.pop() {
                Some(notebook) => {
                    let removed = thin(connection, notebook, bounds, now_ms)?;
                    self.removed(removed, latest);
                    Stage::Thin(left)
                }
                None => {
                    self.held.clear();
                    Stage::Measure(held::users(connection)?)
                }
            },
            Stage::Measure(mut left) => match left.pop() {
                Some(user) => {
                    let removed = self.measure(connection, user)?;
                    self.removed(removed, latest);
                    Stage::Measure(left)
                }
                None => level(connection, bounds, &self.held)?,
            },
            Stage::Level(mut left, level) => match left.pop() {
                Some(user) => {
                    let (removed, held) = cut(connection, &user, level)?;
                    self.removed(removed, latest);
                    self.held.insert(user, held);
                    Stage::Level(left, level)
                }
                None if self.litter => {
                    self.live = Marks::default();
                    self.bases.clear();
                    Stage::Mark(0)
                }
                None => return self.end(connection, bounds, now_ms),
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
                self.litter = false;
                // What is stored is not to wait until all is given back.
                if pages(connection, "freelist_count")? == 0 || !self.pressed.is_empty() {
                    return self.end(connection, bounds, now_ms);
                }
                self.is_urgent = false;
                give_back(connection, SHRUNK)?;
                Stage::Shrink
            }
        };
        Ok(true)
    }

    /// The end of a round; whether another begins at once because there is too much still.
    fn end(
        &mut self,
        connection: &Connection,
        bounds: &Bounds,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        self.next_round_ms = now_ms + EVERY_MS;
        self.is_urgent = false;
        let is_full = used(connection)? > bounds.size && self.has_removed;
        Ok(is_full || !self.pressed.is_empty())
    }

    /// Finds out what a user has and removes what is over their quota.
    fn measure(&mut self, connection: &Connection, user: String) -> rusqlite::Result<usize> {
        let each = self.quota.each;
        let mut found = held::within(connection, &user, each)?;
        let mut removed = 0;
        if found.beyond.is_some() {
            // A quarter less, so that this is not done at every save.
            found = held::within(connection, &user, each - each / 4)?;
            let until = found.beyond.expect("less does not hold more");
            removed = held::remove(connection, &user, until)?;
            self.over_quota(&user);
        } else if found.size < each / 2 && self.over_quota.remove(&user) {
            self.report();
        }
        self.added.remove(&user);
        self.pressed.remove(&user);
        self.held.insert(user, found.size);
        Ok(removed)
    }

    fn removed(&mut self, removed: usize, latest: &mut LatestLists) {
        if removed > 0 {
            self.litter = true;
            self.has_removed = true;
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
fn level(
    connection: &Connection,
    bounds: &Bounds,
    held: &HashMap<String, u64>,
) -> rusqlite::Result<Stage> {
    let used = used(connection)?;
    if used <= bounds.size {
        return Ok(Stage::Level(Vec::new(), 0));
    }
    let mut weights: Vec<(u64, &String)> = held.iter().map(|(user, held)| (*held, user)).collect();
    weights.sort_unstable();
    let all: u64 = weights.iter().map(|(weight, _)| weight).sum();
    // A tenth less than what is allowed, so that this is not done at every save.
    let share = u128::from(bounds.size) * 9 / 10;
    let allowed = u128::from(all) * share / u128::from(used.max(1));
    let level = water_level(&weights, u64::try_from(allowed).unwrap_or(u64::MAX));
    let above = weights.into_iter().filter(|(weight, _)| *weight > level);
    let above = above.map(|(_, user)| user.clone());
    Ok(Stage::Level(above.collect(), level))
}

/// The largest level with which all weights, each cut to it, are within `allowed`;
/// `weights` are in order.
fn water_level<T>(weights: &[(u64, T)], allowed: u64) -> u64 {
    let mut left = allowed;
    for (at, (weight, _)) in weights.iter().enumerate() {
        let share = left / (weights.len() - at) as u64;
        if *weight > share {
            return share;
        }
        left -= weight;
    }
    u64::MAX
}

/// Removes all but the newest versions of a user that take up `level` together; how many,
/// and what is left.
fn cut(connection: &Connection, user: &str, level: u64) -> rusqlite::Result<(usize, u64)> {
    let found = held::within(connection, user, level)?;
    let removed = match found.beyond {
        Some(until) => held::remove(connection, user, until)?,
        None => 0,
    };
    Ok((removed, found.size))
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
        assert_eq!(water_level(&weights, 1_115), u64::MAX);
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
