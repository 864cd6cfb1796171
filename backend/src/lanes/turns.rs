//! Jobs that need much memory are done one after the other, in the order of their requests.
//!
//! A turn may begin with reading a participant's file, whose disk may not answer. Then it
//! passes to the next in line after a moment, and the job that reads has to queue again.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A notebook of this size or more is read in a turn. Nearly all are smaller.
pub const LARGE_FILE_BYTES: u64 = 4 << 20;

/// TurnNumbers are drawn and called, as in an office.
pub(super) struct LargeFileTurns {
    numbers: Mutex<TurnNumbers>,
    called: Condvar,
    /// A turn that reads for longer than this passes to the next in line.
    reading_max: Duration,
}

/// The number that is drawn next, and the number whose turn it is.
#[derive(Default)]
struct TurnNumbers {
    next: u64,
    called: u64,
    /// Since when the called job reads a file.
    reading_since: Option<Instant>,
}

/// The turn of one job, until it is dropped.
pub struct LargeFileTurn<'a> {
    turns: &'a LargeFileTurns,
    number: u64,
}

impl LargeFileTurns {
    pub(super) fn new(reading_max: Duration) -> Self {
        Self {
            numbers: Mutex::default(),
            called: Condvar::new(),
            reading_max,
        }
    }

    /// Waits for the turn.
    pub(super) fn take(&self) -> LargeFileTurn<'_> {
        self.wait().1
    }

    /// Waits for the turn, which begins with reading a file and passes to the next in line when
    /// that takes too long: see [`LargeFileTurn::has_read`].
    pub(super) fn take_to_read(&self) -> LargeFileTurn<'_> {
        let (mut numbers, turn) = self.wait();
        numbers.reading_since = Some(Instant::now());
        turn
    }

    fn wait(&self) -> (MutexGuard<'_, TurnNumbers>, LargeFileTurn<'_>) {
        let mut numbers = self.numbers.lock();
        let number = numbers.next;
        numbers.next += 1;
        while numbers.called != number {
            let late = |since: Instant| since.elapsed() >= self.reading_max;
            if numbers.reading_since.is_some_and(late) {
                self.call_next(&mut numbers);
                continue;
            }
            // The called job may begin to read while this one waits.
            self.called.wait_for(&mut numbers, self.reading_max);
        }
        let turn = LargeFileTurn {
            turns: self,
            number,
        };
        (numbers, turn)
    }

    fn call_next(&self, numbers: &mut TurnNumbers) {
        numbers.called += 1;
        numbers.reading_since = None;
        self.called.notify_all();
    }
}

impl LargeFileTurn<'_> {
    /// Notes that the file is read. `false` when that took too long and other jobs had their turn
    /// meanwhile; the file must be dropped then.
    #[must_use]
    pub(super) fn has_read(&self) -> bool {
        let mut numbers = self.turns.numbers.lock();
        let is_called = numbers.called == self.number;
        if is_called {
            numbers.reading_since = None;
        }
        is_called
    }
}

impl Drop for LargeFileTurn<'_> {
    fn drop(&mut self) {
        let mut numbers = self.turns.numbers.lock();
        if numbers.called == self.number {
            self.turns.call_next(&mut numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn a_turn_that_reads_too_long_passes_to_the_next_in_line() {
        let turns = LargeFileTurns::new(Duration::from_millis(20));
        let reads = turns.take_to_read();
        // No other job waits yet, so that the turn has not passed.
        assert!(reads.has_read());
        drop(reads);

        let hangs = turns.take_to_read();
        thread::scope(|scope| {
            let next = scope.spawn(|| drop(turns.take()));
            next.join().unwrap();
        });
        assert!(!hangs.has_read());
        let other = turns.take();
        drop(hangs);
        assert_eq!(
            turns.numbers.lock().called,
            other.number,
            "it is still the other's"
        );
        drop(other);
        drop(turns.take());
    }

    #[test]
    fn a_turn_that_has_read_does_not_pass() {
        let turns = LargeFileTurns::new(Duration::from_millis(1));
        let works = turns.take_to_read();
        assert!(works.has_read());
        thread::scope(|scope| {
            let (took, has_taken) = mpsc::channel();
            let (turns, took) = (&turns, took);
            scope.spawn(move || {
                let _turn = turns.take();
                took.send(()).unwrap();
            });
            let early = has_taken.recv_timeout(Duration::from_millis(100));
            assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
            drop(works);
            has_taken.recv().unwrap();
        });
    }
}
