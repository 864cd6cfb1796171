//! What of the journal is for whom: a participant comes back who may see one entry in three
//! hundred, and with them the whole class.
//!
//! Whose each entry is, is known here from the first time that somebody asks for one user's:
//! eight bytes an entry, which costs no commit anything. An index of the table's would be one
//! page more to write for each event, and hundreds for each cut.

use std::collections::HashMap;

use parking_lot::Mutex;

use rusqlite::{Connection, params};

use super::{journal, readers::committed_from};
use crate::store::{Committed, EventFilter, JournalPage};

/// How many entries are looked at in one go, of those that nothing is known of: some
/// milliseconds. Nobody has a connection for longer.
const LOOKED_AT: i64 = 20_000;

/// How many entries are learned at once whose they are: some ten milliseconds.
const LEARNED: i64 = 100_000;

/// See the module's words.
#[derive(Default)]
pub(super) struct Past(Mutex<Owners>);

/// Whose the entries are.
#[derive(Default)]
struct Owners {
    /// Up to here.
    known: i64,
    /// The sequence numbers of each user, in order.
    of: HashMap<String, Vec<i64>>,
}

impl Past {
    /// At most `limit` entries after `seq` that match, and how far was looked.
    pub(super) fn after(
        &self,
        connection: &Connection,
        seq: i64,
        limit: usize,
        filter: &EventFilter,
    ) -> rusqlite::Result<JournalPage> {
        // What is committed meanwhile is not looked at, and not said to be.
        let newest = journal::bounds(connection)?.newest.max(seq);
        let theirs = match &filter.user {
            Some(user) => self.of(connection, user, seq, limit)?,
            None => None,
        };
        let (entries, looked) = match theirs {
            Some((seqs, known)) => {
                let looked = match seqs.last() {
                    // There may be more of them.
                    Some(last) if seqs.len() == limit => *last,
                    _ => known,
                };
                (these(connection, &seqs, filter)?, looked)
            }
            None => {
                let looked = newest.min(seq.saturating_add(LOOKED_AT));
                let entries = among(connection, [seq, looked], limit, filter)?;
                let full = entries.last().filter(|_| entries.len() == limit);
                let looked = full.map_or(looked, |last| last.seq);
                (entries, looked)
            }
        };
        // Afterwards: it is cut at that end, and what is there now was there before.
        let bounds = journal::bounds(connection)?;
        Ok(JournalPage {
            entries,
            seen: looked,
            is_whole: bounds.complete_after <= seq && seq <= bounds.newest,
        })
    }

    /// The next of this user's after `seq`, and up to where they are known; nothing when it
    /// is not known yet whose that is what comes next.
    fn of(
        &self,
        connection: &Connection,
        user: &str,
        seq: i64,
        limit: usize,
    ) -> rusqlite::Result<Option<(Vec<i64>, i64)>> {
        let mut owners = self.0.lock();
        owners.learn(connection)?;
        if owners.known <= seq {
            return Ok(None);
        }
        let theirs = owners.of.get(user).map_or(&[][..], Vec::as_slice);
        let first = theirs.partition_point(|theirs| *theirs <= seq);
        let next = theirs[first..].iter().take(limit).copied().collect();
        Ok(Some((next, owners.known)))
    }
}

impl Owners {
    /// Learns some of what it does not know, and forgets what is gone.
    fn learn(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let bounds = journal::bounds(connection)?;
        if bounds.newest < self.known {
            // The disk has lost some, and their numbers are given out again.
            *self = Self::default();
        }
        if bounds.newest == self.known {
            return Ok(());
        }
        self.forget(bounds.complete_after);
        let mut entries = connection
            .prepare_cached("SELECT seq, user FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = entries.query([self.known, LEARNED])?;
        while let Some(row) = rows.next()? {
            let (seq, user) = (row.get(0)?, row.get_ref(1)?.as_str()?);
            match self.of.get_mut(user) {
                Some(theirs) => theirs.push(seq),
                None => drop(self.of.insert(user.to_owned(), vec![seq])),
            }
            self.known = seq;
        }
        Ok(())
    }

    fn forget(&mut self, complete_after: i64) {
        self.of.retain(|_, theirs| {
            let gone = theirs.partition_point(|seq| *seq <= complete_after);
            // Now and then, since it moves all that is left.
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

/// Those of these entries that match.
fn these(
    connection: &Connection,
    seqs: &[i64],
    filter: &EventFilter,
) -> rusqlite::Result<Vec<Committed>> {
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

/// The first that match of those after one and up to another.
fn among(
    connection: &Connection,
    [after, until]: [i64; 2],
    limit: usize,
    filter: &EventFilter,
) -> rusqlite::Result<Vec<Committed>> {
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
            patience: Duration::from_secs(5),
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

    /// The numbers of all that match, page by page, and how many pages it took.
    fn all(path: &Path, past: &Past, filter: &EventFilter) -> (Vec<i64>, usize) {
        let connection = schema::connect(path, Duration::from_secs(5)).unwrap();
        let newest = journal::bounds(&connection).unwrap().newest;
        let (mut seen, mut found, mut pages) = (0, Vec::new(), 0);
        while seen < newest {
            let page = past.after(&connection, seen, 50, filter).unwrap();
            assert!(page.is_whole && page.seen > seen && page.entries.len() <= 50);
            assert!(page.entries.iter().all(|entry| entry.seq <= page.seen));
            found.extend(page.entries.iter().map(|entry| entry.seq));
            (seen, pages) = (page.seen, pages + 1);
        }
        (found, pages)
    }

    #[test]
    fn who_sees_little_is_through_in_a_few_steps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 149_000, "ana");
        fill(&path, 149_000, 120, "bo");
        fill(&path, 149_120, 880, "ana");
        let past = Past::default();
        assert_eq!(all(&path, &past, &of_user("cy")), (Vec::new(), 2));
        let (bos, pages) = all(&path, &past, &of_user("bo"));
        assert_eq!((bos, pages), ((149_001..=149_120).collect(), 3));
        // What nothing is known of is looked at so far at once.
        assert_eq!(all(&path, &past, &of_type("x")), (Vec::new(), 8));
        // And what comes later is found, too.
        fill(&path, 150_000, 1, "cy");
        assert_eq!(all(&path, &past, &of_user("cy")), (vec![150_001], 1));
        let theirs = of_type("x").of_user("bo").unwrap();
        assert_eq!(all(&path, &past, &theirs).0, [0; 0]);
        assert_eq!(of_user("bo").of_user("cy"), None);
    }

    #[test]
    fn it_looks_at_what_is_not_known_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, LEARNED + 10, "ana");
        fill(&path, LEARNED + 10, 1, "bo");
        let connection = schema::connect(&path, Duration::from_secs(5)).unwrap();
        let page = Past::default()
            .after(&connection, LEARNED + 5, 50, &of_user("bo"))
            .unwrap();
        let seqs: Vec<i64> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!((seqs, page.seen), (vec![LEARNED + 11], LEARNED + 11));
    }

    #[test]
    fn what_is_gone_is_said_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 1_000, "ana");
        let past = Past::default();
        assert_eq!(all(&path, &past, &of_user("ana")).0.len(), 1_000);
        let connection = schema::connect(&path, Duration::from_secs(5)).unwrap();
        journal::cut(&connection, 900).unwrap();
        let page = |seq| past.after(&connection, seq, 50, &of_user("ana")).unwrap();
        assert!(!page(899).is_whole && page(900).is_whole && page(1_000).is_whole);
        assert!(!page(1_001).is_whole, "it is not there yet");
        fill(&path, 1_000, 1, "ana");
        assert_eq!(page(1_000).entries.len(), 1);
        assert_eq!(past.0.lock().of["ana"].len(), 101);
        // As a disk does it that loses what was stored on it.
        let lose = "DELETE FROM journal WHERE seq > 950";
        connection.execute_batch(lose).unwrap();
        fill(&path, 950, 10, "bo");
        let page = past.after(&connection, 940, 50, &of_user("bo")).unwrap();
        assert_eq!((page.entries.len(), page.seen), (10, 960));
    }

    #[tokio::test]
    async fn the_store_hands_it_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fill(&path, 0, 30_000, "ana");
        let store = SqliteStore::open_with(&path, options()).unwrap();
        let page = crate::store::EventStore::journal_after(&store, 0, 50, of_user("bo"));
        assert_eq!(page.await.unwrap().seen, 30_000);
    }
}
