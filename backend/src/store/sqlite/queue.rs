//! Where events wait for the writer: taken all at once, so that what came while one
//! commit was on its way to the disk is the next commit.

use std::{
    mem,
    sync::{Condvar, Mutex},
    time::Duration,
};

use tokio::sync::oneshot;

use super::lock;
use crate::store::{Committed, NewEvent, StoreError};

/// How many events wait at most. More are refused at once, which tells the sender to come
/// back, rather than kept until it has given up.
const LONGEST: usize = 4_096;

/// One event on its way, and who waits for it.
pub(super) struct Job {
    pub(super) event: NewEvent,
    /// How many keys its user may have.
    pub(super) most_keys: Option<u32>,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// What the writer finds when it looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Jobs,
    /// Nothing came for as long as the writer wanted to wait.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// See the module's words.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    closed: bool,
}

impl Queue {
    /// Lets `job` wait, or says why it cannot.
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        if waiting.jobs.len() >= LONGEST {
            return Err(StoreError::Overloaded);
        }
        waiting.jobs.push(job);
        // The writer sleeps only while there is nothing.
        if waiting.jobs.len() == 1 {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Moves all that waits into `jobs`, which is empty and gives its memory in return;
    /// waits for the first for as long as `patience` says, or for ever.
    pub(super) fn take(&self, jobs: &mut Vec<Job>, patience: Option<Duration>) -> Taken {
        let is_idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.closed;
        let waiting = lock(&self.waiting);
        let mut waiting = match patience {
            None => self.filled.wait_while(waiting, is_idle),
            Some(patience) => self
                .filled
                .wait_timeout_while(waiting, patience, is_idle)
                .map(|(waiting, _)| waiting)
                .map_err(|poisoned| std::sync::PoisonError::new(poisoned.into_inner().0)),
        }
        .unwrap_or_else(std::sync::PoisonError::into_inner);
        mem::swap(&mut waiting.jobs, jobs);
        match (jobs.is_empty(), waiting.closed) {
            (false, _) => Taken::Jobs,
            (true, true) => Taken::Closed,
            (true, false) => Taken::Nothing,
        }
    }

    /// What waits is still taken; nothing new is let in.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let event = NewEvent {
            kind: "a".to_owned(),
            user: "u".to_owned(),
            filename: "f".to_owned(),
            path: "p".to_owned(),
            timestamp: "t".to_owned(),
        };
        let (reply, _) = oneshot::channel();
        Job {
            event,
            most_keys: None,
            reply,
        }
    }

    #[test]
    fn everything_that_waits_is_taken_together_and_to_the_end() {
        let queue = Queue::default();
        let mut jobs = Vec::new();
        let at_once = Some(Duration::ZERO);
        assert_eq!(queue.take(&mut jobs, at_once), Taken::Nothing);
        for _ in 0..3 {
            queue.push(job()).unwrap();
        }
        queue.close();
        assert!(matches!(queue.push(job()), Err(StoreError::Closed)));
        assert_eq!(queue.take(&mut jobs, None), Taken::Jobs);
        assert_eq!(jobs.len(), 3);
        jobs.clear();
        assert_eq!(queue.take(&mut jobs, None), Taken::Closed);
    }

    #[test]
    fn what_cannot_be_stored_in_time_is_refused() {
        let queue = Queue::default();
        for _ in 0..LONGEST {
            queue.push(job()).unwrap();
        }
        assert!(matches!(queue.push(job()), Err(StoreError::Overloaded)));
    }
}
