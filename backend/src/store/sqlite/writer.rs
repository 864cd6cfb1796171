//! The writer: commits the queued events together, acknowledges and publishes them.
//!
//! There is one writer behind a lock. Its thread uses it, and so does the task that appends an
//! event while the thread rests and the disk is fast ([`StoreWriter::commit_now`]), because to
//! wake a thread and to be woken by it takes as long as a commit. A commit that takes long, or
//! waits for another program, is left to the thread. When a fast disk stalls all the same, the
//! thread notices and has the runtime go on without the worker that waits for it.
//!
//! A commit that failed is never acknowledged and its connection never used again: after
//! an I/O error only a new connection can tell what is on the disk. Until a write succeeds the
//! store is in trouble, and the writer tries by itself, so that the health of the service does
//! not wait for the next save.

use std::{
    mem,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use metrics::{counter, gauge, histogram};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_NOTEBOOK};
use tokio::{runtime::Handle, sync::broadcast};

use super::{
    checkpoint::Checkpoints,
    journal::{self, JournalPlace},
    message_for,
    queue::{AppendJob, AppendQueue, WakeReason},
    readers::journal_after,
    schema,
};
use crate::store::{CommittedEvent, JournalBounds, NewEvent, StoreError};

/// Between two attempts to write while the store is in trouble.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// A disk is fast while its commits take no longer than this, which is ten times as long as one
/// with a cache takes.
const FAST_COMMIT_MAX: Duration = Duration::from_millis(1);
/// Longest queue that the calling task commits itself; a longer one is left to the writer thread.
const MAX_INLINE_JOBS: usize = 16;
/// How often the thread checks whether a task holds the writer, while events come.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);
/// Until a store without new events tidies up.
const IDLE_BEFORE_TIDYING: Duration = Duration::from_secs(1);
/// Between two steps of tidying up, so that an event that came meanwhile is next.
const TIDY_STEP_PAUSE: Duration = Duration::from_millis(1);
/// A checkpoint is due after about so many pages, which are 8 MB.
const PAGES_BETWEEN_CHECKPOINTS: usize = 2_048;
/// About how many pages one step of tidying up writes.
const PAGES_PER_TIDY_STEP: usize = 256;
/// How many entries are read at once after trouble.
const CATCH_UP_ENTRIES: i64 = 1_000;

/// The state that the writer shares with the callers of the store.
#[derive(Default)]
pub(super) struct StoreState {
    pub(super) queue: AppendQueue,
    pub(super) bounds: Mutex<JournalBounds>,
    /// Why the last write failed, in words that every user may read.
    pub(super) trouble: Mutex<Option<&'static str>>,
}

/// The connection that writes, and the state of the journal.
pub(super) struct StoreWriter {
    pub(super) path: PathBuf,
    pub(super) busy_timeout: Duration,
    pub(super) kept: i64,
    pub(super) shared: Arc<StoreState>,
    pub(super) published: broadcast::Sender<CommittedEvent>,
    pub(super) checkpoints: Checkpoints,
    /// None after a write that failed.
    pub(super) connection: Option<Connection>,
    /// The bounds of the journal, as far as they are known to be on disk.
    pub(super) bounds: JournalBounds,
    /// About how many pages were written since a checkpoint was requested.
    pub(super) pages: usize,
    /// Whether a step of tidying up may be due.
    pub(super) may_need_tidying: bool,
    /// Whether the latest commit succeeded within [`FAST_COMMIT_MAX`].
    pub(super) is_fast: bool,
    /// When the latest commit ended.
    pub(super) stored_at: Instant,
    /// Whether the thread rests until it is woken.
    pub(super) thread_sleeps: bool,
}

impl StoreWriter {
    /// Runs the thread until the store is dropped. `runtime` is that of the appending tasks.
    pub(super) fn run(this: &Mutex<Self>, shared: &StoreState, runtime: Option<&Handle>) {
        let mut jobs = Vec::new();
        loop {
            // A panic in one commit must not end the thread.
            let turn = || Self::turn(this, shared, runtime, &mut jobs);
            match panic::catch_unwind(AssertUnwindSafe(turn)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(_) => {
                    tracing::error!("storing events panicked");
                    jobs.clear();
                    thread::sleep(PROBE_INTERVAL);
                }
            }
        }
    }

    fn turn(
        this: &Mutex<Self>,
        shared: &StoreState,
        runtime: Option<&Handle>,
        jobs: &mut Vec<AppendJob>,
    ) -> ControlFlow<()> {
        let rest_time = Self::lock_for_thread(this, runtime).rest_time();
        let woken = shared.queue.rest(rest_time);
        let mut writer = Self::lock_for_thread(this, runtime);
        match woken {
            WakeReason::Jobs => {
                // Taken while the lock is held, so that events are committed in their order.
                shared.queue.take(jobs, usize::MAX);
                let busy_timeout = writer.busy_timeout;
                writer.store(jobs, busy_timeout);
            }
            WakeReason::Rested if writer.is_in_trouble() => writer.probe(),
            WakeReason::Rested if writer.is_quiet() => writer.tidy(),
            WakeReason::Poked | WakeReason::Rested => {}
            WakeReason::Closed => return ControlFlow::Break(()),
        }
        writer.finish_checkpoint();
        ControlFlow::Continue(())
    }

    /// Locks the writer for the thread. When the lock is held, its holder is a worker of the
    /// runtime, perhaps the very one that waits for all sockets and timers: no other worker takes
    /// over that wait until the runtime is given a task from outside.
    fn lock_for_thread<'a>(
        this: &'a Mutex<Self>,
        runtime: Option<&Handle>,
    ) -> MutexGuard<'a, Self> {
        if let (None, Some(runtime)) = (this.try_lock(), runtime) {
            runtime.spawn(async {});
        }
        this.lock()
    }

    /// Commits the queued events on the calling thread, unless that may take long. Wakes the
    /// writer's thread for those that are left.
    pub(super) fn commit_now(&mut self) {
        let shared = Arc::clone(&self.shared);
        if self.is_fast && !self.is_in_trouble() {
            self.keep_thread_awake();
            let mut jobs = Vec::new();
            shared.queue.take(&mut jobs, MAX_INLINE_JOBS);
            self.store(&mut jobs, Duration::ZERO);
            // Not empty when another program holds the file.
            shared.queue.put_back(&mut jobs);
        }
        if self.is_in_trouble() || self.checkpoints.need_last_step() {
            shared.queue.poke();
        } else {
            shared.queue.wake_if_filled();
        }
    }

    /// Keeps the thread from sleeping, so that it notices when a commit takes long.
    pub(super) fn keep_thread_awake(&mut self) {
        if mem::take(&mut self.thread_sleeps) {
            self.shared.queue.poke();
        }
    }

    /// How long the thread rests unless it is woken; `None` is for ever.
    fn rest_time(&mut self) -> Option<Duration> {
        let rest_time = if self.is_in_trouble() {
            Some(PROBE_INTERVAL)
        } else if self.may_need_tidying {
            Some(TIDY_STEP_PAUSE)
        } else {
            let left = IDLE_BEFORE_TIDYING.saturating_sub(self.stored_at.elapsed());
            (self.pages > 0).then_some(left.min(WATCH_INTERVAL))
        };
        self.thread_sleeps = rest_time.is_none();
        rest_time
    }

    fn is_quiet(&self) -> bool {
        self.may_need_tidying || self.stored_at.elapsed() >= IDLE_BEFORE_TIDYING
    }

    fn is_in_trouble(&self) -> bool {
        self.shared.trouble.lock().is_some()
    }

    /// Commits `jobs` and replies to them. When another program holds the file for longer than
    /// `busy_timeout`, and that is less than the writer's own, they stay where they are.
    fn store(&mut self, jobs: &mut Vec<AppendJob>, busy_timeout: Duration) {
        if jobs.is_empty() {
            return;
        }
        let begun = Instant::now();
        gauge!("pipalhub_store_queued").set(jobs.len() as f64);
        match self.write(jobs, busy_timeout) {
            Ok(places) => {
                let took = begun.elapsed();
                histogram!("pipalhub_store_commit_seconds").record(took);
                self.is_fast = took <= FAST_COMMIT_MAX;
                self.stored_at = Instant::now();
                self.succeeded();
                self.acknowledge(jobs, places);
            }
            Err(error) if busy_timeout < self.busy_timeout && self.was_busy(&error) => {
                self.is_fast = false;
            }
            Err(error) => {
                self.failed(&error);
                let error = StoreError::from(error);
                for job in jobs.drain(..) {
                    // The appending task may have been dropped.
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Commits `jobs`; returns the place of each event, or `None` for one that its user may not
    /// have.
    fn write(
        &mut self,
        jobs: &[AppendJob],
        busy_timeout: Duration,
    ) -> rusqlite::Result<Vec<Option<JournalPlace>>> {
        self.reconnect()?;
        let connection = self.connection();
        connection.busy_timeout(busy_timeout)?;
        let mut bounds = self.bounds;
        // Not rusqlite's transaction, which compiles both statements at every commit. No rollback
        // is needed: a connection that failed is not used again.
        run_cached(connection, "BEGIN IMMEDIATE")?;
        let places = jobs
            .iter()
            .map(|job| journal::append(connection, &job.event, job.most_keys))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let last = places.iter().flatten().last();
        bounds.newest = last.map_or(bounds.newest, |last| last.seq);
        if let Some(seq) = journal::next_cut(bounds, self.kept) {
            journal::cut(connection, seq)?;
            bounds.complete_after = seq;
        }
        run_cached(connection, "COMMIT")?;
        self.set_bounds(bounds);
        // One page for each event, and two for the commit.
        self.count_pages(jobs.len() + 2);
        Ok(places)
    }

    /// The last step of a checkpoint that cannot end without it, between two commits.
    fn finish_checkpoint(&self) {
        if let Some(connection) = &self.connection {
            self.checkpoints.do_last_step(connection);
        }
    }

    fn acknowledge(&self, jobs: &mut Vec<AppendJob>, places: Vec<Option<JournalPlace>>) {
        for (job, place) in jobs.drain(..).zip(places) {
            let Some(place) = place else {
                let _ = job.reply.send(Err(StoreError::TooManyKeys {
                    user: job.event.user,
                    most: job.most_keys.unwrap_or_default(),
                }));
                continue;
            };
            counter!("pipalhub_events_total", "type" => kind_label(&job.event.kind)).increment(1);
            let committed = committed(place, job.event);
            // Without receivers no clone is made, and sending is no error.
            let published = (self.published.receiver_count() > 0).then(|| committed.clone());
            let _ = job.reply.send(Ok(committed));
            if let Some(committed) = published {
                let _ = self.published.send(committed);
            }
        }
    }

    /// Opens the file anew after trouble. An event that turns out to be there although its commit
    /// failed is published like any other.
    fn reconnect(&mut self) -> rusqlite::Result<()> {
        // A transaction that a panic has left open is rolled back.
        self.connection
            .take_if(|connection| !connection.is_autocommit());
        if self.connection.is_none() {
            let connection = schema::connect(&self.path, self.busy_timeout)?;
            self.catch_up(&connection)?;
            self.connection = Some(connection);
        }
        Ok(())
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it was just connected")
    }

    /// Whether another program held the file, and no transaction was begun.
    fn was_busy(&self, error: &rusqlite::Error) -> bool {
        error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
            && self
                .connection
                .as_ref()
                .is_some_and(Connection::is_autocommit)
    }

    fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let found = journal::bounds(connection)?;
        if found.newest < self.bounds.newest {
            let missing = self.bounds.newest - found.newest;
            tracing::error!(missing, "the disk has lost events that were stored on it");
        }
        let mut seq = self.bounds.newest;
        while seq < found.newest {
            let page = journal_after(connection, seq, CATCH_UP_ENTRIES)?;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            for committed in page {
                let _ = self.published.send(committed);
            }
        }
        self.set_bounds(found);
        Ok(())
    }

    fn set_bounds(&mut self, bounds: JournalBounds) {
        self.bounds = bounds;
        *self.shared.bounds.lock() = bounds;
        gauge!("pipalhub_store_journal_entries")
            .set((bounds.newest - bounds.complete_after) as f64);
    }

    fn count_pages(&mut self, pages: usize) {
        self.pages += pages;
        if self.pages >= PAGES_BETWEEN_CHECKPOINTS {
            self.pages = 0;
            self.checkpoints.request();
        }
    }

    fn succeeded(&self) {
        if self.shared.trouble.lock().take().is_some() {
            tracing::info!("events can be stored again");
        }
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        self.connection = None;
        self.is_fast = false;
        counter!("pipalhub_store_failures_total").increment(1);
        let message = message_for(error);
        let before = self.shared.trouble.lock().replace(message);
        if before != Some(message) {
            tracing::error!(%error, "events cannot be stored: {message}");
        }
    }

    fn probe(&mut self) {
        match self.write_version() {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// Writes the schema's version, to find out whether writes succeed.
    fn write_version(&mut self) -> rusqlite::Result<()> {
        self.reconnect()?;
        self.connection().busy_timeout(self.busy_timeout)?;
        let transaction =
            Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
        // The number that is there already; SQLite writes the page all the same.
        transaction.pragma_update(None, "user_version", schema::version())?;
        transaction.commit()
    }

    /// One step of the work that can wait: cutting the journal, freeing pages, a checkpoint.
    fn tidy(&mut self) {
        match self.tidy_up() {
            Ok(true) => {}
            Ok(false) => {
                self.may_need_tidying = false;
                if self.pages > 0 {
                    self.pages = 0;
                    self.checkpoints.request();
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn tidy_up(&mut self) -> rusqlite::Result<bool> {
        self.reconnect()?;
        self.connection().busy_timeout(self.busy_timeout)?;
        let mut bounds = self.bounds;
        let has_more = match journal::next_cut(bounds, self.kept) {
            Some(seq) => {
                journal::cut(self.connection(), seq)?;
                bounds.complete_after = seq;
                self.set_bounds(bounds);
                true
            }
            None => journal::shrink(self.connection())?,
        };
        if has_more {
            self.may_need_tidying = true;
            self.count_pages(PAGES_PER_TIDY_STEP);
        }
        Ok(has_more)
    }
}

fn run_cached(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// The event's type as a label. Clients may make up types, and each label value is a time series
/// for ever.
fn kind_label(kind: &str) -> &'static str {
    match kind {
        SAVE_NOTEBOOK => SAVE_NOTEBOOK,
        DELETE_NOTEBOOK => DELETE_NOTEBOOK,
        _ => "other",
    }
}

fn committed(place: JournalPlace, new: NewEvent) -> CommittedEvent {
    CommittedEvent {
        seq: place.seq,
        event: Event {
            id: place.id,
            kind: new.kind,
            user: new.user,
            filename: new.filename,
            path: new.path,
            timestamp: new.timestamp,
        },
    }
}
