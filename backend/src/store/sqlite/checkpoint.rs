//! Moving committed pages from the log into the database file, on a thread of its own, so that
//! no acknowledgement waits for it.
//!
//! A checkpoint can empty the log only when no commit came while it ran. Under a load that
//! never pauses none of them would, so beyond [`MAX_LOG_PAGES`] the writer is asked to do the
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

/// The log may have this many pages, of 4 KB each, before the writer does the last step.
const MAX_LOG_PAGES: i64 = 4_096;

/// Requests checkpoints for the writer.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    last_step: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Starts the thread, which ends when this is dropped.
    pub(super) fn start(path: PathBuf, busy_timeout: Duration) -> anyhow::Result<Self> {
        let (wake, requests) = sync_channel(1);
        let last_step = Arc::new(AtomicBool::new(false));
        let thread = CheckpointThread {
            path,
            busy_timeout,
            connection: None,
            last_step: Arc::clone(&last_step),
        };
        thread::Builder::new()
            .name("event-checkpoint".to_owned())
            .spawn(move || thread.run(&requests))
            .context("cannot start the checkpoints of the event store")?;
        Ok(Self { wake, last_step })
    }

    /// Requests a checkpoint, unless one is requested already.
    pub(super) fn request(&self) {
        match self.wake.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => {
                tracing::error!("the checkpoints of the event store have ended");
            }
        }
    }

    /// Whether it is time for the last step.
    pub(super) fn need_last_step(&self) -> bool {
        self.last_step.load(Ordering::Relaxed)
    }

    /// Does the last step if it is time for it, between two commits of the writer's.
    pub(super) fn do_last_step(&self, writer: &Connection) {
        if self.last_step.swap(false, Ordering::Relaxed)
            && let Err(error) = checkpoint(writer)
        {
            tracing::debug!(%error, "the log of the event store could not be emptied");
        }
    }
}

/// The thread that makes checkpoints.
struct CheckpointThread {
    path: PathBuf,
    busy_timeout: Duration,
    connection: Option<Connection>,
    last_step: Arc<AtomicBool>,
}

impl CheckpointThread {
    fn run(mut self, requests: &Receiver<()>) {
        let mut failed = false;
        report_sizes(&self.path);
        while requests.recv().is_ok() {
            match self.checkpoint() {
                Ok(in_log) => {
                    failed = false;
                    self.last_step
                        .store(in_log > MAX_LOG_PAGES, Ordering::Relaxed);
                }
                Err(error) => {
                    // Commits are safe in the log; it only grows until a checkpoint succeeds.
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
            None => connect(&self.path, self.busy_timeout)?,
        };
        checkpoint(self.connection.insert(connection))
    }
}

/// Moves the pages that can be moved without waiting for readers or the writer; returns how many
/// pages the log holds.
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
