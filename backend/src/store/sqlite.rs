//! [`EventStore`] on SQLite: one writer thread that commits what has queued up
//! together, one connection for readers.
//!
//! The order is commit, acknowledge, publish: nobody hears of an event that a crash
//! could take back.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::Context;
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use shared::wire::Event;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Committed, EventFilter, EventStore, JournalBounds, NewEvent, StoreError};
use crate::sqlite::{Durability, connect, migrate};

/// Append-only; see [`migrate`].
const MIGRATIONS: &[&str] = &["
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        path TEXT NOT NULL,
        timestamp TEXT NOT NULL,
        UNIQUE (type, user, path)
    ) STRICT;
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id INTEGER NOT NULL,
        type TEXT NOT NULL,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        path TEXT NOT NULL,
        timestamp TEXT NOT NULL
    ) STRICT;
"];

/// How many journal entries are kept; at 60 saves a second an hour, in about 40 MB.
const JOURNAL_KEPT: i64 = 200_000;

/// The journal is cut when it is this much too long, not at every commit.
const JOURNAL_SLACK: i64 = 2_000;

/// How many events one transaction takes at most.
const BATCH: usize = 512;

struct Job {
    event: NewEvent,
    reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// Events in one SQLite file. See the module's words.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    reader: Arc<Mutex<Connection>>,
    published: broadcast::Sender<Committed>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl SqliteStore {
    /// Opens the file at `path`, making or migrating it as needed, and starts its
    /// writer, which ends when the store is dropped.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database, or was written by a newer
    /// version of the program.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let writer = connect(path, Durability::Full)?;
        migrate(&writer, MIGRATIONS)
            .with_context(|| format!("cannot use the database {}", path.display()))?;
        let reader = Arc::new(Mutex::new(connect(path, Durability::Full)?));
        let (jobs, queue) = mpsc::channel(4 * BATCH);
        let (published, _) = broadcast::channel(4 * BATCH);
        let trouble = Arc::new(Mutex::new(None));
        let thread = WriterThread {
            connection: writer,
            queue,
            published: published.clone(),
            trouble: Arc::clone(&trouble),
        };
        thread::Builder::new()
            .name("event-writer".to_owned())
            .spawn(move || thread.run())
            .context("cannot start the event writer")?;
        Ok(Self {
            jobs,
            reader,
            published,
            trouble,
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || read(&lock(&reader)))
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(StoreError::from)
    }
}

struct WriterThread {
    connection: Connection,
    queue: mpsc::Receiver<Job>,
    published: broadcast::Sender<Committed>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl WriterThread {
    fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < BATCH
                && let Ok(next) = self.queue.try_recv()
            {
                jobs.push(next);
            }
            let written = self.write(&jobs);
            *lock(&self.trouble) = written.as_ref().err().map(ToString::to_string);
            match written {
                Ok(committed) => self.announce(jobs, committed),
                Err(error) => {
                    for job in jobs {
                        // The asker may have gone; there is nobody else to tell.
                        let _ = job.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    fn write(&mut self, jobs: &[Job]) -> Result<Vec<Committed>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let committed = jobs
            .iter()
            .map(|job| upsert(&transaction, &job.event))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        trim_journal(&transaction, &committed)?;
        transaction.commit()?;
        Ok(committed)
    }

    fn announce(&self, jobs: Vec<Job>, committed: Vec<Committed>) {
        for (job, committed) in jobs.into_iter().zip(committed) {
            let _ = job.reply.send(Ok(committed.clone()));
            // No receiver is no error: nobody is listening right now.
            let _ = self.published.send(committed);
        }
    }
}

fn upsert(transaction: &Transaction<'_>, new: &NewEvent) -> rusqlite::Result<Committed> {
    // Not `ON CONFLICT`: that would burn an id for every repeated key.
    let known: Option<i64> = transaction
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
        None => transaction
            .prepare_cached(
                "INSERT INTO events (type, user, path, filename, timestamp)
                 VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
            )?
            .query_row(
                params![new.kind, new.user, new.path, new.filename, new.timestamp],
                |row| row.get(0),
            )?,
    };
    let seq = transaction
        .prepare_cached(
            "INSERT INTO journal (event_id, type, user, path, filename, timestamp)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING seq",
        )?
        .query_row(
            params![
                id,
                new.kind,
                new.user,
                new.path,
                new.filename,
                new.timestamp
            ],
            |row| row.get(0),
        )?;
    let NewEvent {
        kind,
        user,
        filename,
        path,
        timestamp,
    } = new.clone();
    Ok(Committed {
        seq,
        event: Event {
            id,
            kind,
            user,
            filename,
            path,
            timestamp,
        },
    })
}

fn trim_journal(transaction: &Transaction<'_>, new: &[Committed]) -> rusqlite::Result<()> {
    let crossed = new
        .iter()
        .any(|committed| committed.seq % JOURNAL_SLACK == 0);
    if let Some(last) = new.last()
        && crossed
    {
        transaction
            .prepare_cached("DELETE FROM journal WHERE seq <= ?1")?
            .execute([last.seq - JOURNAL_KEPT])?;
    }
    Ok(())
}

impl EventStore for SqliteStore {
    fn append(&self, event: NewEvent) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.jobs
                .send(Job { event, reply })
                .await
                .map_err(|_| StoreError::Closed)?;
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn list(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<Event>, StoreError>> {
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, type, user, filename, path, timestamp FROM events
                     WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR type = ?2)
                       AND (?3 IS NULL OR user = ?3) AND (?4 IS NULL OR filename = ?4)
                       AND (?5 IS NULL OR path = ?5) AND (?6 IS NULL OR timestamp = ?6)
                     ORDER BY id",
                )?
                .query_map(
                    params![
                        filter.id,
                        filter.kind,
                        filter.user,
                        filter.filename,
                        filter.path,
                        filter.timestamp
                    ],
                    |row| event_from(row, 0),
                )?
                .collect()
        }))
    }

    fn journal_after(
        &self,
        seq: i64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Committed>, StoreError>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Box::pin(self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT seq, event_id, type, user, filename, path, timestamp FROM journal
                     WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?
                .query_map([seq, limit], |row| {
                    Ok(Committed {
                        seq: row.get(0)?,
                        event: event_from(row, 1)?,
                    })
                })?
                .collect()
        }))
    }

    fn journal_bounds(&self) -> BoxFuture<'_, Result<JournalBounds, StoreError>> {
        Box::pin(self.read(|connection| {
            connection
                .prepare_cached(
                    // Two subqueries, each a look at one end of the index; together in one
                    // they would scan the whole journal.
                    "SELECT (SELECT min(seq) FROM journal) - 1, (SELECT max(seq) FROM journal)",
                )?
                .query_row([], |row| {
                    Ok(JournalBounds {
                        complete_after: row.get::<_, Option<i64>>(0)?.unwrap_or(0),
                        newest: row.get::<_, Option<i64>>(1)?.unwrap_or(0),
                    })
                })
        }))
    }

    fn subscribe(&self) -> broadcast::Receiver<Committed> {
        self.published.subscribe()
    }

    fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }
}

fn event_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(first)?,
        kind: row.get(first + 1)?,
        user: row.get(first + 2)?,
        filename: row.get(first + 3)?,
        path: row.get(first + 4)?,
        timestamp: row.get(first + 5)?,
    })
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

/// A panic while the lock was held leaves no half-made state behind in either user of
/// this, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, user: &str, path: &str) -> NewEvent {
        NewEvent {
            kind: kind.to_owned(),
            user: user.to_owned(),
            filename: path.trim_start_matches("/home/").to_owned(),
            path: path.to_owned(),
            timestamp: "2022-11-14T16:00:00+00:00".to_owned(),
        }
    }

    fn open(folder: &tempfile::TempDir) -> SqliteStore {
        SqliteStore::open(&folder.path().join("events.sqlite3")).unwrap()
    }

    #[tokio::test]
    async fn a_repeated_key_keeps_its_id_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        for user in ["alice", "bob", "alice", "carol"] {
            store
                .append(event("save-notebook", user, "/home/x.ipynb"))
                .await
                .unwrap();
        }
        let listed = store.list(EventFilter::default()).await.unwrap();
        let seen: Vec<_> = listed.iter().map(|e| (e.id, e.user.as_str())).collect();
        assert_eq!(seen, [(1, "alice"), (2, "bob"), (3, "carol")]);
        let journal = store.journal_after(0, 10).await.unwrap();
        let seqs: Vec<_> = journal.iter().map(|c| (c.seq, c.event.id)).collect();
        assert_eq!(seqs, [(1, 1), (2, 2), (3, 1), (4, 3)]);
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(&folder);
        let stored = first
            .append(event("a", "alice", "/home/x.ipynb"))
            .await
            .unwrap();
        drop(first);
        let second = open(&folder);
        assert_eq!(
            second.list(EventFilter::default()).await.unwrap(),
            [stored.event]
        );
        let next = second
            .append(event("b", "alice", "/home/x.ipynb"))
            .await
            .unwrap();
        assert_eq!((next.seq, next.event.id), (2, 2));
    }

    #[tokio::test]
    async fn subscribers_hear_in_order_and_only_of_commits() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let mut heard = store.subscribe();
        let writes = (0..50).map(|i| store.append(event("a", "u", &format!("/home/{i}"))));
        futures::future::join_all(writes).await;
        for seq in 1..=50 {
            let committed = heard.recv().await.unwrap();
            assert_eq!(committed.seq, seq);
        }
    }

    #[tokio::test]
    async fn the_journal_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        drop(open(&folder));
        Connection::open(&path)
            .unwrap()
            .execute(
                "INSERT INTO journal VALUES (1, 1, 'a', 'u', 'f', 'p', 't'), (?1, 1, 'a', 'u', 'f', 'p', 't')",
                [JOURNAL_KEPT + JOURNAL_SLACK - 1],
            )
            .unwrap();
        let store = open(&folder);
        store.append(event("a", "u", "/home/x")).await.unwrap();
        let bounds = store.journal_bounds().await.unwrap();
        assert_eq!(bounds.newest, JOURNAL_KEPT + JOURNAL_SLACK);
        assert_eq!(bounds.complete_after, JOURNAL_KEPT + JOURNAL_SLACK - 2);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let refusal = format!("{:#}", SqliteStore::open(&path).err().unwrap());
        assert!(refusal.contains("newer pipalhub"), "{refusal}");
    }
}
