//! Counts the bytes of answers that wait to be sent, of every route alike.
//!
//! Answers of known length are in memory until they are read. Those of unknown length are read
//! from the disk, or from elsewhere, as they are sent. A compressed answer is of unknown length,
//! so this layer goes below the compressor.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body::Body as _;

use super::error::AppError;
use crate::{app::AppState, bodies::GuardedBody, server::ConnectionPlace, telemetry::Requester};

/// Marks an answer whose bytes are in memory once for several answers, and so are not counted.
#[derive(Clone, Copy)]
pub(super) struct SharedBytes;

/// The layer around routes whose answers may be long.
pub(super) async fn count_unsent(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let requester = request.extensions().get::<Requester>().cloned();
    let place = request.extensions().get::<Arc<ConnectionPlace>>().cloned();
    let response = next.run(request).await;
    let Some(bytes) = response.body().size_hint().exact() else {
        return response;
    };
    let requester = requester.unwrap_or_default();
    let (Some(identity), Some(place)) = (requester.identity(), place) else {
        return response;
    };
    if response.extensions().get::<SharedBytes>().is_some() {
        return response;
    }
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    match state.limits.answer(identity, bytes, &place.ended()) {
        Ok(None) => response,
        Ok(Some(unsent)) => response.map(|body| Body::new(GuardedBody::new(body, unsent))),
        Err(exceeded) => AppError::from(exceeded).into_response(),
    }
}
