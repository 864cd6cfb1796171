//! Requests that wait until there is an answer.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::error::AppError;
use crate::{app::AppState, identity::Identity, limits::Slot};

/// Longest wait, because a proxy may cut a connection that is silent for 30 s.
const MAX_WAIT_S: u64 = 25;

/// The wait of one request.
pub(super) struct LongPoll {
    until: Instant,
    /// A waiting request keeps a connection as a stream does, and counts as one.
    _slot: Option<Slot>,
}

impl LongPoll {
    /// A wait of so many seconds from now on, none when they are not given.
    ///
    /// # Errors
    /// When they are too many, or the user waits too often already.
    pub(super) fn begin(
        state: &AppState,
        identity: &Identity,
        wait_s: Option<u64>,
    ) -> Result<Self, AppError> {
        let wait_s = wait_s.unwrap_or(0);
        if wait_s > MAX_WAIT_S {
            return Err(AppError::BadRequest(format!(
                "wait is at most {MAX_WAIT_S} seconds."
            )));
        }
        let slot = match wait_s {
            0 => None,
            _ => Some(state.limits.stream(identity)?),
        };
        Ok(Self {
            until: Instant::now() + Duration::from_secs(wait_s),
            _slot: slot,
        })
    }

    /// Waits for a change; false when there is none in time, or the service ends.
    pub(super) async fn changed<T>(
        &self,
        state: &AppState,
        changes: &mut watch::Receiver<T>,
    ) -> bool {
        tokio::select! {
            changed = timeout_at(self.until, changes.changed()) => matches!(changed, Ok(Ok(()))),
            () = state.ending.cancelled() => false,
        }
    }
}
