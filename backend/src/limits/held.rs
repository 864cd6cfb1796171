//! An answer that keeps its place among those that are made until it is sent, or given up:
//! what a slow reader has not taken yet is in memory all the while.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http_body::{Frame, SizeHint};

use super::Slot;

struct Held {
    body: Body,
    _slot: Slot,
}

impl Slot {
    /// `answer`, which has this place as long as there is something of it.
    pub(crate) fn hold(self, answer: impl IntoResponse) -> Response {
        answer.into_response().map(|body| {
            let _slot = self;
            Body::new(Held { body, _slot })
        })
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
