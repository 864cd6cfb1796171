//! Who may call a handler, as the type of its argument: a handler that takes an
//! [`Instructor`] answers nobody else.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use shared::wire::Role;

use super::super::error::AppError;
use crate::{app::AppState, auth::Authenticated, identity::Identity};

/// Anyone who is signed in.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Participant(pub(in crate::routes) Identity);

/// Someone who sees everyone: a helper or an instructor.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Viewer;

/// Someone who may change the class.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Instructor(pub(in crate::routes) Identity);

impl FromRequestParts<Arc<AppState>> for Participant {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Authenticated { identity, .. } =
            Authenticated::from_request_parts(parts, state).await?;
        Ok(Self(identity))
    }
}

/// Makes an extractor of a right: of anyone who is signed in, and has it.
macro_rules! right {
    ($extractor:ident, $new:expr, $may:expr, $refusal:literal) => {
        impl FromRequestParts<Arc<AppState>> for $extractor {
            type Rejection = AppError;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &Arc<AppState>,
            ) -> Result<Self, AppError> {
                let Participant(identity) = Participant::from_request_parts(parts, state).await?;
                if $may(identity.role) {
                    Ok($new(identity))
                } else {
                    Err(AppError::Forbidden($refusal.to_owned()))
                }
            }
        }
    };
}

right!(
    Viewer,
    |_| Self,
    Role::sees_everyone,
    "Only instructors and helpers may see this."
);
right!(
    Instructor,
    Self,
    Role::changes_the_class,
    "Only instructors may do this."
);
