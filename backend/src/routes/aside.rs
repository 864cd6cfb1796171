//! Work that waits for the disk, beside the handlers.

use axum::http::{HeaderName, header};
use serde::Serialize;

use super::error::AppError;
use crate::{app::AppState, lanes::Lanes};

/// Runs `work` where waiting for the service's own disk delays nobody else.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(AppError::internal)?
}

/// Runs `work`, which reads what is `person`'s or writes it, in their lane: it delays nobody
/// else, and only so much of it is done at once.
pub(super) async fn read_of<T: Send + 'static>(
    state: &AppState,
    person: &str,
    work: impl FnOnce(&Lanes) -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let lanes = state.class.copies().lanes();
    let own = lanes.clone();
    lanes.ask(person, move || work(&own)).answer().await?
}

/// `answer` as JSON.
pub(super) fn json(answer: &impl Serialize) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(answer).map_err(AppError::internal)
}

/// What says that a body is JSON.
pub(super) const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
