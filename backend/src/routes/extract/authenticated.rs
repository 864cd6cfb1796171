//! The extractor [`Authenticated`]: a requester who is signed in, and whose rights can be
//! checked again later. It is the one that asks [`crate::auth`]; the other extractors start
//! from it.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::super::error::AppError;
use crate::{app::AppState, auth::Authenticated, server::ConnectionPlace, telemetry::Requester};

impl FromRequestParts<Arc<AppState>> for Authenticated {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let refused = |error| AppError::from_auth(error, state.auth.login_kind());
        let authenticated = state.auth.authenticate(parts, &state.sessions).await;
        let authenticated = authenticated.map_err(refused)?;
        if let Some(place) = parts.extensions.get::<Arc<ConnectionPlace>>() {
            place.set_person(&authenticated.identity);
        }
        if let Some(requester) = parts.extensions.get::<Requester>() {
            requester.is(&authenticated.identity);
        }
        Ok(authenticated)
    }
}
