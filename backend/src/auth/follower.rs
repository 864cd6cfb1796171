//! Somebody whose request goes on for hours, while their rights may not.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Asker, Credentials, Identity};
use crate::{app::AppState, error::AppError, server::Place, telemetry::Requester};

/// The same right as [`super::Participant`], which can be looked at again.
pub(crate) struct Follower {
    pub(crate) identity: Identity,
    credentials: Credentials,
    asker: Asker,
}

impl Follower {
    /// Whether nothing has changed: they are still signed in, with the rights they had. What
    /// the Hub cannot be asked about has not changed.
    pub(crate) async fn is_still(&self, state: &AppState) -> bool {
        match state.auth.identify(&self.credentials, &self.asker).await {
            Ok(identity) => identity == self.identity,
            Err(error) => matches!(error, AppError::Unavailable { .. }),
        }
    }
}

impl FromRequestParts<Arc<AppState>> for Follower {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let credentials = Credentials::of_request(parts, state)?;
        let asker = Asker::of(parts);
        let identity = state.auth.identify(&credentials, &asker).await?;
        if let Some(place) = parts.extensions.get::<Arc<Place>>() {
            place.is_of(&identity);
        }
        if let Some(requester) = parts.extensions.get::<Requester>() {
            requester.is(&identity.user);
        }
        Ok(Self {
            identity,
            credentials,
            asker,
        })
    }
}
