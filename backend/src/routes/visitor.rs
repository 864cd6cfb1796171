//! Somebody who opens a page by its address, and may have to sign in first.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
    response::{IntoResponse, Response},
};

use super::{page::is_navigation, session::begin_login};
use crate::{
    app::AppState,
    auth::{Auth, Identity, Participant},
    error::AppError,
};

/// The same right as [`Participant`]; a browser of nobody's is sent to the Hub to sign in,
/// and comes back.
pub(super) struct Visitor(pub(super) Identity);

impl FromRequestParts<Arc<AppState>> for Visitor {
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
