//! Blocking work of handlers: it runs on other threads than theirs.

use super::error::AppError;
use crate::{app::AppState, lanes::PersonLanes};

/// Runs `work` on a thread for blocking work, so that waiting for the service's own disk does not
/// delay other requests.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(AppError::internal)?
}

/// Runs `work`, which reads or writes files or versions of `user`, in that user's lane: it does
/// not delay other users, and the lane bounds how much of it runs at once.
pub(super) async fn in_lane_of<T: Send + 'static>(
    state: &AppState,
    user: &str,
    work: impl FnOnce(&PersonLanes) -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let lanes = state.class.copies().lanes();
    let own = lanes.clone();
    lanes.submit(user, move || work(&own)).answer().await?
}
