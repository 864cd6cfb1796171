//! Work that waits for the disk, beside the handlers.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{app::AppState, bodies::Pieces, error::AppError, lanes::Lanes};

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
    let lanes = state.class.reader().lanes();
    let own = lanes.clone();
    lanes.ask(person, move || work(&own)).answer().await?
}

/// `answer` as JSON, which may be long: written where it delays nobody, sent in pieces.
pub(super) async fn encoded<T: Serialize + Send + 'static>(
    answer: T,
) -> Result<Response, AppError> {
    let json = aside(move || serde_json::to_vec(&answer).map_err(AppError::internal)).await?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, pieces(json)).into_response())
}

/// A body that is sent in pieces: compressed or not, others have their turn between two.
pub(super) fn pieces(bytes: Vec<u8>) -> Body {
    Body::new(Pieces::of(bytes))
}
