//! The right to call a handler, as the type of its argument: a handler that takes an
//! [`Instructor`] answers instructors only.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::super::error::AppError;
use crate::{app::AppState, auth::Authenticated, identity::Identity};

/// Anyone who is signed in.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Participant(pub(in crate::routes) Identity);

/// An observer, a helper or an instructor, who see everyone.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Viewer;

/// A helper or an instructor, who may see to participants: take their tickets, say that they were
/// helped, ask whether they are done.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Helper(pub(in crate::routes) Identity);

/// An instructor, who may change the class.
#[derive(Clone, Debug)]
pub(in crate::routes) struct Instructor(pub(in crate::routes) Identity);

/// Makes an extractor of `$extractor`: `$result` of the identity of a requester who is signed in.
macro_rules! of_identity {
    ($extractor:ident, |$identity:ident| $result:expr) => {
        impl FromRequestParts<Arc<AppState>> for $extractor {
            type Rejection = AppError;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &Arc<AppState>,
            ) -> Result<Self, AppError> {
                let Authenticated {
                    identity: $identity,
                    ..
                } = Authenticated::from_request_parts(parts, state).await?;
                $result
            }
        }
    };
}

of_identity!(Participant, |identity| Ok(Self(identity)));

of_identity!(Viewer, |identity| match identity.role.sees_everyone() {
    true => Ok(Self),
    false => refuse("Only instructors and helpers may see this."),
});

of_identity!(Helper, |identity| match identity.role.helps() {
    true => Ok(Self(identity)),
    false => refuse("Only instructors and helpers may do this."),
});

of_identity!(Instructor, |identity| {
    match identity.role.changes_the_class() {
        true => Ok(Self(identity)),
        false => refuse("Only instructors may do this."),
    }
});

fn refuse<T>(message: &str) -> Result<T, AppError> {
    Err(AppError::Forbidden(message.to_owned()))
}
