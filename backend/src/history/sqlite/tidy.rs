//! Removes versions beyond the retention and the quota, and deletes pieces that no version needs,
//! in steps of milliseconds between which saves are recorded.
//!
//! A round goes through the notebooks and removes versions, then through the users and removes the
//! oldest versions of users over their quota; when the file is still too large, it removes the
//! oldest of the users with the most bytes. Then it marks every piece of every version and deletes
//! the others; versions added meanwhile mark their own. A user who has stored enough to be over the
//! quota starts a round at once, which waits for nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use metrics::gauge;

use rusqlite::{Connection, params};

use super::{
    lists::{LatestLists, base_list, damaged},
    refs, usage,
};
use crate::{history::Retention, sqlite::give_back, telemetry::loggable};

/// Time between two rounds, unless one is needed at once.
const ROUND_INTERVAL_MS: i64 = 10 * 60 * 1_000;
/// Versions that are marked, and pieces that are swept, in one step.
const MARKED_PER_STEP: usize = 2_000;
const SWEPT_PER_STEP: i64 = 4_000;
/// Pages given back to the disk in one step.
const FREED_PAGES_PER_STEP: u32 = 256;

/// The stage of a round.
#[derive(Default)]
enum TidyStage {
    #[default]
    Idle,
    /// Remove old versions of these notebooks.
    Thin(Vec<i64>),
    /// Measure what these users have.
    Measure(Vec<String>),
    /// Cut these users to the level, in bytes.
    Level(Vec<String>, u64),
    /// Mark the pieces of versions after this one.
    Mark(i64),
    /// Sweep the pieces after the first number, up to the second; later ones are newer.
    Sweep(i64, i64),
    Shrink,
}

/// What one user may have.
#[derive(Clone, Copy)]
pub(super) struct HistoryQuota {
    /// In bytes.
    pub(super) each: u64,
    pub(super) notebooks: u32,
}

impl Default for HistoryQuota {
    fn default() -> Self {
        Self {
            each: u64::MAX,
            notebooks: u32::MAX,
        }
    }
}

/// The state of tidying up, which [`Tidier::step`] continues.
pub(super) struct Tidier {
    pub(super) quota: HistoryQuota,
    stage: TidyStage,
    next_round_ms: i64,
    /// Bytes of each user when last measured, and bytes stored since.
    usage: HashMap<String, u64>,
    added: HashMap<String, u64>,
    /// Users who may be over their quota by now.
    users_to_measure: BTreeSet<String>,
    /// This round was started by a full file or a user over the quota.
    is_urgent: bool,
    /// Versions were removed in this round.
    has_removed: bool,
    /// Users who have lost versions by their quota, and have half of it or more.
    over_quota: BTreeSet<String>,
    /// There may be pieces that no version needs. So it is after a start, because the round before
    /// may not have ended.
    has_garbage: bool,
    /// The lists that are marked already.
    bases: HashSet<i64>,
    live: IdSet,
}

impl Default for Tidier {
    fn default() -> Self {
        Self {
            quota: HistoryQuota::default(),
            stage: TidyStage::Idle,
            next_round_ms: 0,
            usage: HashMap::new(),
            added: HashMap::new(),
            users_to_measure: BTreeSet::new(),
            is_urgent: false,
            has_removed: true,
            over_quota: BTreeSet::new(),
            has_garbage: true,
            bases: HashSet::new(),
            live: IdSet::default(),
        }
    }
}

impl Tidier {
    /// Marks the pieces of a version that is being added.
    pub(super) fn keep(&mut self, ids: &[i64]) {
        if matches!(self.stage, TidyStage::Mark(_) | TidyStage::Sweep(..)) {
            ids.iter().for_each(|id| self.live.set(*id));
        }
    }

    /// Records that a version of `user` was stored, and its size.
    pub(super) fn stored(&mut self, user: &str, size: u64) {
        let added = self.added.entry(user.to_owned()).or_default();
        *added += size;
        let usage = self.usage.get(user).copied().unwrap_or(0);
        if usage.saturating_add(*added) > self.quota.each {
            self.users_to_measure.insert(user.to_owned());
        }
    }

    /// Records that there may be pieces that no version needs.
    pub(super) fn set_has_garbage(&mut self) {
        self.has_garbage = true;
    }

    /// Records that versions of `user` are not kept because of their quota.
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

    /// Whether more steps are needed before versions are added.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent || !self.users_to_measure.is_empty()
    }

    fn report(&self) {
        gauge!("pipalhub_history_over_quota").set(self.over_quota.len() as f64);
    }

    /// See [`crate::history::HistoryStore::tidy`].
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        latest: &mut LatestLists,
        retention: &Retention,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        self.stage = match std::mem::take(&mut self.stage) {
            TidyStage::Idle if !self.users_to_measure.is_empty() => {
                self.is_urgent = true;
                TidyStage::Measure(self.users_to_measure.iter().cloned().collect())
            }
            TidyStage::Idle => {
                let is_full = used(connection)? > retention.max_bytes && self.has_removed;
                if now_ms < self.next_round_ms && !is_full {
                    return Ok(false);
                }
                self.is_urgent = is_full;
                self.has_removed = false;
                TidyStage::Thin(notebooks(connection)?)
            }
            TidyStage::Thin(mut left) => match left.pop() {
                Some(notebook) => {
                    let removed = thin(connection, notebook, retention, now_ms)?;
                    self.removed(removed, latest);
                    TidyStage::Thin(left)
                }
                None => {
                    self.usage.clear();
                    TidyStage::Measure(usage::users(connection)?)
                }
            },
            TidyStage::Measure(mut left) => match left.pop() {
                Some(user) => {
                    let removed = self.measure(connection, user)?;
                    self.removed(removed, latest);
                    TidyStage::Measure(left)
                }
                None => level(connection, retention, &self.usage)?,
            },
            TidyStage::Level(mut left, level) => match left.pop() {
                Some(user) => {
                    let (removed, usage) = cut(connection, &user, level)?;
                    self.removed(removed, latest);
                    self.usage.insert(user, usage);
                    TidyStage::Level(left, level)
                }
                None if self.has_garbage => {
                    self.live = IdSet::default();
                    self.bases.clear();
                    TidyStage::Mark(0)
                }
                None => return self.end(connection, retention, now_ms),
            },
            TidyStage::Mark(after) => match self.mark(connection, after)? {
                Some(after) => TidyStage::Mark(after),
                None => TidyStage::Sweep(0, newest_content(connection)?),
            },
            TidyStage::Sweep(after, until) => match self.sweep(connection, after, until)? {
                Some(after) => TidyStage::Sweep(after, until),
                None => TidyStage::Shrink,
            },
            TidyStage::Shrink => {
                self.has_garbage = false;
                // New versions need not wait until all pages are given back.
                if pages(connection, "freelist_count")? == 0 || !self.users_to_measure.is_empty() {
                    return self.end(connection, retention, now_ms);
                }
                self.is_urgent = false;
                give_back(connection, FREED_PAGES_PER_STEP)?;
                TidyStage::Shrink
            }
        };
        Ok(true)
    }

    /// Ends a round; whether the next one begins at once because there is still too much.
    fn end(
        &mut self,
        connection: &Connection,
        retention: &Retention,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        self.next_round_ms = now_ms + ROUND_INTERVAL_MS;
        self.is_urgent = false;
        let is_full = used(connection)? > retention.max_bytes && self.has_removed;
        Ok(is_full || !self.users_to_measure.is_empty())
    }

    /// Measures the bytes of a user and removes the versions over their quota.
    fn measure(&mut self, connection: &Connection, user: String) -> rusqlite::Result<usize> {
        let each = self.quota.each;
        let mut found = usage::within(connection, &user, each)?;
        let mut removed = 0;
        if found.beyond.is_some() {
            // A quarter less, so that this is not needed at every save.
            found = usage::within(connection, &user, each - each / 4)?;
            let until = found.beyond.expect("less does not hold more");
            removed = usage::remove(connection, &user, until)?;
            self.over_quota(&user);
        } else if found.size < each / 2 && self.over_quota.remove(&user) {
            self.report();
        }
        self.added.remove(&user);
        self.users_to_measure.remove(&user);
        self.usage.insert(user, found.size);
        Ok(removed)
    }

    fn removed(&mut self, removed: usize, latest: &mut LatestLists) {
        if removed > 0 {
            self.has_garbage = true;
            self.has_removed = true;
            // Removed versions may have been the newest.
            latest.clear();
        }
    }

    /// Marks the pieces of the next versions. Returns the number of the last, `None` after all.
    fn mark(&mut self, connection: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
        let mut statement = connection.prepare_cached(
            "SELECT id, base, patch FROM versions WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after, MARKED_PER_STEP as i64])?;
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
            .query_map([after, until, SWEPT_PER_STEP], |row| row.get(0))?
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

/// Removes versions that are too old, and thins the older ones; never the newest.
fn thin(
    connection: &Connection,
    notebook: i64,
    retention: &Retention,
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
        .execute([notebook, before(retention.max_age)])?;
    for (age, one_in) in retention.thinned {
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

/// The level in bytes to which all users above it are cut when the file is too large, so that no
/// user loses history by the saves of another.
fn level(
    connection: &Connection,
    retention: &Retention,
    usage: &HashMap<String, u64>,
) -> rusqlite::Result<TidyStage> {
    let used = used(connection)?;
    if used <= retention.max_bytes {
        return Ok(TidyStage::Level(Vec::new(), 0));
    }
    let mut weights: Vec<(u64, &String)> =
        usage.iter().map(|(user, usage)| (*usage, user)).collect();
    weights.sort_unstable();
    let all: u64 = weights.iter().map(|(weight, _)| weight).sum();
    // A tenth less than allowed, so that this is not needed at every save.
    let share = u128::from(retention.max_bytes) * 9 / 10;
    let allowed = u128::from(all) * share / u128::from(used.max(1));
    let level = water_level(&weights, u64::try_from(allowed).unwrap_or(u64::MAX));
    let above = weights.into_iter().filter(|(weight, _)| *weight > level);
    let above = above.map(|(_, user)| user.clone());
    Ok(TidyStage::Level(above.collect(), level))
}

/// The largest level with which all weights, each cut to it, are within `allowed`; `weights` are
/// sorted.
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

/// Removes all but the newest versions of a user that take up `level` together. Returns the number
/// of removed versions and the bytes that are left.
fn cut(connection: &Connection, user: &str, level: u64) -> rusqlite::Result<(usize, u64)> {
    let found = usage::within(connection, user, level)?;
    let removed = match found.beyond {
        Some(until) => usage::remove(connection, user, until)?,
        None => 0,
    };
    Ok((removed, found.size))
}

fn newest_content(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM contents", [], |row| {
        row.get(0)
    })
}

/// Bytes in use; the other pages of the file are free.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let pages_used = pages(connection, "page_count")? - pages(connection, "freelist_count")?;
    Ok(pages_used * pages(connection, "page_size")?)
}

pub(super) fn pages(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    let counted: u32 = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
    Ok(counted.into())
}

/// A set of numbers from 0, as a bitmap.
#[derive(Default)]
struct IdSet(Vec<u64>);

impl IdSet {
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
    fn the_level_cuts_the_largest_weights() {
        let weights = [5, 10, 100, 1_000].map(|weight| (weight, String::new()));
        assert_eq!(water_level(&weights, 1_115), u64::MAX);
        assert_eq!(water_level(&weights, 615), 500);
        assert_eq!(water_level(&weights, 55), 20);
        assert_eq!(water_level(&weights, 0), 0);
    }

    #[test]
    fn numbers_of_an_id_set_are_kept_apart() {
        let mut marks = IdSet::default();
        [1, 63, 64, 1_000].iter().for_each(|id| marks.set(*id));
        let found: Vec<i64> = (0..2_000).filter(|id| marks.has(*id)).collect();
        assert_eq!(found, [1, 63, 64, 1_000]);
    }
}
