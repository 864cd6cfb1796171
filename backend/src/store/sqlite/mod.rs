//! [`EventStore`] on SQLite, in one file.
//!
//! * `schema`: the tables, opening the file, refusing one that is damaged or newer
//! * `queue` and `writer`: queued events are committed together, by one writer
//! * `journal`: appending, and cutting old entries
//! * `checkpoint`: moving the log into the file, on a thread that no request waits for
//! * `readers`: a few connections for reading
//! * `journal_reader`: reading the journal, for one user or for all
//!
//! The order is commit, acknowledge, publish: no reader hears of an event that a crash
//! could take back.

mod checkpoint;
mod journal;
mod journal_reader;
mod queue;
mod readers;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use anyhow::Context;
use futures::future::BoxFuture;
use rusqlite::ErrorCode;
use shared::wire::Event;
use tokio::{
    runtime::Handle,
    sync::{broadcast, oneshot},
};

pub use schema::versions;
pub(crate) use schema::{inspect, users};

use self::{
    checkpoint::Checkpoints,
    journal_reader::JournalReader,
    queue::AppendJob,
    readers::ReadConnections,
    writer::{StoreState, StoreWriter},
};
use super::{
    CommittedEvent, EventFilter, EventStore, JournalBounds, JournalPage, NewEvent, StoreError,
};
use crate::sqlite::BUSY_TIMEOUT;

/// How many committed events a subscriber may be behind before it has to read the journal.
const MAX_SUBSCRIBER_BACKLOG: usize = 2_048;

/// Connections for listing, and as many for the journal: a script that lists ten
/// thousand events does not hold up the streams.
const CONNECTIONS_PER_POOL: usize = 2;

/// The options of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How many journal entries are kept, at least 1. A stream can resume over as many.
    pub keep_events: u32,
    /// How long to wait for another program that locks the file.
    pub busy_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            // At 60 saves a second an hour, in about 40 MB.
            keep_events: 200_000,
            busy_timeout: BUSY_TIMEOUT,
        }
    }
}

/// A store of events in one SQLite file.
pub struct SqliteStore {
    shared: Arc<StoreState>,
    writer: Arc<Mutex<StoreWriter>>,
    lists: Arc<ReadConnections>,
    journals: Arc<ReadConnections>,
    journal_reader: Arc<JournalReader>,
    published: broadcast::Sender<CommittedEvent>,
}

impl SqliteStore {
    /// [`SqliteStore::open_with`] the usual options.
    ///
    /// # Errors
    /// As there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_with(path, StoreOptions::default())
    }

    /// Opens the file at `path`, making or migrating it as needed, and starts its
    /// writer, which ends when the store is dropped.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database or damaged, or was written by a
    /// newer version of the program.
    pub fn open_with(path: &Path, options: StoreOptions) -> anyhow::Result<Self> {
        let busy_timeout = options.busy_timeout;
        let connection = schema::prepare(path, busy_timeout)?;
        let bounds = journal::bounds(&connection)
            .with_context(|| format!("cannot read the database {}", path.display()))?;
        let shared = Arc::new(StoreState::default());
        *shared.bounds.lock() = bounds;
        let (published, _) = broadcast::channel(MAX_SUBSCRIBER_BACKLOG);
        let writer = StoreWriter {
            path: path.to_owned(),
            busy_timeout,
            kept: i64::from(options.keep_events.max(1)),
            shared: Arc::clone(&shared),
            published: published.clone(),
            checkpoints: Checkpoints::start(path.to_owned(), busy_timeout)?,
            connection: Some(connection),
            bounds,
            // A service that crashed may have left a long log behind.
            pages: 1,
            may_need_tidying: true,
            // Unknown until the thread has made the first commit.
            is_fast: false,
            stored_at: Instant::now(),
            thread_sleeps: false,
        };
        let writer = Arc::new(Mutex::new(writer));
        let runtime = Handle::try_current().ok();
        let (its_writer, its_shared) = (Arc::clone(&writer), Arc::clone(&shared));
        thread::Builder::new()
            .name("event-writer".to_owned())
            .spawn(move || StoreWriter::run(&its_writer, &its_shared, runtime.as_ref()))
            .context("cannot start the event writer")?;
        Ok(Self {
            shared,
            writer,
            lists: ReadConnections::new(path, busy_timeout, CONNECTIONS_PER_POOL),
            journals: ReadConnections::new(path, busy_timeout, CONNECTIONS_PER_POOL),
            journal_reader: Arc::default(),
            published,
        })
    }
}

impl SqliteStore {
    async fn append_job(
        &self,
        event: NewEvent,
        most_keys: Option<u32>,
    ) -> Result<CommittedEvent, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(AppendJob {
            event,
            most_keys,
            reply,
        })?;
        match self.writer.try_lock() {
            Some(mut writer) => writer.commit_now(),
            // The holder of the lock may have taken its jobs already.
            None => self.shared.queue.wake_if_filled(),
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl EventStore for SqliteStore {
    fn append(&self, event: NewEvent) -> BoxFuture<'_, Result<CommittedEvent, StoreError>> {
        Box::pin(self.append_job(event, None))
    }

    fn append_within(
        &self,
        event: NewEvent,
        most: u32,
    ) -> BoxFuture<'_, Result<CommittedEvent, StoreError>> {
        Box::pin(self.append_job(event, Some(most)))
    }

    fn list(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<Event>, StoreError>> {
        Box::pin(
            self.lists
                .read(move |connection| readers::list(connection, &filter)),
        )
    }

    fn journal_after(
        &self,
        seq: i64,
        limit: usize,
        filter: EventFilter,
    ) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        let journal_reader = Arc::clone(&self.journal_reader);
        Box::pin(
            self.journals
                .read(move |connection| journal_reader.after(connection, seq, limit, &filter)),
        )
    }

    fn journal_bounds(&self) -> BoxFuture<'_, Result<JournalBounds, StoreError>> {
        // The writer's own bounds hold, because it is the only one that writes.
        let bounds = *self.shared.bounds.lock();
        Box::pin(async move { Ok(bounds) })
    }

    fn subscribe(&self) -> broadcast::Receiver<CommittedEvent> {
        self.published.subscribe()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().map(str::to_owned)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

/// A message about the error that every user may read, unlike SQLite's own, which name files.
fn message_for(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "the disk or the database file is read-only",
        Some(ErrorCode::SystemIoFailure) => "the disk answers with errors",
        Some(ErrorCode::CannotOpen) => "the database file cannot be opened",
        Some(ErrorCode::PermissionDenied) => "the service may not write the database file",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the database file"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the database file is damaged"
        }
        _ => "the database does not work; the service's log says more",
    }
}
