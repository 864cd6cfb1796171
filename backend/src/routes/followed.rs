//! `/api/followed`: the notebook of an instructor's that participants follow.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use shared::wire::TileResponse;

use super::{
    aside::JSON,
    error::AppError,
    extract::{Looks, RateLimited},
    unsent::Lent,
};
use crate::{app::AppState, bodies::ChunkedBody, time};

/// `GET /api/followed`
#[utoipa::path(get, path = "/followed", tag = "sharing",
    summary = "All cells of the notebook that participants follow",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_followed(
    State(state): State<Arc<AppState>>,
    RateLimited { pass, .. }: RateLimited<Looks>,
) -> Result<Response, AppError> {
    let tile = state.sharing.followed_tile(&state.class).await;
    let (tile, is_lent) =
        tile.ok_or_else(|| AppError::NotFound("No notebook is followed.".to_owned()))?;
    // A `TileResponse` around the bytes that everyone gets: a large notebook is in memory once
    // for the whole class, however slowly it is read.
    let begin = format!(r#"{{"now_ms":{},"tile":"#, time::now_ms());
    if is_lent {
        let answer = Body::new(ChunkedBody::around(begin.into(), &tile, "}".into()));
        return Ok((JSON, Extension(Lent), answer).into_response());
    }
    let answer = [begin.as_bytes(), &tile, b"}"].concat();
    Ok((JSON, pass.hold(answer)).into_response())
}
