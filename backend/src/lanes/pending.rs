//! An answer that comes from a lane, for who waits on a thread and for who waits in a task.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use tokio::{sync::Notify, time::timeout};

use super::{Inner, Unread};

/// Between two looks whether it is still worth waiting.
const LOOK: Duration = Duration::from_millis(100);

/// What was asked for, when it is there.
pub struct Pending<T> {
    slot: Arc<Slot<T>>,
    inner: Arc<Inner>,
    person: String,
    until: Instant,
}

/// Where the answer is put.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    told: Notify,
}

enum State<T> {
    Open,
    Filled(Result<T, Unread>),
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State::Open),
            filled: Condvar::new(),
            told: Notify::new(),
        }
    }
}

/// Gives one answer. When it is dropped without, that is the answer.
pub(super) struct Answerer<T>(Arc<Slot<T>>);

impl<T> Answerer<T> {
    pub(super) fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(super) fn give(self, answer: T) {
        self.0.fill(Ok(answer));
    }
}

impl<T> Drop for Answerer<T> {
    fn drop(&mut self) {
        self.0.fill(Err(Unread::Fault));
    }
}

impl<T> Slot<T> {
    pub(super) fn answerer(self: &Arc<Self>) -> Answerer<T> {
        Answerer(Arc::clone(self))
    }

    pub(super) fn refuse(&self, unread: Unread) {
        let mut state = self.state.lock();
        *state = State::Filled(Err(unread));
    }

    /// The first answer counts.
    fn fill(&self, answer: Result<T, Unread>) {
        let mut state = self.state.lock();
        if matches!(*state, State::Open) {
            *state = State::Filled(answer);
            drop(state);
            self.filled.notify_all();
            self.told.notify_one();
        }
    }

    fn take(&self) -> Option<Result<T, Unread>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Open) {
            State::Filled(answer) => Some(answer),
            State::Open => None,
        }
    }
}

impl<T> Pending<T> {
    pub(super) fn new(slot: Arc<Slot<T>>, inner: Arc<Inner>, person: &str) -> Self {
        let until = Instant::now() + inner.patience.waiting;
        Self {
            slot,
            inner,
            person: person.to_owned(),
            until,
        }
    }

    /// Waits on this thread, which is none of the runtime's and none of the lanes'.
    ///
    /// # Errors
    /// See [`Unread`].
    pub fn wait(self) -> Result<T, Unread> {
        loop {
            let mut state = self.slot.state.lock();
            if matches!(*state, State::Open) {
                self.slot.filled.wait_for(&mut state, LOOK);
            }
            drop(state);
            if let Some(answer) = self.slot.take() {
                return answer;
            }
            if self.is_hopeless() {
                return Err(Unread::Late);
            }
        }
    }

    /// The same, for who has others to serve: waits no longer than `patience`.
    ///
    /// # Errors
    /// See [`Unread`].
    pub fn wait_for(mut self, patience: Duration) -> Result<T, Unread> {
        self.until = Instant::now() + patience;
        self.wait()
    }

    /// Waits in a task.
    ///
    /// # Errors
    /// See [`Unread`].
    pub async fn answer(self) -> Result<T, Unread> {
        loop {
            if let Some(answer) = self.slot.take() {
                return answer;
            }
            let told = timeout(LOOK, self.slot.told.notified()).await;
            if told.is_err() && self.is_hopeless() {
                // It may have come at the last moment.
                return self.slot.take().unwrap_or(Err(Unread::Late));
            }
        }
    }

    /// The answer, if it is there now.
    #[cfg(test)]
    pub(super) fn now(&self) -> Option<Result<T, Unread>> {
        self.slot.take()
    }

    fn is_hopeless(&self) -> bool {
        Instant::now() > self.until || self.inner.is_held_up(&self.person)
    }
}
