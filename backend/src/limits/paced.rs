//! Holds a handler to the rate of whoever asks.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    app::AppState,
    auth::{Identity, Participant},
    error::AppError,
};

/// Anyone who is signed in and has not asked too often lately. Decided before the body is
/// read, so that what is refused costs next to nothing.
pub(crate) struct Paced(pub(crate) Identity);

impl FromRequestParts<Arc<AppState>> for Paced {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Participant(identity) = Participant::from_request_parts(parts, state).await?;
        state.limits.post(&identity)?;
        Ok(Self(identity))
    }
}
