//! Bodies of answers: one that keeps something until it is sent, and one that is given out in
//! pieces.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// So much of an answer is compressed and sent before others have their turn.
const PIECE: usize = 64 << 10;

/// A body, and what lasts until it is sent or given up.
pub(crate) struct With<T> {
    body: Body,
    _kept: T,
}

impl<T> With<T> {
    pub(crate) fn new(body: Body, kept: T) -> Self {
        Self { body, _kept: kept }
    }
}

impl<T: Unpin> HttpBody for With<T> {
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

/// What is in memory already, in pieces. Who compresses it would else do so at one go, and
/// hold up all that its worker has to do.
pub(crate) struct Pieces {
    left: VecDeque<Bytes>,
    /// Others had their turn since the last piece.
    is_turn: bool,
}

impl Pieces {
    /// A body of these, one after the other. What several answers have in common may be shared.
    pub(crate) fn of(bytes: impl IntoIterator<Item = Bytes>) -> Self {
        let bytes = bytes.into_iter().filter(|bytes| !bytes.is_empty());
        Self {
            left: bytes.collect(),
            is_turn: true,
        }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.is_turn, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_turn = false;
        let piece = self.left.front_mut().map(|next| {
            let length = PIECE.min(next.len());
            next.split_to(length)
        });
        self.left.pop_front_if(|next| next.is_empty());
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.iter().map(|bytes| bytes.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::Arc};

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn_between_two_pieces() {
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|n| n as u8).collect();
        let halves = bytes.split_at(PIECE + 3);
        let halves = [halves.0, &[], halves.1].map(Bytes::copy_from_slice);
        let mut body = Pieces::of(halves);
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let (mut got, mut turns) = (Vec::new(), 0);
        while !body.is_end_stream() {
            let frame = poll_fn(|context| {
                let polled = Pin::new(&mut body).poll_frame(context);
                turns += usize::from(polled.is_pending());
                polled
            });
            let frame = frame.await.expect("there is more").expect("it cannot fail");
            got.extend_from_slice(&frame.into_data().expect("it is data"));
        }
        assert_eq!(got, bytes);
        assert_eq!(turns, 4);
    }

    #[tokio::test]
    async fn what_is_kept_lasts_as_long_as_the_body() {
        let kept = Arc::new(());
        let body = Body::new(With::new(Body::from("x"), Arc::clone(&kept)));
        assert_eq!(Arc::strong_count(&kept), 2);
        let read = axum::body::to_bytes(body, 10).await;
        assert_eq!(read.expect("it is short"), "x");
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
