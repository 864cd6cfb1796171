//! `/api/followed`: the notebook of an instructor's that participants follow.

use std::sync::Arc;

use axum::{Json, extract::State};
use shared::wire::TileResponse;

use super::aside::aside;
use crate::{app::AppState, auth::Participant, class::Key, error::AppError, time};

/// `GET /api/followed`
#[utoipa::path(get, path = "/followed", tag = "sharing",
    summary = "All cells of the notebook that participants follow",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_followed(
    State(state): State<Arc<AppState>>,
    _: Participant,
) -> Result<Json<TileResponse>, AppError> {
    aside(move || {
        let missing = || AppError::NotFound("No notebook is followed.".to_owned());
        let followed = state.sharing.now().followed.ok_or_else(missing)?;
        let key = Key {
            filename: followed.filename,
            user: followed.user,
        };
        let tile = state.class.whole(&key).ok_or_else(missing)?;
        // It may have ended while the file was read.
        if !state.sharing.is_followed(&key.filename, &key.user) {
            return Err(missing());
        }
        let now_ms = time::now_ms();
        Ok(Json(TileResponse { now_ms, tile }))
    })
    .await
}
