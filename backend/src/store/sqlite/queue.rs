//! The queue of events that wait to be committed. They are taken all at once, so that the events
//! that came during one commit are the next commit.

use std::{mem, time::Duration};

use parking_lot::{Condvar, Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::store::{CommittedEvent, NewEvent, StoreError};

/// How many events wait at most. More are refused at once, which tells the sender to try again,
/// rather than kept until it has given up.
const MAX_QUEUED_EVENTS: usize = 4_096;

/// An event to append, and the channel to its sender.
pub(super) struct AppendJob {
    pub(super) event: NewEvent,
    /// How many keys its user may have.
    pub(super) most_keys: Option<u32>,
    pub(super) reply: oneshot::Sender<Result<CommittedEvent, StoreError>>,
}

/// Why the writer's thread was woken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    /// A job waits, or did a moment ago.
    Jobs,
    /// It was [poked](AppendQueue::poke).
    Poked,
    /// No job came for as long as it wanted to rest.
    Rested,
    /// The queue is closed and empty.
    Closed,
}

/// The queue, which wakes the writer's thread.
#[derive(Default)]
pub(super) struct AppendQueue {
    waiting: Mutex<QueuedJobs>,
    filled: Condvar,
}

/// The jobs, and the flags that the thread looks at.
#[derive(Default)]
struct QueuedJobs {
    jobs: Vec<AppendJob>,
    poked: bool,
    closed: bool,
    /// Whether the thread rests and has not been woken yet.
    resting: bool,
}

impl AppendQueue {
    /// Lets `job` wait, or says why it cannot. The thread rests on until it is
    /// [told](AppendQueue::wake_if_filled).
    pub(super) fn push(&self, job: AppendJob) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        if waiting.jobs.len() >= MAX_QUEUED_EVENTS {
            return Err(StoreError::Overloaded);
        }
        waiting.jobs.push(job);
        Ok(())
    }

    /// Moves all waiting jobs into `jobs`, which is empty and gives its memory in return; none
    /// when more than `most` wait.
    pub(super) fn take(&self, jobs: &mut Vec<AppendJob>, most: usize) {
        let mut waiting = self.waiting.lock();
        if waiting.jobs.len() <= most {
            mem::swap(&mut waiting.jobs, jobs);
        }
    }

    /// Puts `jobs` back in front of the queue.
    pub(super) fn put_back(&self, jobs: &mut Vec<AppendJob>) {
        let mut waiting = self.waiting.lock();
        jobs.append(&mut waiting.jobs);
        mem::swap(&mut waiting.jobs, jobs);
    }

    /// Wakes the thread if a job waits.
    pub(super) fn wake_if_filled(&self) {
        let waiting = self.waiting.lock();
        if !waiting.jobs.is_empty() {
            self.wake(waiting);
        }
    }

    /// Wakes the thread, whether a job waits or not.
    pub(super) fn poke(&self) {
        let mut waiting = self.waiting.lock();
        waiting.poked = true;
        self.wake(waiting);
    }

    /// Closes the queue: waiting jobs are still taken, new ones are refused.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        self.wake(waiting);
    }

    fn wake(&self, mut waiting: MutexGuard<'_, QueuedJobs>) {
        if mem::take(&mut waiting.resting) {
            // Released first, so that the woken thread finds the lock free.
            drop(waiting);
            self.filled.notify_one();
        }
    }

    /// Blocks the writer's thread until there is a reason to wake it, for `timeout` or for ever.
    pub(super) fn rest(&self, timeout: Option<Duration>) -> WakeReason {
        let is_idle = |waiting: &mut QueuedJobs| {
            waiting.resting = waiting.jobs.is_empty() && !waiting.poked && !waiting.closed;
            waiting.resting
        };
        let mut waiting = self.waiting.lock();
        match timeout {
            None => self.filled.wait_while(&mut waiting, is_idle),
            Some(timeout) => {
                self.filled.wait_while_for(&mut waiting, is_idle, timeout);
            }
        }
        waiting.resting = false;
        let poked = mem::take(&mut waiting.poked);
        match (waiting.jobs.is_empty(), poked, waiting.closed) {
            (false, _, _) => WakeReason::Jobs,
            (true, true, _) => WakeReason::Poked,
            (true, false, true) => WakeReason::Closed,
            (true, false, false) => WakeReason::Rested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(user: &str) -> AppendJob {
        let event = NewEvent {
            kind: "a".to_owned(),
            user: user.to_owned(),
            filename: "f".to_owned(),
            path: "p".to_owned(),
            timestamp: "t".to_owned(),
        };
        let (reply, _) = oneshot::channel();
        AppendJob {
            event,
            most_keys: None,
            reply,
        }
    }

    #[test]
    fn all_waiting_jobs_are_taken_together_also_after_the_end() {
        let queue = AppendQueue::default();
        let mut jobs = Vec::new();
        assert_eq!(queue.rest(Some(Duration::ZERO)), WakeReason::Rested);
        for _ in 0..3 {
            queue.push(job("u")).unwrap();
        }
        queue.close();
        assert!(matches!(queue.push(job("u")), Err(StoreError::Closed)));
        assert_eq!(queue.rest(None), WakeReason::Jobs);
        queue.take(&mut jobs, 2);
        assert!(jobs.is_empty(), "too many");
        queue.take(&mut jobs, 3);
        assert_eq!(jobs.len(), 3);
        jobs.clear();
        assert_eq!(queue.rest(None), WakeReason::Closed);
    }

    #[test]
    fn jobs_that_are_put_back_are_first_again() {
        let queue = AppendQueue::default();
        let mut jobs = vec![job("first"), job("second")];
        queue.push(job("third")).unwrap();
        queue.put_back(&mut jobs);
        assert!(jobs.is_empty());
        queue.take(&mut jobs, 3);
        let order: Vec<_> = jobs.iter().map(|job| job.event.user.as_str()).collect();
        assert_eq!(order, ["first", "second", "third"]);
    }

    #[test]
    fn a_poke_wakes_the_thread_once_also_when_it_came_before() {
        let queue = AppendQueue::default();
        queue.poke();
        assert_eq!(queue.rest(None), WakeReason::Poked);
        assert_eq!(queue.rest(Some(Duration::ZERO)), WakeReason::Rested);
    }

    #[test]
    fn a_full_queue_refuses_the_next_job() {
        let queue = AppendQueue::default();
        for _ in 0..MAX_QUEUED_EVENTS {
            queue.push(job("u")).unwrap();
        }
        assert!(matches!(queue.push(job("u")), Err(StoreError::Overloaded)));
    }
}
