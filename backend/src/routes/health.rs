//! `GET /healthz`: whether the service can do its work. Open to everyone, and so says
//! nothing of anyone.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use crate::app::AppState;

#[derive(Serialize)]
pub(super) struct HealthResponse {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

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
