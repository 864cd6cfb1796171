//! Holds a handler that reads a whole notebook, or a version of one, to how often one person
//! may have that done.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::Slot;
use crate::{
    app::AppState,
    auth::{Identity, Participant},
    error::AppError,
};

/// Anyone who is signed in and has not asked for too much lately, and the place among those
/// that are read for, which holds the answer until it is sent.
pub(crate) struct Reading(pub(crate) Identity, pub(crate) Slot);

impl FromRequestParts<Arc<AppState>> for Reading {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Participant(identity) = Participant::from_request_parts(parts, state).await?;
        let slot = state.limits.read(&identity)?;
        Ok(Self(identity, slot))
    }
}
