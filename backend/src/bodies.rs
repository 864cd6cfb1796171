//! Bodies of answers: one that keeps something until it is sent, and one that is given out in
//! pieces, of its own or lent.

use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin,
    sync::{Arc, Weak},
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
    left: VecDeque<Part>,
    /// Others had their turn since the last piece.
    is_turn: bool,
}

enum Part {
    Own(Bytes),
    Lent {
        bytes: Weak<Vec<u8>>,
        left: Range<usize>,
    },
}

/// Who lent the bytes has let go of them: there are newer ones.
#[derive(Debug, thiserror::Error)]
#[error("what was being sent is out of date")]
struct TakenBack;

impl Pieces {
    /// A body of these.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self {
            left: [Part::Own(bytes)].into(),
            is_turn: true,
        }
    }

    /// A body of bytes that many are sent, between a beginning and an end of its own. It ends
    /// half-way when nobody keeps them any more.
    pub(crate) fn around(begin: Bytes, lent: &Arc<Vec<u8>>, end: Bytes) -> Self {
        let lent = Part::Lent {
            left: 0..lent.len(),
            bytes: Arc::downgrade(lent),
        };
        Self {
            left: [Part::Own(begin), lent, Part::Own(end)].into(),
            is_turn: true,
        }
    }
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Lent { left, .. } => left.len(),
        }
    }

    fn next(&mut self) -> Result<Bytes, TakenBack> {
        let length = PIECE.min(self.len());
        match self {
            Self::Own(bytes) => Ok(bytes.split_to(length)),
            Self::Lent { bytes, left } => {
                let bytes = bytes.upgrade().ok_or(TakenBack)?;
                let piece = left.start..left.start + length;
                left.start = piece.end;
                Ok(Bytes::copy_from_slice(&bytes[piece]))
            }
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
        while self.left.pop_front_if(|part| part.len() == 0).is_some() {}
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.is_turn, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_turn = false;
        let piece = self.left.front_mut().map(Part::next);
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.iter().all(|part| part.len() == 0)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.left.iter().map(|part| part.len() as u64);
        SizeHint::with_exact(left.sum())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// What comes of `body`, and how often others had their turn.
    async fn read(mut body: Pieces) -> (Result<Vec<u8>, axum::Error>, usize) {
        let (mut got, mut turns) = (Vec::new(), 0);
        while !body.is_end_stream() {
            let frame = poll_fn(|context| {
                let polled = Pin::new(&mut body).poll_frame(context);
                turns += usize::from(polled.is_pending());
                polled
            });
            match frame.await.expect("there is more") {
                Ok(frame) => got.extend_from_slice(&frame.into_data().expect("it is data")),
                Err(error) => return (Err(error), turns),
            }
        }
        (Ok(got), turns)
    }

    #[tokio::test]
    async fn others_have_their_turn_between_two_pieces() {
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|n| n as u8).collect();
        let body = Pieces::of(bytes.clone().into());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let (got, turns) = read(body).await;
        assert_eq!((got.expect("it is all there"), turns), (bytes, 3));
    }

    #[tokio::test]
    async fn what_is_lent_is_sent_as_long_as_it_is_kept() {
        let lent = Arc::new(vec![b'x'; 2 * PIECE]);
        let body = || Pieces::around("(".into(), &lent, ")".into());
        assert_eq!(body().size_hint().exact(), Some(2 * PIECE as u64 + 2));
        let expected = [b"(", &lent[..], b")"].concat();
        assert_eq!(read(body()).await.0.expect("it is kept"), expected);
        let body = body();
        drop(lent);
        assert!(read(body).await.0.is_err());
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
