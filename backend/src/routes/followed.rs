//! `/api/followed`: the notebook of an instructor's that participants follow.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::wire::TileResponse;

use super::aside::encoded;
use crate::{app::AppState, auth::Participant, error::AppError, time};

/// A [`TileResponse`] whose tile is JSON already.
#[derive(Serialize)]
pub(super) struct FollowedResponse {
    now_ms: i64,
    tile: Arc<RawValue>,
}

/// `GET /api/followed`
#[utoipa::path(get, path = "/followed", tag = "sharing",
    summary = "All cells of the notebook that participants follow",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_followed(
    State(state): State<Arc<AppState>>,
    _: Participant,
) -> Result<Response, AppError> {
    let tile = state.sharing.followed_in(&state.class).await;
    let tile = tile.ok_or_else(|| AppError::NotFound("No notebook is followed.".to_owned()))?;
    let now_ms = time::now_ms();
    encoded(FollowedResponse { now_ms, tile }).await
}
