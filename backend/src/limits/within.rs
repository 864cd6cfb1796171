//! Holds a handler to a limit: an argument of it that is only there for who is within.
//!
//! It is decided before the body is read, so that what is refused costs next to nothing.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};

use super::{Limits, Slot};
use crate::{
    app::AppState,
    auth::{Identity, Participant},
    bodies::With,
    error::AppError,
};

/// Something that there is a limit of, for each person.
pub(crate) trait Limited {
    /// What whoever is within it has until the answer is sent.
    type Pass;

    /// Counts one more.
    fn take(limits: &Limits, identity: &Identity) -> Result<Self::Pass, AppError>;
}

/// Posts of events.
pub(crate) struct Posts;

/// Looks at tiles and at the wall.
pub(crate) struct Looks;

/// Reads of whole notebooks and versions.
pub(crate) struct Reads;

impl Limited for Posts {
    type Pass = ();

    fn take(limits: &Limits, identity: &Identity) -> Result<(), AppError> {
        limits.post(identity)
    }
}

impl Limited for Looks {
    type Pass = ();

    fn take(limits: &Limits, identity: &Identity) -> Result<(), AppError> {
        limits.look(identity)
    }
}

impl Limited for Reads {
    type Pass = Slot;

    fn take(limits: &Limits, identity: &Identity) -> Result<Slot, AppError> {
        limits.read(identity)
    }
}

/// Anyone who is signed in and within the limit of `L`, and what they got of it.
pub(crate) struct Within<L: Limited> {
    pub(crate) identity: Identity,
    pub(crate) pass: L::Pass,
    limit: PhantomData<L>,
}

impl<L: Limited> FromRequestParts<Arc<AppState>> for Within<L> {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Participant(identity) = Participant::from_request_parts(parts, state).await?;
        let pass = L::take(&state.limits, &identity)?;
        Ok(Self {
            identity,
            pass,
            limit: PhantomData,
        })
    }
}

impl Slot {
    /// `answer`, which has this place as long as there is something of it: what a slow reader
    /// has not taken yet is in memory all the while.
    pub(crate) fn hold(self, answer: impl IntoResponse) -> Response {
        let answer = answer.into_response();
        answer.map(|body| Body::new(With::new(body, self)))
    }
}
