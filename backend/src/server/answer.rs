//! The body of an answer, which keeps its connection's place until it is sent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::places::Place;

/// See the module's words.
pub(super) struct Answer {
    body: Body,
    _request: Request,
}

/// A request that is being answered.
pub(super) struct Request(Arc<Place>);

impl Request {
    /// One that has come on the connection of this place; `None` when that is to end.
    pub(super) fn begin(place: &Arc<Place>) -> Option<Self> {
        place.begins().then(|| Self(Arc::clone(place)))
    }

    /// `response`, which ends this request when it is sent or given up.
    pub(super) fn answer(self, response: Response) -> axum::http::Response<Answer> {
        response.map(|body| Answer {
            body,
            _request: self,
        })
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.waits();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
