//! Somebody who is signed in, and who may be looked at again.

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
        let refused = |error| AppError::of_auth(error, state.auth.login_kind());
        let somebody = state.auth.authenticate(parts, &state.sessions).await;
        let somebody = somebody.map_err(refused)?;
        if let Some(place) = parts.extensions.get::<Arc<ConnectionPlace>>() {
            place.set_person(&somebody.identity);
        }
        if let Some(requester) = parts.extensions.get::<Requester>() {
            requester.is(&somebody.identity);
        }
        Ok(somebody)
    }
}
