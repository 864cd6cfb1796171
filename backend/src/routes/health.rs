//! `GET /healthz`: whether the service can store events. Open to everyone, so the answer holds
//! nothing about participants.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;

/// The state of the store.
#[derive(Serialize, ToSchema)]
pub(super) struct HealthResponse {
    /// `ok` or `trouble`.
    status: &'static str,
    /// The trouble, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// `GET /healthz`
#[utoipa::path(get, path = "/healthz", tag = "service", security(()),
    summary = "Whether events can be stored",
    responses((status = OK, body = HealthResponse),
        (status = SERVICE_UNAVAILABLE, body = HealthResponse)))]
pub(super) async fn get_health(
    State(state): State<Arc<AppState>>,
) -> (StatusCode, Json<HealthResponse>) {
    match state.store.trouble() {
        None => (
            StatusCode::OK,
            Json(HealthResponse {
                status: "ok",
                message: None,
            }),
        ),
        Some(trouble) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(HealthResponse {
                status: "trouble",
                message: Some(format!("Events cannot be stored: {trouble}")),
            }),
        ),
    }
}
