//! An answer that comes from a lane, to be waited for on a thread or in a task.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use tokio::{sync::Notify, time::timeout};

use super::{LaneError, LanePool};

/// Between two checks whether the lane is held up.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The answer of a job, which may not be there yet.
pub struct PendingAnswer<T> {
    slot: Arc<PendingSlot<T>>,
    pool: Arc<LanePool>,
    person: String,
    until: Instant,
}

/// Holds the answer of a job until it is taken.
pub(super) struct PendingSlot<T> {
    state: Mutex<SlotState<T>>,
    filled: Condvar,
    notify: Notify,
}

/// Whether the answer is there.
enum SlotState<T> {
    Open,
    Filled(Result<T, LaneError>),
}

impl<T> Default for PendingSlot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(SlotState::Open),
            filled: Condvar::new(),
            notify: Notify::new(),
        }
    }
}

/// Gives the answer of a job; when it is dropped without one, [`LaneError::Fault`].
pub(super) struct AnswerSender<T>(Arc<PendingSlot<T>>);

impl<T> AnswerSender<T> {
    pub(super) fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(super) fn give(self, answer: T) {
        self.0.fill(Ok(answer));
    }
}

impl<T> Drop for AnswerSender<T> {
    fn drop(&mut self) {
        self.0.fill(Err(LaneError::Fault));
    }
}

impl<T> PendingSlot<T> {
    pub(super) fn sender(self: &Arc<Self>) -> AnswerSender<T> {
        AnswerSender(Arc::clone(self))
    }

    pub(super) fn refuse(&self, error: LaneError) {
        let mut state = self.state.lock();
        *state = SlotState::Filled(Err(error));
    }

    /// The first answer counts.
    fn fill(&self, answer: Result<T, LaneError>) {
        let mut state = self.state.lock();
        if matches!(*state, SlotState::Open) {
            *state = SlotState::Filled(answer);
            drop(state);
            self.filled.notify_all();
            self.notify.notify_one();
        }
    }

    fn take(&self) -> Option<Result<T, LaneError>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, SlotState::Open) {
            SlotState::Filled(answer) => Some(answer),
            SlotState::Open => None,
        }
    }
}

impl<T> PendingAnswer<T> {
    pub(super) fn new(slot: Arc<PendingSlot<T>>, pool: Arc<LanePool>, person: &str) -> Self {
        let until = Instant::now() + pool.timeouts.waiting;
        Self {
            slot,
            pool,
            person: person.to_owned(),
            until,
        }
    }

    /// Blocks this thread, which must be none of the runtime's and none of the lanes'.
    ///
    /// # Errors
    /// See [`LaneError`].
    pub fn wait(self) -> Result<T, LaneError> {
        loop {
            let mut state = self.slot.state.lock();
            if matches!(*state, SlotState::Open) {
                self.slot.filled.wait_for(&mut state, POLL_INTERVAL);
            }
            drop(state);
            if let Some(answer) = self.slot.take() {
                return answer;
            }
            if self.is_late() {
                return Err(LaneError::Late);
            }
        }
    }

    /// The same, but waits no longer than `timeout`.
    ///
    /// # Errors
    /// See [`LaneError`].
    pub fn wait_for(mut self, timeout: Duration) -> Result<T, LaneError> {
        self.until = Instant::now() + timeout;
        self.wait()
    }

    /// Waits in a task.
    ///
    /// # Errors
    /// See [`LaneError`].
    pub async fn answer(self) -> Result<T, LaneError> {
        loop {
            if let Some(answer) = self.slot.take() {
                return answer;
            }
            let notify = timeout(POLL_INTERVAL, self.slot.notify.notified()).await;
            if notify.is_err() && self.is_late() {
                // The answer may have come at the last moment.
                return self.slot.take().unwrap_or(Err(LaneError::Late));
            }
        }
    }

    /// The answer, if it is there now.
    #[cfg(test)]
    pub(super) fn now(&self) -> Option<Result<T, LaneError>> {
        self.slot.take()
    }

    fn is_late(&self) -> bool {
        Instant::now() > self.until || self.pool.is_held_up(&self.person)
    }
}
