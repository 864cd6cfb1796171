//! The extractor of pages: a browser without a session is sent to sign in first.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::{
    super::{error::AppError, session::begin_login},
    Participant,
};
use crate::{app::AppState, auth::Auth, identity::Identity};

/// The same right as [`Participant`]; a browser without a session is sent to the Hub to sign
/// in, and comes back.
pub(in crate::routes) struct PageVisitor(pub(in crate::routes) Identity);

impl FromRequestParts<Arc<AppState>> for PageVisitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, Response> {
        let refused = match Participant::from_request_parts(parts, state).await {
            Ok(Participant(identity)) => return Ok(Self(identity)),
            Err(refused) => refused,
        };
        match (&refused, &state.auth) {
            (AppError::Unauthorized(_), Auth::Hub(hub)) if is_navigation(&parts.headers) => {
                let Ok(OriginalUri(uri)): Result<_, Infallible> =
                    OriginalUri::from_request_parts(parts, state).await;
                Err(begin_login(state, hub, &parts.headers, &uri))
            }
            _ => Err(refused.into_response()),
        }
    }
}

/// Whether a browser opens a page with this request; a script's request is none.
pub(in crate::routes) fn is_navigation(headers: &HeaderMap) -> bool {
    let value = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    match value(header::HeaderName::from_static("sec-fetch-mode")) {
        Some(mode) => mode == "navigate",
        None => value(header::ACCEPT).is_some_and(|accept| accept.contains("text/html")),
    }
}
