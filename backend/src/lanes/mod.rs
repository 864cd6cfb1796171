//! Reading and writing participants' files, so that no request waits for another participant's
//! disk.
//!
//! There is a lane for each person. Their files are read in it, one after another, by threads
//! that go from lane to lane; so a person's large file, their hundred files or a disk of theirs
//! that does not answer take one thread at most. The callers of a job that takes too long wait
//! no longer: they get an error, another thread takes the place of the one that is held up, and
//! the lane refuses further jobs until it moves.
//!
//! A job that needs much memory takes its turn ([`PersonLanes::turn`]): one such job at a time.
//!
//! Not here: which files are read ([`crate::class`]), and how much one person may ask for
//! ([`crate::limits`]).

mod pending;
#[cfg(test)]
mod tests;
mod turns;

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use metrics::counter;

use crate::telemetry::loggable;
pub use pending::PendingAnswer;
use pending::PendingSlot;
use turns::LargeFileTurns;
pub use turns::{LARGE_FILE_BYTES, LargeFileTurn};

/// So many jobs may wait in one lane; further ones are refused.
const MAX_WAITING_JOBS: usize = 512;
/// So many threads may be held up, besides those that are not.
const MAX_HELD_UP_THREADS: usize = 256;
/// The pool has so many threads at least, because a thread that waits for a disk uses no
/// processor.
const MIN_THREADS: usize = 4;

/// How long a job may run, and how long its callers wait.
#[derive(Clone, Copy, Debug)]
pub struct LaneTimeouts {
    /// A job that runs longer than this holds its lane up.
    pub running: Duration,
    /// No caller waits longer than this, also when other jobs of the lane are done meanwhile.
    pub waiting: Duration,
}

impl Default for LaneTimeouts {
    fn default() -> Self {
        Self {
            running: Duration::from_secs(2),
            waiting: Duration::from_secs(20),
        }
    }
}

/// Why there is no answer, in words for the instructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The disk does not answer, or the file takes long.
    #[error("reading takes longer than usual: their disk may be slow, or the file very large")]
    Late,
    /// The lane of this person is full.
    #[error("too much is being read of their files at the moment")]
    Busy,
    /// A fault of ours.
    #[error("reading it failed; the service's log says why")]
    Fault,
}

/// The work of a job, which gives its answer itself.
type LaneJob = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The person whose lane this thread is in.
    static CURRENT_LANE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// A lane of jobs for each person, and the threads that do them. A clone has the same lanes.
#[derive(Clone)]
pub struct PersonLanes {
    pool: Arc<LanePool>,
    /// The threads end with the last of these.
    _end: Arc<PoolEnd>,
}

/// The threads and the lanes.
struct LanePool {
    timeouts: LaneTimeouts,
    threads: usize,
    state: Mutex<PoolState>,
    more: Condvar,
    turns: LargeFileTurns,
}

/// The lanes with jobs, and the count of threads.
#[derive(Default)]
struct PoolState {
    /// The lanes in which a job waits or runs, by person.
    lanes: HashMap<Arc<str>, LaneQueue>,
    /// The people in whose lane a job waits and none runs.
    ready: VecDeque<Arc<str>>,
    running: Vec<RunningJob>,
    threads: usize,
    idle: usize,
    ended: bool,
}

/// The jobs that wait in one lane.
#[derive(Default)]
struct LaneQueue {
    waiting: VecDeque<LaneJob>,
}

/// A job that a thread is doing.
struct RunningJob {
    person: Arc<str>,
    since: Instant,
    /// Another thread may take the place of this one.
    is_held_up: bool,
}

/// Ends the threads when it is dropped.
struct PoolEnd(Arc<LanePool>);

impl Drop for PoolEnd {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.more.notify_all();
    }
}

impl Default for PersonLanes {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores.max(MIN_THREADS), LaneTimeouts::default())
    }
}

impl PersonLanes {
    /// No lane yet, and no thread: `threads` at most are started when there are jobs, and more
    /// only in place of those that are held up.
    #[must_use]
    pub fn new(threads: usize, timeouts: LaneTimeouts) -> Self {
        let pool = Arc::new(LanePool {
            timeouts,
            threads: threads.max(1),
            state: Mutex::default(),
            more: Condvar::new(),
            turns: LargeFileTurns::new(timeouts.running / 2),
        });
        Self {
            _end: Arc::new(PoolEnd(Arc::clone(&pool))),
            pool,
        }
    }

    /// Queues `job` in the lane of `person`, where it is skipped when its answer was dropped by
    /// then. Never waits.
    pub fn submit<T: Send + 'static>(
        &self,
        person: &str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> PendingAnswer<T> {
        let slot = Arc::new(PendingSlot::default());
        let answer = slot.sender();
        let job = Box::new(move || {
            if answer.is_awaited() {
                answer.give(job());
            }
        });
        if let Err(error) = self.pool.push(person, job) {
            slot.refuse(error);
        }
        PendingAnswer::new(slot, Arc::clone(&self.pool), person)
    }

    /// Queues `job` in the lane of `person` behind all earlier jobs, however many they are. It
    /// has no answer.
    pub fn submit_detached(&self, person: &str, job: impl FnOnce() + Send + 'static) {
        let mut state = self.pool.state.lock();
        state.replace_overdue(self.pool.timeouts.running);
        state.push(person, Box::new(job));
        self.pool.ensure_worker(&mut state);
    }

    /// Starts threads in place of those that are held up. Waiting for an answer does so too; this
    /// is for a caller that only calls [`PersonLanes::submit_detached`] and waits otherwise.
    pub fn keep_going(&self) {
        let mut state = self.pool.state.lock();
        state.replace_overdue(self.pool.timeouts.running);
        self.pool.ensure_worker(&mut state);
    }

    /// Waits until no other job has the turn, when a notebook of `size` bytes is large. Must be
    /// called on no thread of the runtime, and on none that has the turn already.
    #[must_use]
    pub fn turn(&self, size: u64) -> Option<LargeFileTurn<'_>> {
        if size < LARGE_FILE_BYTES {
            return None;
        }
        self.give_up_thread();
        Some(self.pool.turns.take())
    }

    /// Applies `work` to the file of `size` bytes that `read` reads, in a turn when it is large,
    /// so that few large files are in memory at a time. A disk that does not answer keeps
    /// other jobs from their turn for a moment only: the file is then read once more in the next
    /// turn, and at last, when that was no better, before a turn.
    ///
    /// # Errors
    /// The errors of `read`.
    pub fn in_turn<F, T, E>(
        &self,
        size: u64,
        read: impl Fn() -> Result<F, E>,
        work: impl FnOnce(F) -> T,
    ) -> Result<T, E> {
        const MAX_READS: usize = 3;
        if size < LARGE_FILE_BYTES {
            return Ok(work(read()?));
        }
        self.give_up_thread();
        for _ in 0..MAX_READS {
            let turn = self.pool.turns.take_to_read();
            let file = read()?;
            if turn.has_read() {
                return Ok(work(file));
            }
        }
        let file = read()?;
        let _turn = self.pool.turns.take();
        Ok(work(file))
    }

    /// Lets another thread take the place of this one, which is about to wait for a turn, so that
    /// small files are read meanwhile.
    fn give_up_thread(&self) {
        CURRENT_LANE.with_borrow(|lane| lane.as_ref().map(|person| self.pool.hold_up(person)));
    }
}

impl LanePool {
    fn push(self: &Arc<Self>, person: &str, job: LaneJob) -> Result<(), LaneError> {
        let mut state = self.state.lock();
        state.replace_overdue(self.timeouts.running);
        if state.is_held_up(person, self.timeouts.running) {
            self.ensure_worker(&mut state);
            return Err(LaneError::Late);
        }
        if state.waiting_in(person) >= MAX_WAITING_JOBS {
            counter!("pipalhub_reads_refused_total").increment(1);
            return Err(LaneError::Busy);
        }
        state.push(person, job);
        self.ensure_worker(&mut state);
        Ok(())
    }

    /// Whether the lane of `person` is held up. Other lanes get a thread for it.
    fn is_held_up(self: &Arc<Self>, person: &str) -> bool {
        let mut state = self.state.lock();
        state.replace_overdue(self.timeouts.running);
        self.ensure_worker(&mut state);
        state.is_held_up(person, self.timeouts.running)
    }

    fn hold_up(self: &Arc<Self>, person: &str) {
        let mut state = self.state.lock();
        let mut running = state.running.iter_mut();
        if let Some(running) = running.find(|running| &*running.person == person) {
            running.is_held_up = true;
        }
        self.ensure_worker(&mut state);
    }

    /// Wakes or starts a thread when a lane is ready.
    fn ensure_worker(self: &Arc<Self>, state: &mut PoolState) {
        if state.ready.is_empty() {
            return;
        }
        if state.idle > 0 {
            self.more.notify_one();
            return;
        }
        if state.at_work() >= self.threads || state.threads >= self.threads + MAX_HELD_UP_THREADS {
            return;
        }
        let pool = Arc::clone(self);
        let started = thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || pool.work());
        match started {
            Ok(_) => state.threads += 1,
            Err(error) => tracing::warn!(%error, "a reader cannot be started"),
        }
    }

    fn work(self: Arc<Self>) {
        let mut state = self.state.lock();
        loop {
            if state.ended || state.at_work() > self.threads {
                state.threads -= 1;
                return;
            }
            let Some((person, job)) = state.take() else {
                state.idle += 1;
                self.more.wait(&mut state);
                state.idle -= 1;
                continue;
            };
            // One thread is woken at a time, and this may be the first of many jobs.
            self.ensure_worker(&mut state);
            drop(state);
            CURRENT_LANE.set(Some(Arc::clone(&person)));
            // The sender, dropped with the job, gives the error to the caller.
            if panic::catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!(person = %loggable(&person), "reading a notebook panicked");
            }
            CURRENT_LANE.set(None);
            state = self.state.lock();
            state.done(&person);
        }
    }
}

impl PoolState {
    /// Threads that are not held up.
    fn at_work(&self) -> usize {
        let held_up = self.running.iter().filter(|running| running.is_held_up);
        self.threads - held_up.count()
    }

    fn waiting_in(&self, person: &str) -> usize {
        self.lanes.get(person).map_or(0, |lane| lane.waiting.len())
    }

    fn is_held_up(&self, person: &str, timeout: Duration) -> bool {
        let mut running = self.running.iter();
        running.any(|running| &*running.person == person && running.since.elapsed() > timeout)
    }

    fn replace_overdue(&mut self, timeout: Duration) {
        for running in &mut self.running {
            running.is_held_up |= running.since.elapsed() > timeout;
        }
    }

    fn push(&mut self, person: &str, job: LaneJob) {
        if let Some(lane) = self.lanes.get_mut(person) {
            // The lane is ready already, or will be when its running job is done.
            return lane.waiting.push_back(job);
        }
        let person: Arc<str> = person.into();
        let waiting = VecDeque::from([job]);
        self.lanes
            .insert(Arc::clone(&person), LaneQueue { waiting });
        self.ready.push_back(person);
    }

    fn take(&mut self) -> Option<(Arc<str>, LaneJob)> {
        let person = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&person)?;
        let job = lane.waiting.pop_front()?;
        self.running.push(RunningJob {
            person: Arc::clone(&person),
            since: Instant::now(),
            is_held_up: false,
        });
        Some((person, job))
    }

    fn done(&mut self, person: &Arc<str>) {
        self.running.retain(|running| running.person != *person);
        let Some(lane) = self.lanes.get(person) else {
            return;
        };
        if lane.waiting.is_empty() {
            self.lanes.remove(person);
        } else {
            self.ready.push_back(Arc::clone(person));
        }
    }
}
