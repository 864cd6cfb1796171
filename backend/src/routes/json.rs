//! Answers of JSON that a handler makes as bytes.

use axum::http::{HeaderName, header};
use serde::Serialize;

use super::error::AppError;

/// The header of a JSON body.
pub(super) const JSON_CONTENT: [(HeaderName, &str); 1] =
    [(header::CONTENT_TYPE, "application/json")];

/// `answer` as JSON.
pub(super) fn to_json(answer: &impl Serialize) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(answer).map_err(AppError::internal)
}
