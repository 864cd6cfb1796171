//! Work that waits for the disk, beside the handlers.

use crate::error::AppError;

/// Runs `work` where waiting for the disk delays nobody else.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(AppError::internal)?
}
