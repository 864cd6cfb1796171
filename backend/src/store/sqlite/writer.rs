//! The one that writes: commits what has queued up together, answers, publishes.
//!
//! There is one writer behind a lock, and who may use it: its thread, and whoever brings an
//! event while the thread rests and the disk is quick ([`Writer::commit_now`]). To wake a
//! thread and to be woken by it takes as long as a commit; but a commit that takes long, or
//! waits for another program, holds up the thread alone. When a quick disk falls asleep all the
//! same, the thread notices and has the runtime go on without the worker that waits for it.
//!
//! A commit that failed is never acknowledged and its connection never used again: after
//! an I/O error nobody knows what is on the disk but a connection that looks anew. Until a
//! write succeeds the store is in trouble, and the writer tries by itself, so that the
//! health of the service does not wait for somebody to save.

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
    journal::{self, Place},
    queue::{Job, Queue, Woken},
    readers::journal_after,
    schema, words_for,
};
use crate::store::{Committed, JournalBounds, NewEvent, StoreError};

/// Between two attempts to write while the store is in trouble.
const PROBE: Duration = Duration::from_millis(500);
/// A disk is quick while its commits take no longer; ten times what one with a cache takes.
const QUICK: Duration = Duration::from_millis(1);
/// What whoever brings an event commits with it; more is for the thread.
const FEW: usize = 16;
/// How often the thread looks whether somebody else has the writer, while events come.
const WATCH: Duration = Duration::from_millis(50);
/// Until a store that has nothing to do tidies up.
const QUIET: Duration = Duration::from_secs(1);
/// Between two steps of tidying up, so that whoever comes meanwhile is next.
const STEP: Duration = Duration::from_millis(1);
/// A checkpoint is due after about so many pages, which are 8 MB.
const PAGES_BETWEEN_CHECKPOINTS: usize = 2_048;
/// About how many pages one step of tidying up writes.
const PAGES_OF_A_STEP: usize = 256;
/// How many entries are read at once after trouble.
const PAGE: i64 = 1_000;

/// What the writer and those who ask the store both see.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) bounds: Mutex<JournalBounds>,
    /// In words that anyone may read.
    pub(super) trouble: Mutex<Option<&'static str>>,
}

pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) patience: Duration,
    pub(super) kept: i64,
    pub(super) shared: Arc<Shared>,
    pub(super) published: broadcast::Sender<Committed>,
    pub(super) checkpoints: Checkpoints,
    /// None after a write that failed.
    pub(super) connection: Option<Connection>,
    /// What the journal holds, as far as is known to be on disk.
    pub(super) bounds: JournalBounds,
    /// About how many pages were written since a checkpoint was asked for.
    pub(super) pages: usize,
    /// Whether there may be something to tidy up.
    pub(super) untidy: bool,
    /// Whether the latest commit was [`QUICK`], and well.
    pub(super) quick: bool,
    /// When the latest commit ended.
    pub(super) stored_at: Instant,
    /// Whether the thread rests until somebody wakes it.
    pub(super) thread_sleeps: bool,
}

impl Writer {
    /// The thread, until the store is dropped. `runtime` is that of those who bring events.
    pub(super) fn run(this: &Mutex<Self>, shared: &Shared, runtime: Option<&Handle>) {
        let mut jobs = Vec::new();
        loop {
            // A fault of ours in one commit must not end all of them.
            let turn = || Self::turn(this, shared, runtime, &mut jobs);
            match panic::catch_unwind(AssertUnwindSafe(turn)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(_) => {
                    tracing::error!("storing events panicked");
                    jobs.clear();
                    thread::sleep(PROBE);
                }
            }
        }
    }

    fn turn(
        this: &Mutex<Self>,
        shared: &Shared,
        runtime: Option<&Handle>,
        jobs: &mut Vec<Job>,
    ) -> ControlFlow<()> {
        let patience = Self::get(this, runtime).patience_now();
        let woken = shared.queue.rest(patience);
        let mut writer = Self::get(this, runtime);
        match woken {
            Woken::Jobs => {
                // Only now, in whose hands the writer is: what came first is first.
                shared.queue.take(jobs, usize::MAX);
                let patience = writer.patience;
                writer.store(jobs, patience);
            }
            Woken::Rested if writer.is_in_trouble() => writer.probe(),
            Woken::Rested if writer.is_quiet() => writer.tidy(),
            Woken::Poked | Woken::Rested => {}
            Woken::Closed => return ControlFlow::Break(()),
        }
        writer.help_checkpoints();
        ControlFlow::Continue(())
    }

    /// The writer for the thread, which waits for it. Whoever has it is a worker of the
    /// runtime, perhaps the very one that waits for sockets and timers for all: that is
    /// nobody's business until the runtime is given something to do from outside.
    fn get<'a>(this: &'a Mutex<Self>, runtime: Option<&Handle>) -> MutexGuard<'a, Self> {
        if let (None, Some(runtime)) = (this.try_lock(), runtime) {
            runtime.spawn(async {});
        }
        this.lock()
    }

    /// Commits what waits on the thread that asks, unless it may take long. The writer's
    /// thread is woken for whatever is left to it.
    pub(super) fn commit_now(&mut self) {
        let shared = Arc::clone(&self.shared);
        if self.quick && !self.is_in_trouble() {
            self.be_watched();
            let mut jobs = Vec::new();
            shared.queue.take(&mut jobs, FEW);
            self.store(&mut jobs, Duration::ZERO);
            // Another program holds the file.
            shared.queue.put_back(&mut jobs);
        }
        if self.is_in_trouble() || self.checkpoints.need_help() {
            shared.queue.poke();
        } else {
            shared.queue.tell();
        }
    }

    /// The thread does not sleep from now on, so that it notices how long this takes.
    pub(super) fn be_watched(&mut self) {
        if mem::take(&mut self.thread_sleeps) {
            self.shared.queue.poke();
        }
    }

    /// How long the thread rests before it does something else; `None` is for ever.
    fn patience_now(&mut self) -> Option<Duration> {
        let patience = if self.is_in_trouble() {
            Some(PROBE)
        } else if self.untidy {
            Some(STEP)
        } else {
            let left = QUIET.saturating_sub(self.stored_at.elapsed());
            (self.pages > 0).then_some(left.min(WATCH))
        };
        self.thread_sleeps = patience.is_none();
        patience
    }

    fn is_quiet(&self) -> bool {
        self.untidy || self.stored_at.elapsed() >= QUIET
    }

    fn is_in_trouble(&self) -> bool {
        self.shared.trouble.lock().is_some()
    }

    /// Commits `jobs` and answers them. When another program holds the file for longer than
    /// `patience` and the writer has more, they stay where they are.
    fn store(&mut self, jobs: &mut Vec<Job>, patience: Duration) {
        if jobs.is_empty() {
            return;
        }
        let begun = Instant::now();
        gauge!("pipalhub_store_queued").set(jobs.len() as f64);
        match self.write(jobs, patience) {
            Ok(places) => {
                let took = begun.elapsed();
                histogram!("pipalhub_store_commit_seconds").record(took);
                self.quick = took <= QUICK;
                self.stored_at = Instant::now();
                self.succeeded();
                self.announce(jobs, places);
            }
            Err(error) if patience < self.patience && self.found_it_busy(&error) => {
                self.quick = false;
            }
            Err(error) => {
                self.failed(&error);
                let error = StoreError::from(error);
                for job in jobs.drain(..) {
                    // The asker may have gone; there is nobody else to tell.
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Where each event was put, or `None` for one that its user may not have.
    fn write(&mut self, jobs: &[Job], patience: Duration) -> rusqlite::Result<Vec<Option<Place>>> {
        self.reconnect()?;
        let connection = self.connection();
        connection.busy_timeout(patience)?;
        let mut bounds = self.bounds;
        // Not rusqlite's transaction, which has both statements compiled at every commit. Nor
        // is anything rolled back: a connection that failed is not used again.
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
        self.know(bounds);
        // One for each event, and what belongs to every commit.
        self.wrote(jobs.len() + 2);
        Ok(places)
    }

    /// The last step of a checkpoint that cannot end without it, between two commits.
    fn help_checkpoints(&self) {
        if let Some(connection) = &self.connection {
            self.checkpoints.help(connection);
        }
    }

    fn announce(&self, jobs: &mut Vec<Job>, places: Vec<Option<Place>>) {
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
            // Nobody listening is no error, and no reason to make a copy.
            let heard = (self.published.receiver_count() > 0).then(|| committed.clone());
            let _ = job.reply.send(Ok(committed));
            if let Some(committed) = heard {
                let _ = self.published.send(committed);
            }
        }
    }

    /// Opens the file anew after trouble. What turns out to be there although its commit
    /// failed is told to those who listen: it is an event like any other.
    fn reconnect(&mut self) -> rusqlite::Result<()> {
        // What somebody was at who panicked is rolled back.
        self.connection
            .take_if(|connection| !connection.is_autocommit());
        if self.connection.is_none() {
            let connection = schema::connect(&self.path, self.patience)?;
            self.catch_up(&connection)?;
            self.connection = Some(connection);
        }
        Ok(())
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it was just connected")
    }

    /// Whether another program held the file, and nothing was begun.
    fn found_it_busy(&self, error: &rusqlite::Error) -> bool {
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
            let page = journal_after(connection, seq, PAGE)?;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            for committed in page {
                let _ = self.published.send(committed);
            }
        }
        self.know(found);
        Ok(())
    }

    fn know(&mut self, bounds: JournalBounds) {
        self.bounds = bounds;
        *self.shared.bounds.lock() = bounds;
        gauge!("pipalhub_store_journal_entries")
            .set((bounds.newest - bounds.complete_after) as f64);
    }

    fn wrote(&mut self, pages: usize) {
        self.pages += pages;
        if self.pages >= PAGES_BETWEEN_CHECKPOINTS {
            self.pages = 0;
            self.checkpoints.ask();
        }
    }

    fn succeeded(&self) {
        if self.shared.trouble.lock().take().is_some() {
            tracing::info!("events can be stored again");
        }
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        self.connection = None;
        self.quick = false;
        counter!("pipalhub_store_failures_total").increment(1);
        let words = words_for(error);
        let before = self.shared.trouble.lock().replace(words);
        if before != Some(words) {
            tracing::error!(%error, "events cannot be stored: {words}");
        }
    }

    fn probe(&mut self) {
        match self.write_the_least() {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// All the way to the disk, and back.
    fn write_the_least(&mut self) -> rusqlite::Result<()> {
        self.reconnect()?;
        self.connection().busy_timeout(self.patience)?;
        let transaction =
            Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
        // The number it has already; SQLite writes the page all the same.
        transaction.pragma_update(None, "user_version", schema::version())?;
        transaction.commit()
    }

    /// One step of what can wait: an old end of the journal, free pages, a checkpoint.
    fn tidy(&mut self) {
        match self.tidy_up() {
            Ok(true) => {}
            Ok(false) => {
                self.untidy = false;
                if self.pages > 0 {
                    self.pages = 0;
                    self.checkpoints.ask();
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn tidy_up(&mut self) -> rusqlite::Result<bool> {
        self.reconnect()?;
        self.connection().busy_timeout(self.patience)?;
        let mut bounds = self.bounds;
        let done = match journal::next_cut(bounds, self.kept) {
            Some(seq) => {
                journal::cut(self.connection(), seq)?;
                bounds.complete_after = seq;
                self.know(bounds);
                true
            }
            None => journal::shrink(self.connection())?,
        };
        if done {
            self.untidy = true;
            self.wrote(PAGES_OF_A_STEP);
        }
        Ok(done)
    }
}

fn run_cached(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// Types are anyone's to make up, and every label is a series for ever.
fn kind_label(kind: &str) -> &'static str {
    match kind {
        SAVE_NOTEBOOK => SAVE_NOTEBOOK,
        DELETE_NOTEBOOK => DELETE_NOTEBOOK,
        _ => "other",
    }
}

fn committed(place: Place, new: NewEvent) -> Committed {
    Committed {
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
