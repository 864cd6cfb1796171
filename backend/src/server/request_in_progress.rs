//! A request whose answer keeps its connection's place until it is sent.

use std::sync::Arc;

use axum::response::Response;

use super::connection_table::ConnectionPlace;
use crate::bodies::GuardedBody;

/// A request that is being answered.
pub(super) struct RequestInProgress(Arc<ConnectionPlace>);

impl RequestInProgress {
    /// Begins a request on the connection of this place; `None` when that was told to end.
    pub(super) fn begin(place: &Arc<ConnectionPlace>) -> Option<Self> {
        place.begin_request().then(|| Self(Arc::clone(place)))
    }

    /// `response`, which ends this request when it is sent or given up.
    pub(super) fn answer(self, response: Response) -> axum::http::Response<GuardedBody<Self>> {
        response.map(|body| GuardedBody::new(body, self))
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.end_request();
    }
}
