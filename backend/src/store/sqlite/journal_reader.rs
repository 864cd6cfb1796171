//! Reading the journal, for one user or for all: a participant who comes back may see one entry
//! in three hundred, and the whole class comes back at once.
//!
//! An index of the entries by user is kept in memory, from the first request for one user's: it
//! takes eight bytes an entry and costs no commit anything. An index of the table would be one
//! page more to write for each event, and hundreds for each cut.

use std::collections::HashMap;

use parking_lot::Mutex;

use rusqlite::{Connection, params};

use super::{journal, readers::committed_from};
use crate::store::{CommittedEvent, EventFilter, JournalPage};

/// How many entries that are not in the index are searched at once: some milliseconds. No read
/// takes a connection for longer.
const MAX_SCANNED_ENTRIES: i64 = 20_000;

/// How many entries are added to the index at once: some ten milliseconds.
const MAX_LEARNED_ENTRIES: i64 = 100_000;

/// Reads matching entries of the journal, by the index where that helps.
#[derive(Default)]
pub(super) struct JournalReader(Mutex<EntryOwners>);

/// The index of the entries by user.
#[derive(Default)]
struct EntryOwners {
    /// The sequence number up to which entries are in the index.
    known_until: i64,
    /// The sequence numbers of each user, in order.
    seqs_by_user: HashMap<String, Vec<i64>>,
}

impl JournalReader {
    /// At most `limit` entries after `seq` that match, and how far was searched.
    pub(super) fn after(
        &self,
        connection: &Connection,
        seq: i64,
        limit: usize,
        filter: &EventFilter,
    ) -> rusqlite::Result<JournalPage> {
        // Entries that are committed meanwhile are neither searched nor counted as searched.
        let newest = journal::bounds(connection)?.newest.max(seq);
        let of_user = match &filter.user {
            Some(user) => self.seqs_of_user(connection, user, seq, limit)?,
            None => None,
        };
        let (entries, scanned_until) = match of_user {
            Some((seqs, known)) => {
                let scanned_until = match seqs.last() {
                    // The user may have more entries after the last of these.
                    Some(last) if seqs.len() == limit => *last,
                    _ => known,
                };
                (matching_of(connection, &seqs, filter)?, scanned_until)
            }
            None => {
                let scanned_until = newest.min(seq.saturating_add(MAX_SCANNED_ENTRIES));
                let entries = matching_between(connection, [seq, scanned_until], limit, filter)?;
                let full = entries.last().filter(|_| entries.len() == limit);
                let scanned_until = full.map_or(scanned_until, |last| last.seq);
                (entries, scanned_until)
            }
        };
        // Read after the entries: the journal is cut at this end, so that an entry within these
        // bounds was there before.
        let bounds = journal::bounds(connection)?;
        Ok(JournalPage {
            entries,
            seen: scanned_until,
            is_whole: bounds.complete_after <= seq && seq <= bounds.newest,
        })
    }

    /// The user's next sequence numbers after `seq`, and the one up to which they are known;
    /// `None` when the index does not go beyond `seq` yet.
    fn seqs_of_user(
        &self,
        connection: &Connection,
        user: &str,
        seq: i64,
        limit: usize,
    ) -> rusqlite::Result<Option<(Vec<i64>, i64)>> {
        let mut owners = self.0.lock();
        owners.learn(connection)?;
        if owners.known_until <= seq {
            return Ok(None);
        }
        let theirs = owners.seqs_by_user.get(user).map_or(&[][..], Vec::as_slice);
        let first = theirs.partition_point(|theirs| *theirs <= seq);
        let next = theirs[first..].iter().take(limit).copied().collect();
        Ok(Some((next, owners.known_until)))
    }
}

impl EntryOwners {
    /// Adds some entries to the index, and forgets those that were cut.
    fn learn(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let bounds = journal::bounds(connection)?;
        if bounds.newest < self.known_until {
            // The disk has lost some entries, and their numbers are given out again.
            *self = Self::default();
        }
        if bounds.newest == self.known_until {
            return Ok(());
        }
        self.forget(bounds.complete_after);
        let mut entries = connection
            .prepare_cached("SELECT seq, user FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = entries.query([self.known_until, MAX_LEARNED_ENTRIES])?;
        while let Some(row) = rows.next()? {
            let (seq, user) = (row.get(0)?, row.get_ref(1)?.as_str()?);
            match self.seqs_by_user.get_mut(user) {
                Some(theirs) => theirs.push(seq),
                None => drop(self.seqs_by_user.insert(user.to_owned(), vec![seq])),
            }
            self.known_until = seq;
        }
        Ok(())
    }

    fn forget(&mut self, complete_after: i64) {
        self.seqs_by_user.retain(|_, theirs| {
            let gone = theirs.partition_point(|seq| *seq <= complete_after);
            // Not at every cut, since it moves all remaining numbers.
            if 2 * gone > theirs.len() {
                theirs.drain(..gone);
                theirs.shrink_to_fit();
            }
            !theirs.is_empty()
        });
    }
}

const COLUMNS: &str = "seq, event_id, type, user, filename, path, timestamp";
const MATCHES: &str = "(?1 IS NULL OR event_id = ?1) AND (?2 IS NULL OR type = ?2)
     AND (?3 IS NULL OR user = ?3) AND (?4 IS NULL OR filename = ?4)
     AND (?5 IS NULL OR path = ?5) AND (?6 IS NULL OR timestamp = ?6)";

/// The entries with these sequence numbers that match.
fn matching_of(
    connection: &Connection,
    seqs: &[i64],
    filter: &EventFilter,
) -> rusqlite::Result<Vec<CommittedEvent>> {
    let mut one =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM journal WHERE seq = ?1"))?;
    let mut entries = Vec::new();
    for seq in seqs {
        for entry in one.query_map([seq], committed_from)? {
            let entry = entry?;
            if filter.matches(&entry.event) {
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// The first `limit` matching entries after `after` and up to `until`.
fn matching_between(
    connection: &Connection,
    [after, until]: [i64; 2],
    limit: usize,
    filter: &EventFilter,
) -> rusqlite::Result<Vec<CommittedEvent>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM journal WHERE seq > ?7 AND seq <= ?8 AND {MATCHES}
             ORDER BY seq LIMIT ?9"
        ))?
        .query_map(
            params![
                filter.id,
                filter.kind,
                filter.user,
                filter.filename,
                filter.path,
                filter.timestamp,
                after,
                until,
                i64::try_from(limit).unwrap_or(i64::MAX),
            ],
            committed_from,
        )?
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{
        super::{SqliteStore, StoreOptions, schema},
        *,
    };

    fn options() -> StoreOptions {
        StoreOptions {
            keep_events: 1_000_000,
            busy_timeout: Duration::from_secs(5),
        }
    }

    fn fill(path: &Path, after: i64, entries: i64, user: &str) {
        let connection = schema::prepare(path, Duration::from_secs(5)).unwrap();
        let insert = format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {entries})
             INSERT INTO journal SELECT {after} + n, 1, 'save-notebook', '{user}', 'a.ipynb',
                 '/a.ipynb', '2022-11-14T16:00:00+00:00' FROM n"
        );
        connection.execute_batch(&insert).unwrap();
    }

    fn of_user(user: &str) -> EventFilter {
        EventFilter {
            user: Some(user.to_owned()),
            ..EventFilter::default()
        }
    }

    fn of_type(kind: &str) -> EventFilter {
        EventFilter {
            kind: Some(kind.to_owned()),
            ..EventFilter::default()
        }
    }

    /// The numbers of all matching entries, page by page, and how many pages it took.
    fn all(path: &Path, reader: &JournalReader, filter: &EventFilter) -> (Vec<i64>, usize) {
        let connection = schema::connect(path, Duration::from_secs(5)).unwrap();
        let newest = journal::bounds(&connection).unwrap().newest;
        let (mut seen, mut found, mut pages) = (0, Vec::new(), 0);
        while seen < newest {
            let page = reader.after(&connection, seen, 50, filter).unwrap();
            assert!(page.is_whole && page.seen > seen && page.entries.len() <= 50);
            assert!(page.entries.iter().all(|entry| entry.seq <= page.seen));
            found.extend(page.entries.iter().map(|entry| entry.seq));
            (seen, pages) = (page.seen, pages + 1);
        }
        (found, pages)
    }

    #[test]
    fn a_user_with_few_entries_needs_few_pages() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 149_000, "ana");
        fill(&path, 149_000, 120, "bo");
        fill(&path, 149_120, 880, "ana");
        let reader = JournalReader::default();
        assert_eq!(all(&path, &reader, &of_user("cy")), (Vec::new(), 2));
        let (bos, pages) = all(&path, &reader, &of_user("bo"));
        assert_eq!((bos, pages), ((149_001..=149_120).collect(), 3));
        // Without a user, so many entries are searched at once.
        assert_eq!(all(&path, &reader, &of_type("x")), (Vec::new(), 8));
        // And later entries are found, too.
        fill(&path, 150_000, 1, "cy");
        assert_eq!(all(&path, &reader, &of_user("cy")), (vec![150_001], 1));
        let theirs = of_type("x").of_user("bo").unwrap();
        assert_eq!(all(&path, &reader, &theirs).0, [0; 0]);
        assert_eq!(of_user("bo").of_user("cy"), None);
    }

    #[test]
    fn entries_that_are_not_in_the_index_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, MAX_LEARNED_ENTRIES + 10, "ana");
        fill(&path, MAX_LEARNED_ENTRIES + 10, 1, "bo");
        let connection = schema::connect(&path, Duration::from_secs(5)).unwrap();
        let page = JournalReader::default()
            .after(&connection, MAX_LEARNED_ENTRIES + 5, 50, &of_user("bo"))
            .unwrap();
        let seqs: Vec<i64> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(
            (seqs, page.seen),
            (vec![MAX_LEARNED_ENTRIES + 11], MAX_LEARNED_ENTRIES + 11)
        );
    }

    #[test]
    fn cut_entries_make_a_page_incomplete_and_leave_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 1_000, "ana");
        let reader = JournalReader::default();
        assert_eq!(all(&path, &reader, &of_user("ana")).0.len(), 1_000);
        let connection = schema::connect(&path, Duration::from_secs(5)).unwrap();
        journal::cut(&connection, 900).unwrap();
        let page = |seq| reader.after(&connection, seq, 50, &of_user("ana")).unwrap();
        assert!(!page(899).is_whole && page(900).is_whole && page(1_000).is_whole);
        assert!(!page(1_001).is_whole, "it is not there yet");
        fill(&path, 1_000, 1, "ana");
        assert_eq!(page(1_000).entries.len(), 1);
        assert_eq!(reader.0.lock().seqs_by_user["ana"].len(), 101);
        // As when a disk loses entries that were stored on it.
        let lose = "DELETE FROM journal WHERE seq > 950";
        connection.execute_batch(lose).unwrap();
        fill(&path, 950, 10, "bo");
        let page = reader.after(&connection, 940, 50, &of_user("bo")).unwrap();
        assert_eq!((page.entries.len(), page.seen), (10, 960));
    }

    #[tokio::test]
    async fn the_store_reads_pages_by_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 30_000, "ana");
        let store = SqliteStore::open_with(&path, options()).unwrap();
        let page = crate::store::EventStore::journal_after(&store, 0, 50, of_user("bo"));
        assert_eq!(page.await.unwrap().seen, 30_000);
    }
}
