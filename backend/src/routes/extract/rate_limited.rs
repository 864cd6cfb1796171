//! Holds a handler to a rate limit: an argument that only requesters within the limit get.
//!
//! The limit is checked before the body is read, so that a refused request costs next to nothing.

use std::{marker::PhantomData, sync::Arc};

use axum::{body::Body, extract::FromRequestParts, http::request::Parts};

use super::{super::error::AppError, Participant};
use crate::{
    app::AppState,
    bodies::{ChunkedBody, GuardedBody},
    identity::Identity,
    limits::{LimitExceeded, Limits, Slot},
};

/// A kind of request that has a limit for each person.
pub(in crate::routes) trait RequestKind {
    /// Counts one more request; gives a slot, kept until the answer is sent, where the number of
    /// concurrent requests is limited.
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded>;
}

/// Posts of events.
pub(in crate::routes) struct EventPosts;

/// Reads of tiles, of the wall and of lists.
pub(in crate::routes) struct LightReads;

/// Changes of one's own note.
pub(in crate::routes) struct NotePresses;

/// Reads of whole notebooks and versions.
pub(in crate::routes) struct NotebookReads;

impl RequestKind for EventPosts {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.post(identity).map(|()| None)
    }
}

impl RequestKind for LightReads {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.look(identity).map(|()| None)
    }
}

impl RequestKind for NotePresses {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.note(identity).map(|()| None)
    }
}

impl RequestKind for NotebookReads {
    fn take(limits: &Limits, identity: &Identity) -> Result<Option<Slot>, LimitExceeded> {
        limits.read(identity).map(Some)
    }
}

/// Anyone who is signed in and within the limit of requests of kind `K`.
pub(in crate::routes) struct RateLimited<K: RequestKind> {
    pub(in crate::routes) identity: Identity,
    pub(in crate::routes) slot: AnswerSlot,
    kind: PhantomData<K>,
}

/// The slot of a request, if its kind has slots, for its answer to hold.
pub(in crate::routes) struct AnswerSlot(Option<Slot>);

impl AnswerSlot {
    /// A body of `bytes`, sent in pieces, which holds the slot as long as some of it is unsent,
    /// because those bytes are in memory until a slow reader has taken them.
    pub(in crate::routes) fn hold(self, bytes: Vec<u8>) -> Body {
        let body = Body::new(ChunkedBody::of(bytes.into()));
        Body::new(GuardedBody::new(body, self.0))
    }
}

impl<K: RequestKind> FromRequestParts<Arc<AppState>> for RateLimited<K> {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, AppError> {
        let Participant(identity) = Participant::from_request_parts(parts, state).await?;
        let slot = AnswerSlot(K::take(&state.limits, &identity)?);
        Ok(Self {
            identity,
            slot,
            kind: PhantomData,
        })
    }
}
