//! The journal's ends: appending entries, and cutting old ones.
//!
//! It is cut in steps of a size that slows no commit, by the commits that made it too
//! long and, when a service starts with a smaller `--keep-events`, while no events come.
//! Pages that become free are used again, and given back to the file system
//! once they are many.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    sqlite::give_back,
    store::{JournalBounds, NewEvent},
};

/// The journal is cut when it is this much too long, not at every commit.
const CUT_SLACK_ENTRIES: i64 = 256;

/// How many entries one step removes at most: about 50 pages.
const MAX_CUT_ENTRIES: i64 = 1_024;

/// Free pages are given back when they are more than these, which are 8 MB, ...
const MAX_FREE_PAGES: i64 = 2_048;

/// ... so many in one step: SQLite looks for each of them through the list of all.
const VACUUM_PAGES_PER_STEP: u32 = 32;

/// The sequence number of an entry in the journal, and the id of its event in the list.
#[derive(Clone, Copy)]
pub(super) struct JournalPlace {
    pub(super) seq: i64,
    pub(super) id: i64,
}

/// The bounds of the journal in the file. Two subqueries, each reads one end of the index;
/// together in one they would scan the whole journal.
pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<JournalBounds> {
    connection.query_row(
        "SELECT (SELECT min(seq) FROM journal) - 1, (SELECT max(seq) FROM journal)",
        [],
        |row| {
            Ok(JournalBounds {
                complete_after: row.get::<_, Option<i64>>(0)?.unwrap_or(0),
                newest: row.get::<_, Option<i64>>(1)?.unwrap_or(0),
            })
        },
    )
}

/// Stores an event, within a transaction: in the list, where a known key keeps its id, and at the
/// end of the journal. `None` when it would be one key more than the event's user may have.
pub(super) fn append(
    connection: &Connection,
    new: &NewEvent,
    most_keys: Option<u32>,
) -> rusqlite::Result<Option<JournalPlace>> {
    // Not `ON CONFLICT`: that would burn an id for every repeated key.
    let known: Option<i64> = connection
        .prepare_cached(
            "UPDATE events SET filename = ?4, timestamp = ?5
             WHERE type = ?1 AND user = ?2 AND path = ?3 RETURNING id",
        )?
        .query_row(
            params![new.kind, new.user, new.path, new.filename, new.timestamp],
            |row| row.get(0),
        )
        .optional()?;
    let id = match known {
        Some(id) => id,
        None if is_full(connection, &new.user, most_keys)? => return Ok(None),
        None => connection
            .prepare_cached(
                "INSERT INTO events (type, user, path, filename, timestamp)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .insert(params![
                new.kind,
                new.user,
                new.path,
                new.filename,
                new.timestamp
            ])?,
    };
    let seq = connection
        .prepare_cached(
            "INSERT INTO journal (event_id, type, user, path, filename, timestamp)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(params![
            id,
            new.kind,
            new.user,
            new.path,
            new.filename,
            new.timestamp
        ])?;
    Ok(Some(JournalPlace { seq, id }))
}

fn is_full(connection: &Connection, user: &str, most_keys: Option<u32>) -> rusqlite::Result<bool> {
    let Some(most) = most_keys else {
        return Ok(false);
    };
    let keys: u32 = connection
        .prepare_cached("SELECT count(*) FROM events WHERE user = ?1")?
        .query_row([user], |row| row.get(0))?;
    Ok(keys >= most)
}

/// The sequence number up to which the next step cuts a journal that is too long for `kept`
/// entries.
pub(super) fn next_cut(bounds: JournalBounds, kept: i64) -> Option<i64> {
    let too_many = bounds.newest - bounds.complete_after - kept;
    (too_many >= CUT_SLACK_ENTRIES).then(|| bounds.complete_after + too_many.min(MAX_CUT_ENTRIES))
}

/// Removes all entries up to `seq`.
pub(super) fn cut(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM journal WHERE seq <= ?1")?
        .execute([seq])?;
    Ok(())
}

/// Gives some of the free pages back if they are many; returns whether it did.
pub(super) fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let can = number("PRAGMA auto_vacuum")? == 2;
    if !can || number("PRAGMA freelist_count")? <= MAX_FREE_PAGES {
        return Ok(false);
    }
    give_back(connection, VACUUM_PAGES_PER_STEP)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::schema, *};

    #[test]
    fn a_vacuum_step_gives_its_pages_back_and_some_stay_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        let connection = schema::prepare(&path, Duration::from_secs(5)).unwrap();
        let fill = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 2200)
            INSERT INTO journal SELECT n, 1, 't', 'u', 'f', hex(zeroblob(2000)), 't' FROM n;
            DELETE FROM journal";
        connection.execute_batch(fill).unwrap();
        let free = || -> i64 {
            let count = "PRAGMA freelist_count";
            connection.query_row(count, [], |row| row.get(0)).unwrap()
        };
        let mut before = free();
        assert!(before > MAX_FREE_PAGES + 100, "{before}");
        while shrink(&connection).unwrap() {
            assert_eq!(free(), before - i64::from(VACUUM_PAGES_PER_STEP));
            before = free();
        }
        assert!(
            before <= MAX_FREE_PAGES && before > MAX_FREE_PAGES - 32,
            "{before}"
        );
    }

    #[test]
    fn a_journal_is_cut_in_steps_and_never_below_what_is_kept() {
        let mut bounds = JournalBounds {
            complete_after: 0,
            newest: 10_000,
        };
        let mut steps = 0;
        while let Some(seq) = next_cut(bounds, 2_000) {
            assert!(seq - bounds.complete_after <= MAX_CUT_ENTRIES);
            bounds.complete_after = seq;
            steps += 1;
        }
        assert_eq!((bounds.complete_after, steps), (8_000, 8));
        bounds.newest += CUT_SLACK_ENTRIES - 1;
        assert_eq!(next_cut(bounds, 2_000), None);
    }
}
