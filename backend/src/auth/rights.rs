//! Who may call a handler, as the type of its argument: a handler that takes an
//! [`Instructor`] answers nobody else.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use shared::wire::Role;

use super::{Follower, Identity};
use crate::{app::AppState, error::AppError};

/// Anyone who is signed in.
#[derive(Clone, Debug)]
pub struct Participant(pub Identity);

/// Someone who sees everyone: a helper or an instructor.
#[derive(Clone, Debug)]
pub struct Viewer(pub Identity);

/// Someone who may change the class.
#[derive(Clone, Debug)]
pub struct Instructor(pub Identity);

impl FromRequestParts<Arc<AppState>> for Participant {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Follower { identity, .. } = Follower::from_request_parts(parts, state).await?;
        Ok(Self(identity))
    }
}

/// Makes an extractor of a right: of anyone who is signed in, and has it.
macro_rules! right {
    ($extractor:ident, $may:expr, $refusal:literal) => {
        impl FromRequestParts<Arc<AppState>> for $extractor {
            type Rejection = AppError;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &Arc<AppState>,
            ) -> Result<Self, AppError> {
                let Participant(identity) = Participant::from_request_parts(parts, state).await?;
                if $may(identity.role) {
                    Ok(Self(identity))
                } else {
                    Err(AppError::Forbidden($refusal.to_owned()))
                }
            }
        }
    };
}

right!(
    Viewer,
    Role::sees_everyone,
    "Only instructors and helpers may see this."
);
right!(
    Instructor,
    Role::changes_the_class,
    "Only instructors may do this."
);
