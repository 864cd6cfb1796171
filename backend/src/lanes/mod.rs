//! Reading what participants keep, so that nobody waits for what is somebody else's.
//!
//! There is a lane for each person. What is read of theirs is read in it, one thing after
//! another, by threads that go from lane to lane; so a person's large file, their hundred
//! files or a disk of theirs that does not answer take one thread at most. A job that takes
//! too long is waited for no more: who asked for it is told so, another thread takes the
//! place of the one that is held up, and the lane takes no more questions until it moves.
//!
//! What needs much memory takes its turn ([`Lanes::turn`]): one such thing at a time.
//!
//! Not here: what is read ([`crate::class`]), and how much one may ask for
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
pub use pending::Pending;
use pending::Slot;
use turns::Turns;
pub use turns::{HEAVY, Turn};

/// So many jobs of one person may wait; who asks for more has to ask again.
const MOST_WAITING: usize = 512;
/// So many threads may be held up, beside those that are not.
const MOST_HELD_UP: usize = 256;
/// Threads, at least: what waits for a disk does not use a processor.
const FEWEST_THREADS: usize = 4;

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A job that runs longer than this holds its lane up.
    pub running: Duration,
    /// Nobody waits longer than this, also when others are served meanwhile.
    pub waiting: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            running: Duration::from_secs(2),
            waiting: Duration::from_secs(20),
        }
    }
}

/// Why there is no answer, in words for the instructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The disk does not answer, or the file takes long.
    #[error("reading takes longer than usual: their disk may be slow, or the file very large")]
    Late,
    /// More was asked of this person's files than is done at once.
    #[error("too much is being read of their files at the moment")]
    Busy,
    /// A fault of ours.
    #[error("reading it failed; the service's log says why")]
    Fault,
}

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// Whose lane this thread is in.
    static LANE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// See the module's words. A clone has the same lanes.
#[derive(Clone)]
pub struct Lanes {
    inner: Arc<Inner>,
    /// The threads end with the last of these.
    _end: Arc<End>,
}

struct Inner {
    patience: Patience,
    threads: usize,
    state: Mutex<State>,
    more: Condvar,
    turns: Turns,
}

#[derive(Default)]
struct State {
    /// Those in which something waits or runs, by whose they are.
    lanes: HashMap<Arc<str>, Lane>,
    /// Of those, the ones in which something waits and nothing runs.
    ready: VecDeque<Arc<str>>,
    running: Vec<Running>,
    threads: usize,
    idle: usize,
    ended: bool,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Job>,
}

struct Running {
    person: Arc<str>,
    since: Instant,
    /// Another thread may take the place of this one.
    is_held_up: bool,
}

struct End(Arc<Inner>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.more.notify_all();
    }
}

impl Default for Lanes {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores.max(FEWEST_THREADS), Patience::default())
    }
}

impl Lanes {
    /// No lane yet, and no thread: `threads` at most are started when there is something to
    /// do, and more only for those that are held up.
    #[must_use]
    pub fn new(threads: usize, patience: Patience) -> Self {
        let inner = Arc::new(Inner {
            patience,
            threads: threads.max(1),
            state: Mutex::default(),
            more: Condvar::new(),
            turns: Turns::new(patience.running / 2),
        });
        Self {
            _end: Arc::new(End(Arc::clone(&inner))),
            inner,
        }
    }

    /// Has `job` done in the lane of `person`, unless nobody waits for it any more by then, and
    /// says where its answer comes. Never waits.
    pub fn ask<T: Send + 'static>(
        &self,
        person: &str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<T> {
        let slot = Arc::new(Slot::default());
        let answer = slot.answerer();
        let job = Box::new(move || {
            if answer.is_awaited() {
                answer.give(job());
            }
        });
        if let Err(unread) = self.inner.push(person, job) {
            slot.refuse(unread);
        }
        Pending::new(slot, Arc::clone(&self.inner), person)
    }

    /// Has `job` done in the lane of `person` after all that was asked before, however long
    /// that takes. Nobody is told when it is done.
    pub fn put(&self, person: &str, job: impl FnOnce() + Send + 'static) {
        let mut state = self.inner.state.lock();
        state.replace_overdue(self.inner.patience.running);
        state.push(person, Box::new(job));
        self.inner.man(&mut state);
    }

    /// Has others do what those do not that are held up. Whoever asks for something does so
    /// anyway; this is for who only [`Lanes::put`]s things and waits.
    pub fn keep_going(&self) {
        let mut state = self.inner.state.lock();
        state.replace_overdue(self.inner.patience.running);
        self.inner.man(&mut state);
    }

    /// Waits until nothing else is done that needs as much memory as reading a notebook of
    /// `size` bytes, when that is much. Asked for on no thread of the runtime, and by nobody who
    /// has a turn already.
    #[must_use]
    pub fn turn(&self, size: u64) -> Option<Turn<'_>> {
        if size < HEAVY {
            return None;
        }
        self.step_aside();
        Some(self.inner.turns.take())
    }

    /// What `work` makes of the file of `size` bytes that `read` reads, in a turn when that is
    /// much, so that few large files are in memory at a time. A disk that does not answer keeps
    /// others from their turn for a moment only: the file is then read once more in the next
    /// turn, and at last, when that was no better, before a turn.
    ///
    /// # Errors
    /// What `read` says.
    pub fn in_turn<F, T, E>(
        &self,
        size: u64,
        read: impl Fn() -> Result<F, E>,
        work: impl FnOnce(F) -> T,
    ) -> Result<T, E> {
        const READINGS: usize = 3;
        if size < HEAVY {
            return Ok(work(read()?));
        }
        self.step_aside();
        for _ in 0..READINGS {
            let turn = self.inner.turns.take_to_read();
            let file = read()?;
            if turn.has_read() {
                return Ok(work(file));
            }
        }
        let file = read()?;
        let _turn = self.inner.turns.take();
        Ok(work(file))
    }

    /// Who waits for a turn keeps no thread from reading what is small.
    fn step_aside(&self) {
        LANE.with_borrow(|lane| lane.as_ref().map(|person| self.inner.hold_up(person)));
    }
}

impl Inner {
    fn push(self: &Arc<Self>, person: &str, job: Job) -> Result<(), Unread> {
        let mut state = self.state.lock();
        state.replace_overdue(self.patience.running);
        if state.is_held_up(person, self.patience.running) {
            self.man(&mut state);
            return Err(Unread::Late);
        }
        if state.waiting_in(person) >= MOST_WAITING {
            counter!("pipalhub_reads_refused_total").increment(1);
            return Err(Unread::Busy);
        }
        state.push(person, job);
        self.man(&mut state);
        Ok(())
    }

    /// Whether the lane of `person` is held up. Others are served all the same.
    fn is_held_up(self: &Arc<Self>, person: &str) -> bool {
        let mut state = self.state.lock();
        state.replace_overdue(self.patience.running);
        self.man(&mut state);
        state.is_held_up(person, self.patience.running)
    }

    fn hold_up(self: &Arc<Self>, person: &str) {
        let mut state = self.state.lock();
        let mut running = state.running.iter_mut();
        if let Some(running) = running.find(|running| &*running.person == person) {
            running.is_held_up = true;
        }
        self.man(&mut state);
    }

    /// Sees to it that what is ready is done by somebody.
    fn man(self: &Arc<Self>, state: &mut State) {
        if state.ready.is_empty() {
            return;
        }
        if state.idle > 0 {
            self.more.notify_one();
            return;
        }
        if state.at_work() >= self.threads || state.threads >= self.threads + MOST_HELD_UP {
            return;
        }
        let inner = Arc::clone(self);
        let started = thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || inner.work());
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
            // One was woken for what may be the first of many.
            self.man(&mut state);
            drop(state);
            LANE.set(Some(Arc::clone(&person)));
            // Who asked is told by the slot that is dropped with the job.
            if panic::catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!(person = %loggable(&person), "reading a notebook panicked");
            }
            LANE.set(None);
            state = self.state.lock();
            state.done(&person);
        }
    }
}

impl State {
    /// Threads that are not held up.
    fn at_work(&self) -> usize {
        let held_up = self.running.iter().filter(|running| running.is_held_up);
        self.threads - held_up.count()
    }

    fn waiting_in(&self, person: &str) -> usize {
        self.lanes.get(person).map_or(0, |lane| lane.waiting.len())
    }

    fn is_held_up(&self, person: &str, patience: Duration) -> bool {
        let mut running = self.running.iter();
        running.any(|running| &*running.person == person && running.since.elapsed() > patience)
    }

    fn replace_overdue(&mut self, patience: Duration) {
        for running in &mut self.running {
            running.is_held_up |= running.since.elapsed() > patience;
        }
    }

    fn push(&mut self, person: &str, job: Job) {
        if let Some(lane) = self.lanes.get_mut(person) {
            // It is ready already, or will be when what runs in it is done.
            return lane.waiting.push_back(job);
        }
        let person: Arc<str> = person.into();
        let waiting = VecDeque::from([job]);
        self.lanes.insert(Arc::clone(&person), Lane { waiting });
        self.ready.push_back(person);
    }

    fn take(&mut self) -> Option<(Arc<str>, Job)> {
        let person = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&person)?;
        let job = lane.waiting.pop_front()?;
        self.running.push(Running {
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
