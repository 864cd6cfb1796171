//! Moving what is committed from the log into the database file, on a thread of its own:
//! nobody who waits for an acknowledgement waits for this.
//!
//! A checkpoint can empty the log only when no commit came while it ran. Under a load that
//! never pauses none of them would, so beyond [`LOG_PAGES`] the writer is asked to do the
//! last step itself: by then only the few pages of its latest commits are left to move.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use metrics::gauge;
use rusqlite::Connection;

use super::schema::connect;

/// The log may have this many pages, of 4 KB each, before the writer helps.
const LOG_PAGES: i64 = 4_096;

/// The writer's side: asks for checkpoints.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    last_step: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Starts the thread, which ends when this is dropped.
    pub(super) fn start(path: PathBuf, patience: Duration) -> anyhow::Result<Self> {
        let (wake, asked) = sync_channel(1);
        let last_step = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            path,
            patience,
            connection: None,
            last_step: Arc::clone(&last_step),
        };
        thread::Builder::new()
            .name("event-checkpoint".to_owned())
            .spawn(move || thread.run(&asked))
            .context("cannot start the checkpoints of the event store")?;
        Ok(Self { wake, last_step })
    }

    /// Asks for one. One that is asked for already is enough.
    pub(super) fn ask(&self) {
        match self.wake.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => {
                tracing::error!("the checkpoints of the event store have ended");
            }
        }
    }

    /// Whether it is time for the last step.
    pub(super) fn need_help(&self) -> bool {
        self.last_step.load(Ordering::Relaxed)
    }

    /// Does the last step if it is time to, between two commits of the writer's.
    pub(super) fn help(&self, writer: &Connection) {
        if self.last_step.swap(false, Ordering::Relaxed)
            && let Err(error) = checkpoint(writer)
        {
            tracing::debug!(%error, "the log of the event store could not be emptied");
        }
    }
}

struct Thread {
    path: PathBuf,
    patience: Duration,
    connection: Option<Connection>,
    last_step: Arc<AtomicBool>,
}

impl Thread {
    fn run(mut self, asked: &Receiver<()>) {
        let mut failed = false;
        report_sizes(&self.path);
        while asked.recv().is_ok() {
            match self.checkpoint() {
                Ok(in_log) => {
                    failed = false;
                    self.last_step.store(in_log > LOG_PAGES, Ordering::Relaxed);
                }
                Err(error) => {
                    // What is committed is safe in the log; it only grows until this works.
                    if !failed {
                        tracing::warn!(%error, "a checkpoint of the event store failed");
                    }
                    failed = true;
                    self.connection = None;
                }
            }
            report_sizes(&self.path);
        }
    }

    fn checkpoint(&mut self) -> rusqlite::Result<i64> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, self.patience)?,
        };
        checkpoint(self.connection.insert(connection))
    }
}

/// Moves what can be moved without waiting for anybody; the answer is how many pages the
/// log holds.
fn checkpoint(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

fn report_sizes(path: &Path) {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    gauge!("pipalhub_store_file_bytes").set(size(path) as f64);
    gauge!("pipalhub_store_wal_bytes").set(size(Path::new(&log)) as f64);
}
