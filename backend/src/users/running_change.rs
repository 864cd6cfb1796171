//! One change of the list at a time, and who is at it: whoever wants another one meanwhile is told,
//! and does not wait for minutes.

use std::{pin::pin, time::Duration};

use parking_lot::Mutex;
use shared::users::RunningChange;
use tokio::{
    sync::{Mutex as AsyncMutex, MutexGuard},
    time::{Instant, sleep},
};

use super::error::UserListError;
use crate::time;

/// A change that goes on for so long is not waited for.
const LONG_CHANGE: Duration = Duration::from_secs(10);
/// Longest wait for many short ones, within that of whoever has asked.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often whoever waits looks what for.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The turns of changes.
#[derive(Default)]
pub(super) struct ChangeTurns {
    turn: AsyncMutex<()>,
    running: Mutex<Option<RunningChange>>,
}

/// The turn of a change, until this is dropped.
pub(super) struct ChangeTurn<'a> {
    turns: &'a ChangeTurns,
    _turn: MutexGuard<'a, ()>,
}

impl ChangeTurns {
    /// Waits for the turn of a change of `of` users.
    ///
    /// # Errors
    /// When another one takes long, with who does what.
    pub(super) async fn take(
        &self,
        by: &str,
        action: &str,
        of: usize,
    ) -> Result<ChangeTurn<'_>, UserListError> {
        // One and the same place in the queue, however often is looked.
        let mut turn = pin!(self.turn.lock());
        let end = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                biased;
                turn = &mut turn => return Ok(self.begin(turn, by, action, of)),
                () = sleep(LOOK_INTERVAL) => {}
            }
            let Some(running) = self.running() else {
                continue;
            };
            let since_ms = time::now_ms().saturating_sub(running.begun_ms);
            let is_long = u128::from(since_ms.unsigned_abs()) > LONG_CHANGE.as_millis();
            if is_long || Instant::now() > end {
                return Err(UserListError::Running(running));
            }
        }
    }

    /// The same, however long it takes.
    pub(super) async fn take_patiently(&self, by: &str, action: &str) -> ChangeTurn<'_> {
        let turn = self.turn.lock().await;
        self.begin(turn, by, action, 0)
    }

    /// Waits until the change in progress is done, and lets no further one begin.
    pub(super) async fn close(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The change in progress.
    pub(super) fn running(&self) -> Option<RunningChange> {
        self.running.lock().clone()
    }

    fn begin<'a>(
        &'a self,
        turn: MutexGuard<'a, ()>,
        by: &str,
        action: &str,
        of: usize,
    ) -> ChangeTurn<'a> {
        *self.running.lock() = Some(RunningChange {
            by: by.to_owned(),
            action: action.to_owned(),
            done: 0,
            of,
            begun_ms: time::now_ms(),
        });
        ChangeTurn {
            turns: self,
            _turn: turn,
        }
    }
}

impl ChangeTurn<'_> {
    /// Notes how many are done.
    pub(super) fn note(&self, done: usize) {
        if let Some(running) = &mut *self.turns.running.lock() {
            running.done = done;
        }
    }
}

impl Drop for ChangeTurn<'_> {
    fn drop(&mut self) {
        *self.turns.running.lock() = None;
    }
}
