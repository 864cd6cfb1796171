//! What the thread of the insight is told and asked. Nobody waits to tell it something, and what it
//! is told are names: the versions themselves are in the history.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use shared::insight::InsightResponse;
use tokio::sync::oneshot;

use super::{Ask, ExerciseChoice, ExercisePlaces, InsightError, Settlement};
use crate::class::CopyId;

/// The end of a request.
pub(super) type InsightReply<T> = oneshot::Sender<Result<T, InsightError>>;

/// What the thread is asked.
pub(super) enum InsightRequest {
    /// What the saves of a notebook say.
    Answer {
        filename: String,
        staff: BTreeSet<String>,
        reply: InsightReply<Arc<InsightResponse>>,
    },
    /// Where everyone has a cell of the handout, or an error.
    Places {
        filename: String,
        staff: BTreeSet<String>,
        choice: ExerciseChoice,
        reply: InsightReply<Option<ExercisePlaces>>,
    },
    /// Somebody was seen to.
    Settle {
        settlement: Settlement,
        staff: BTreeSet<String>,
        reply: InsightReply<()>,
    },
    /// What a ticket is about. Nobody waits for it.
    Place {
        filename: String,
        ask: Ask,
        staff: BTreeSet<String>,
    },
}

/// What has come since the last batch.
#[derive(Default)]
pub(super) struct InsightBatch {
    pub(super) requests: VecDeque<InsightRequest>,
    /// Notebooks with new versions.
    pub(super) saved: BTreeSet<String>,
    /// Copies that were deleted.
    pub(super) removed: BTreeSet<CopyId>,
    /// Who was removed from the class.
    pub(super) removed_people: BTreeSet<String>,
}

#[derive(Default)]
struct InsightQueueState {
    batch: InsightBatch,
    is_closed: bool,
}

pub(super) struct InsightQueue {
    state: Mutex<InsightQueueState>,
    woken: Condvar,
    max_requests: usize,
}

impl InsightQueue {
    pub(super) fn new(max_requests: usize) -> Self {
        Self {
            state: Mutex::default(),
            woken: Condvar::new(),
            max_requests,
        }
    }

    /// Adds a request; whether there was room.
    pub(super) fn ask(&self, request: InsightRequest) -> bool {
        let mut state = self.state.lock();
        if state.is_closed || state.batch.requests.len() >= self.max_requests {
            return false;
        }
        state.batch.requests.push_back(request);
        self.woken.notify_one();
        true
    }

    pub(super) fn note_versions(&self, filename: &str) {
        let mut state = self.state.lock();
        if !state.batch.saved.contains(filename) {
            state.batch.saved.insert(filename.to_owned());
            self.woken.notify_one();
        }
    }

    pub(super) fn note_removed(&self, key: &CopyId) {
        self.state.lock().batch.removed.insert(key.clone());
        self.woken.notify_one();
    }

    pub(super) fn note_removed_person(&self, user: &str) {
        let mut state = self.state.lock();
        state.batch.removed_people.insert(user.to_owned());
        self.woken.notify_one();
    }

    /// Waits until there is something, and at most so long; `None` once the queue is closed.
    pub(super) fn take(&self, timeout: Duration) -> Option<InsightBatch> {
        let mut state = self.state.lock();
        let is_empty = |batch: &InsightBatch| {
            batch.requests.is_empty()
                && batch.saved.is_empty()
                && batch.removed.is_empty()
                && batch.removed_people.is_empty()
        };
        if is_empty(&state.batch) && !state.is_closed {
            self.woken.wait_for(&mut state, timeout);
        }
        (!state.is_closed).then(|| std::mem::take(&mut state.batch))
    }

    /// Ends the thread; whoever waits gets no answer.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.batch = InsightBatch::default();
        self.woken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> InsightRequest {
        let (reply, _) = oneshot::channel();
        InsightRequest::Answer {
            filename: "a.ipynb".to_owned(),
            staff: BTreeSet::new(),
            reply,
        }
    }

    #[test]
    fn requests_are_bounded_and_names_are_noted_once() {
        let queue = InsightQueue::new(2);
        for _ in 0..1_000 {
            queue.note_versions("a.ipynb");
        }
        assert!(queue.ask(request()) && queue.ask(request()));
        assert!(!queue.ask(request()), "two wait");
        let batch = queue.take(Duration::ZERO).unwrap();
        assert_eq!((batch.requests.len(), batch.saved.len()), (2, 1));
        assert!(queue.ask(request()));
        queue.close();
        assert!(queue.take(Duration::from_secs(60)).is_none());
        assert!(!queue.ask(request()), "nobody would answer");
    }
}
