//! `/api/followed`: the instructor's notebook that participants follow.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use shared::wire::TileResponse;

use super::{
    error::AppError,
    extract::{LightReads, RateLimited},
    json::JSON_CONTENT,
    unsent::SharedBytes,
};
use crate::{app::AppState, bodies::ChunkedBody, time};

/// `GET /api/followed`
#[utoipa::path(get, path = "/followed", tag = "sharing",
    summary = "All cells of the notebook that participants follow",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_followed(
    State(state): State<Arc<AppState>>,
    RateLimited { slot, .. }: RateLimited<LightReads>,
) -> Result<Response, AppError> {
    let tile = state.sharing.followed_tile(&state.class).await;
    let (tile, is_shared) =
        tile.ok_or_else(|| AppError::NotFound("No notebook is followed.".to_owned()))?;
    // A `TileResponse` around the bytes that all answers share, so that a large notebook is in
    // memory once for the whole class, however slowly its readers are.
    let begin = format!(r#"{{"now_ms":{},"tile":"#, time::now_ms());
    if is_shared {
        let answer = Body::new(ChunkedBody::around(begin.into(), &tile, "}".into()));
        return Ok((JSON_CONTENT, Extension(SharedBytes), answer).into_response());
    }
    let answer = [begin.as_bytes(), &tile, b"}"].concat();
    Ok((JSON_CONTENT, slot.hold(answer)).into_response())
}
