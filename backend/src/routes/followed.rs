//! `/api/followed`: the notebook of an instructor's that participants follow.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use shared::wire::TileResponse;

use super::{
    aside::JSON,
    error::AppError,
    extract::{Looks, RateLimited},
};
use crate::{app::AppState, bodies::Pieces, time};

/// `GET /api/followed`
#[utoipa::path(get, path = "/followed", tag = "sharing",
    summary = "All cells of the notebook that participants follow",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_followed(
    State(state): State<Arc<AppState>>,
    _: RateLimited<Looks>,
) -> Result<Response, AppError> {
    let tile = state.sharing.followed_in(&state.class).await;
    let tile = tile.ok_or_else(|| AppError::NotFound("No notebook is followed.".to_owned()))?;
    // A `TileResponse` around the bytes that everyone gets: a large notebook is in memory once
    // for the whole class, however slowly it is read.
    let begin = format!(r#"{{"now_ms":{},"tile":"#, time::now_ms());
    let answer = Pieces::of([begin.into(), tile, "}".into()]);
    Ok((JSON, Body::new(answer)).into_response())
}
