//! A request body that must come in time.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{BoxError, body::Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The error of a request body that did not arrive before its deadline.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub(crate) struct BodyTooSlow;

/// A request body that must be complete before a deadline, which each byte that arrives puts off.
///
/// Bytes that are only announced put nothing off: a peer that sends nothing keeps no room longer
/// for a large body than for a small one.
pub(super) struct TimedBody<B> {
    body: B,
    deadline: Instant,
    /// The time that a byte has.
    time_of_byte: Duration,
    /// Made when the body is first waited for; most bodies are there at once.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> TimedBody<B> {
    /// `body`, which has `time` from now, and longer by a second for each `bytes_a_second` that
    /// arrive.
    pub(super) fn new(body: B, time: Duration, bytes_a_second: u32) -> Self {
        Self {
            body,
            deadline: Instant::now() + time,
            time_of_byte: Duration::from_secs(1) / bytes_a_second,
            timer: None,
        }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(bytes) = frame.as_ref().and_then(|it| it.as_ref().ok()?.data_ref()) {
                let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let time = self.time_of_byte.saturating_mul(count);
                self.deadline += time;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = self.deadline;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() < deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(BodyTooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
