//! `/api/setup`: how each participant's saves arrive, and what to do where they do not.

use std::sync::Arc;

use axum::{Json, extract::State};
use shared::setup::SetupResponse;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::blocking,
    error::AppError,
    extract::{LightReads, RateLimited, Viewer},
};
use crate::{
    app::AppState,
    auth::{Auth, RosterAnswer},
    setup::{HubKnowledge, setup},
};

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(get_setup))
}

/// `GET /api/setup`
#[utoipa::path(get, path = "/setup", tag = "setup",
    summary = "How each participant's saves arrive, and what to do where they do not",
    description = "A row for each server that the Hub has started or that was heard, and one for \
        each participant without a server. `hub` says what cannot be known.",
    responses((status = OK, body = SetupResponse)))]
async fn get_setup(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
) -> Result<Json<SetupResponse>, AppError> {
    Ok(Json(table(state).await?))
}

/// The table, as of now.
pub(super) async fn table(state: Arc<AppState>) -> Result<SetupResponse, AppError> {
    let answer = match &state.auth {
        Auth::Standalone { .. } => None,
        Auth::Hub(hub) => Some(hub.client.roster().await),
    };
    // Everyone's contacts and copies are looked through.
    blocking(move || Ok(table_of(&state, answer))).await
}

fn table_of(state: &AppState, answer: Option<RosterAnswer>) -> SetupResponse {
    let hub = match (&state.auth, answer) {
        (Auth::Hub(hub), Some(answer)) => HubKnowledge::Hub {
            service: hub.client.service_name(),
            answer,
        },
        _ => HubKnowledge::NoHub,
    };
    setup(&state.class, hub)
}
