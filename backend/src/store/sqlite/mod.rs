//! [`EventStore`] on SQLite, in one file.
//!
//! * `schema`: the tables, opening the file, what is refused
//! * `queue` and `writer`: one at a time commits what has queued up together
//! * `journal`: appending, and cutting what is too old
//! * `checkpoint`: from the log into the file, where nobody waits for it
//! * `readers`: a few connections for those who only read
//! * `past`: what of the journal is for whom
//!
//! The order is commit, acknowledge, publish: nobody hears of an event that a crash
//! could take back.

mod checkpoint;
mod journal;
mod past;
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
    past::Past,
    queue::Job,
    readers::Readers,
    writer::{Shared, Writer},
};
use super::{Committed, EventFilter, EventStore, JournalBounds, JournalPage, NewEvent, StoreError};
use crate::sqlite::PATIENCE;

/// How many committed events a subscriber may be behind before it reads the journal.
const BACKLOG: usize = 2_048;

/// Connections for listing, and as many for the journal: a script that lists ten
/// thousand events does not hold up the streams.
const READERS: usize = 2;

/// What may be chosen about a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How many journal entries are kept, at least 1. A stream resumes from as far back.
    pub keep_events: u32,
    /// How long to wait for another program that holds the file.
    pub patience: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            // At 60 saves a second an hour, in about 40 MB.
            keep_events: 200_000,
            patience: PATIENCE,
        }
    }
}

/// Events in one SQLite file. See the module's words.
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Writer>>,
    lists: Arc<Readers>,
    journals: Arc<Readers>,
    past: Arc<Past>,
    published: broadcast::Sender<Committed>,
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
        let patience = options.patience;
        let connection = schema::prepare(path, patience)?;
        let bounds = journal::bounds(&connection)
            .with_context(|| format!("cannot read the database {}", path.display()))?;
        let shared = Arc::new(Shared::default());
        *shared.bounds.lock() = bounds;
        let (published, _) = broadcast::channel(BACKLOG);
        let writer = Writer {
            path: path.to_owned(),
            patience,
            kept: i64::from(options.keep_events.max(1)),
            shared: Arc::clone(&shared),
            published: published.clone(),
            checkpoints: Checkpoints::start(path.to_owned(), patience)?,
            connection: Some(connection),
            bounds,
            // Whoever was here before may have crashed and left a long log behind.
            pages: 1,
            untidy: true,
            // Nobody knows yet; the thread finds out.
            quick: false,
            stored_at: Instant::now(),
            thread_sleeps: false,
        };
        let writer = Arc::new(Mutex::new(writer));
        let runtime = Handle::try_current().ok();
        let (its_writer, its_shared) = (Arc::clone(&writer), Arc::clone(&shared));
        thread::Builder::new()
            .name("event-writer".to_owned())
            .spawn(move || Writer::run(&its_writer, &its_shared, runtime.as_ref()))
            .context("cannot start the event writer")?;
        Ok(Self {
            shared,
            writer,
            lists: Readers::new(path, patience, READERS),
            journals: Readers::new(path, patience, READERS),
            past: Arc::default(),
            published,
        })
    }
}

impl SqliteStore {
    async fn queue(
        &self,
        event: NewEvent,
        most_keys: Option<u32>,
    ) -> Result<Committed, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(Job {
            event,
            most_keys,
            reply,
        })?;
        match self.writer.try_lock() {
            Some(mut writer) => writer.commit_now(),
            // Whoever has it may be at its end already.
            None => self.shared.queue.tell(),
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
    fn append(&self, event: NewEvent) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(self.queue(event, None))
    }

    fn append_within(
        &self,
        event: NewEvent,
        most: u32,
    ) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(self.queue(event, Some(most)))
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
        let past = Arc::clone(&self.past);
        Box::pin(
            self.journals
                .read(move |connection| past.after(connection, seq, limit, &filter)),
        )
    }

    fn journal_bounds(&self) -> BoxFuture<'_, Result<JournalBounds, StoreError>> {
        // The writer knows, and it is the only one that writes.
        let bounds = *self.shared.bounds.lock();
        Box::pin(async move { Ok(bounds) })
    }

    fn subscribe(&self) -> broadcast::Receiver<Committed> {
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

/// What is wrong, in words that anyone may read: SQLite's own name files.
fn words_for(error: &rusqlite::Error) -> &'static str {
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
