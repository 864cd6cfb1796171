//! The body of an answer, which keeps its connection's place until it is sent.

use std::sync::Arc;

use axum::response::Response;

use super::places::Place;
use crate::bodies::GuardedBody;

/// A request that is being answered.
pub(super) struct Request(Arc<Place>);

impl Request {
    /// One that has come on the connection of this place; `None` when that is to end.
    pub(super) fn begin(place: &Arc<Place>) -> Option<Self> {
        place.begins().then(|| Self(Arc::clone(place)))
    }

    /// `response`, which ends this request when it is sent or given up.
    pub(super) fn answer(self, response: Response) -> axum::http::Response<GuardedBody<Self>> {
        response.map(|body| GuardedBody::new(body, self))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.waits();
    }
}
