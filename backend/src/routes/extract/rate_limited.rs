//! Holds a handler to a limit: an argument of it that is only there for who is within.
//!
//! It is decided before the body is read, so that what is refused costs next to nothing.

use std::{marker::PhantomData, sync::Arc};

use axum::{body::Body, extract::FromRequestParts, http::request::Parts};

use super::{super::error::AppError, Participant};
use crate::{
    app::AppState,
    bodies::{ChunkedBody, GuardedBody},
    identity::Identity,
    limits::{LimitExceeded, Limits, Slot},
};

/// Something that there is a limit of, for each person.
pub(in crate::routes) trait Limited {
    /// Counts one more; a place where there are only so many at once, kept until the answer is
    /// sent.
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded>;
}

/// Posts of events.
pub(in crate::routes) struct Posts;

/// Looks at tiles, at the wall and at lists.
pub(in crate::routes) struct Looks;

/// Reads of whole notebooks and versions.
pub(in crate::routes) struct Reads;

impl Limited for Posts {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.post(identity).map(|()| None)
    }
}

impl Limited for Looks {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.look(identity).map(|()| None)
    }
}

impl Limited for Reads {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.read(identity).map(Some)
    }
}

/// Anyone who is signed in and within the limit of `L`.
pub(in crate::routes) struct RateLimited<L: Limited> {
    pub(in crate::routes) identity: Identity,
    pub(in crate::routes) pass: Pass,
    limit: PhantomData<L>,
}

/// What an answer is sent with.
pub(in crate::routes) struct Pass(Option<Slot>);

impl Pass {
    /// A body of `bytes`, given out in pieces, which has its place as long as there is something
    /// of it: what a slow reader has not taken yet is in memory all the while.
    pub(in crate::routes) fn hold(self, bytes: Vec<u8>) -> Body {
        let body = Body::new(ChunkedBody::of(bytes.into()));
        Body::new(GuardedBody::new(body, self.0))
    }
}

impl<L: Limited> FromRequestParts<Arc<AppState>> for RateLimited<L> {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Participant(identity) = Participant::from_request_parts(parts, state).await?;
        let pass = Pass(L::take(&state.limits, &identity)?);
        Ok(Self {
            identity,
            pass,
            limit: PhantomData,
        })
    }
}
