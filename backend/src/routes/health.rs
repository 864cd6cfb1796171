//! `GET /healthz`: whether the service can do its work. Open to everyone, and so says
//! nothing of anyone.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;

#[derive(Serialize, ToSchema)]
pub(super) struct HealthResponse {
    /// `ok` or `trouble`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// What the trouble is.
    message: Option<String>,
}

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
