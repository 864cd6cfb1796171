//! Where events wait to be committed: taken all at once, so that what came while one
//! commit was on its way to the disk is the next commit.

use std::{mem, time::Duration};

use parking_lot::{Condvar, Mutex, MutexGuard};

use tokio::sync::oneshot;

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

/// Why the writer's thread no longer rests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// Something waits, or did a moment ago.
    Jobs,
    /// It was [poked](Queue::poke).
    Poked,
    /// Nothing came for as long as it wanted to rest.
    Rested,
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
    poked: bool,
    closed: bool,
    /// Whether the thread is to be woken, and nobody has done so yet.
    resting: bool,
}

impl Queue {
    /// Lets `job` wait, or says why it cannot. The thread rests on until it is
    /// [told](Queue::tell).
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        if waiting.jobs.len() >= LONGEST {
            return Err(StoreError::Overloaded);
        }
        waiting.jobs.push(job);
        Ok(())
    }

    /// Moves all that waits into `jobs`, which is empty and gives its memory in return; nothing
    /// when more than `most` wait.
    pub(super) fn take(&self, jobs: &mut Vec<Job>, most: usize) {
        let mut waiting = self.waiting.lock();
        if waiting.jobs.len() <= most {
            mem::swap(&mut waiting.jobs, jobs);
        }
    }

    /// Lets `jobs`, which were taken first, be taken first once more.
    pub(super) fn put_back(&self, jobs: &mut Vec<Job>) {
        let mut waiting = self.waiting.lock();
        jobs.append(&mut waiting.jobs);
        mem::swap(&mut waiting.jobs, jobs);
    }

    /// Wakes the thread if something waits.
    pub(super) fn tell(&self) {
        let waiting = self.waiting.lock();
        if !waiting.jobs.is_empty() {
            self.wake(waiting);
        }
    }

    /// Wakes the thread to look around, whether something waits or not.
    pub(super) fn poke(&self) {
        let mut waiting = self.waiting.lock();
        waiting.poked = true;
        self.wake(waiting);
    }

    /// What waits is still taken; nothing new is let in.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        self.wake(waiting);
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        if mem::take(&mut waiting.resting) {
            // Who is woken finds the lock free.
            drop(waiting);
            self.filled.notify_one();
        }
    }

    /// Rests until there is something to do, for as long as `patience` says or for ever.
    /// For the thread, of which there is one.
    pub(super) fn rest(&self, patience: Option<Duration>) -> Woken {
        let is_idle = |waiting: &mut Waiting| {
            waiting.resting = waiting.jobs.is_empty() && !waiting.poked && !waiting.closed;
            waiting.resting
        };
        let mut waiting = self.waiting.lock();
        match patience {
            None => self.filled.wait_while(&mut waiting, is_idle),
            Some(patience) => {
                self.filled.wait_while_for(&mut waiting, is_idle, patience);
            }
        }
        waiting.resting = false;
        let poked = mem::take(&mut waiting.poked);
        match (waiting.jobs.is_empty(), poked, waiting.closed) {
            (false, _, _) => Woken::Jobs,
            (true, true, _) => Woken::Poked,
            (true, false, true) => Woken::Closed,
            (true, false, false) => Woken::Rested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(user: &str) -> Job {
        let event = NewEvent {
            kind: "a".to_owned(),
            user: user.to_owned(),
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
        assert_eq!(queue.rest(Some(Duration::ZERO)), Woken::Rested);
        for _ in 0..3 {
            queue.push(job("u")).unwrap();
        }
        queue.close();
        assert!(matches!(queue.push(job("u")), Err(StoreError::Closed)));
        assert_eq!(queue.rest(None), Woken::Jobs);
        queue.take(&mut jobs, 2);
        assert!(jobs.is_empty(), "too many");
        queue.take(&mut jobs, 3);
        assert_eq!(jobs.len(), 3);
        jobs.clear();
        assert_eq!(queue.rest(None), Woken::Closed);
    }

    #[test]
    fn what_is_put_back_is_first_again() {
        let queue = Queue::default();
        let mut jobs = vec![job("first"), job("second")];
        queue.push(job("third")).unwrap();
        queue.put_back(&mut jobs);
        assert!(jobs.is_empty());
        queue.take(&mut jobs, 3);
        let order: Vec<_> = jobs.iter().map(|job| job.event.user.as_str()).collect();
        assert_eq!(order, ["first", "second", "third"]);
    }

    #[test]
    fn a_poke_is_noticed_once_and_also_when_it_came_before() {
        let queue = Queue::default();
        queue.poke();
        assert_eq!(queue.rest(None), Woken::Poked);
        assert_eq!(queue.rest(Some(Duration::ZERO)), Woken::Rested);
    }

    #[test]
    fn what_cannot_be_stored_in_time_is_refused() {
        let queue = Queue::default();
        for _ in 0..LONGEST {
            queue.push(job("u")).unwrap();
        }
        assert!(matches!(queue.push(job("u")), Err(StoreError::Overloaded)));
    }
}
