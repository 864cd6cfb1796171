//! What needs much memory is done one after the other, in the order in which it was asked for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Of this size, in bytes, a notebook is read in a turn. Nearly all are smaller.
pub const HEAVY: u64 = 4 << 20;

/// Numbers are drawn and called, as in an office.
#[derive(Default)]
pub(super) struct Turns {
    numbers: Mutex<Numbers>,
    called: Condvar,
}

#[derive(Default)]
struct Numbers {
    next: u64,
    called: u64,
}

/// Somebody's turn, until it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits until it is one's turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let mut numbers = self.lock();
        let own = numbers.next;
        numbers.next += 1;
        while numbers.called != own {
            let called = self.called.wait(numbers);
            numbers = called.unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().called += 1;
        self.0.called.notify_all();
    }
}
