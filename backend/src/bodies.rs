//! Bodies of responses: one that keeps a guard until it is sent, and one that is given out in
//! chunks of its own or borrowed bytes.

use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Bytes of a response that are compressed and sent before other tasks have their turn.
const CHUNK_BYTES: usize = 64 << 10;

/// A body with a guard, which is dropped when the body is sent or given up.
pub(crate) struct GuardedBody<T> {
    body: Body,
    _guard: T,
}

impl<T> GuardedBody<T> {
    pub(crate) fn new(body: Body, guard: T) -> Self {
        Self {
            body,
            _guard: guard,
        }
    }
}

impl<T: Unpin> HttpBody for GuardedBody<T> {
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

/// Bytes in memory, given out in chunks. Compressing them at once would hold up the other tasks of
/// the worker thread.
pub(crate) struct ChunkedBody {
    left: VecDeque<BodySegment>,
    /// Other tasks had their turn since the last chunk.
    is_turn: bool,
}

enum BodySegment {
    Owned(Bytes),
    Borrowed {
        bytes: Weak<Vec<u8>>,
        left: Range<usize>,
    },
}

/// The owner of borrowed bytes has dropped them, because there are newer ones.
#[derive(Debug, thiserror::Error)]
#[error("what was being sent is out of date")]
struct BytesReleased;

impl ChunkedBody {
    /// A body of these bytes.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self {
            left: [BodySegment::Owned(bytes)].into(),
            is_turn: true,
        }
    }

    /// A body of bytes that many responses share, between a beginning and an end of its own. It
    /// fails half-way when the owner drops the bytes.
    pub(crate) fn around(begin: Bytes, lent: &Arc<Vec<u8>>, end: Bytes) -> Self {
        let lent = BodySegment::Borrowed {
            left: 0..lent.len(),
            bytes: Arc::downgrade(lent),
        };
        Self {
            left: [BodySegment::Owned(begin), lent, BodySegment::Owned(end)].into(),
            is_turn: true,
        }
    }
}

impl BodySegment {
    fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Borrowed { left, .. } => left.len(),
        }
    }

    fn next(&mut self) -> Result<Bytes, BytesReleased> {
        let length = CHUNK_BYTES.min(self.len());
        match self {
            Self::Owned(bytes) => Ok(bytes.split_to(length)),
            Self::Borrowed { bytes, left } => {
                let bytes = bytes.upgrade().ok_or(BytesReleased)?;
                let chunk = left.start..left.start + length;
                left.start = chunk.end;
                Ok(Bytes::copy_from_slice(&bytes[chunk]))
            }
        }
    }
}

impl HttpBody for ChunkedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self
            .left
            .pop_front_if(|segment| segment.len() == 0)
            .is_some()
        {}
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.is_turn, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_turn = false;
        let chunk = self.left.front_mut().map(BodySegment::next);
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data).map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.iter().all(|segment| segment.len() == 0)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.left.iter().map(|segment| segment.len() as u64);
        SizeHint::with_exact(left.sum())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// The bytes of `body`, and how often other tasks had their turn.
    async fn read(mut body: ChunkedBody) -> (Result<Vec<u8>, axum::Error>, usize) {
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
    async fn other_tasks_have_their_turn_between_two_chunks() {
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|n| n as u8).collect();
        let body = ChunkedBody::of(bytes.clone().into());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let (got, turns) = read(body).await;
        assert_eq!((got.expect("it is all there"), turns), (bytes, 3));
    }

    #[tokio::test]
    async fn borrowed_bytes_are_sent_while_their_owner_keeps_them() {
        let lent = Arc::new(vec![b'x'; 2 * CHUNK_BYTES]);
        let body = || ChunkedBody::around("(".into(), &lent, ")".into());
        assert_eq!(body().size_hint().exact(), Some(2 * CHUNK_BYTES as u64 + 2));
        let expected = [b"(", &lent[..], b")"].concat();
        assert_eq!(read(body()).await.0.expect("it is kept"), expected);
        let body = body();
        drop(lent);
        assert!(read(body).await.0.is_err());
    }

    #[tokio::test]
    async fn a_guard_lives_as_long_as_its_body() {
        let guard = Arc::new(());
        let body = Body::new(GuardedBody::new(Body::from("x"), Arc::clone(&guard)));
        assert_eq!(Arc::strong_count(&guard), 2);
        let read = axum::body::to_bytes(body, 10).await;
        assert_eq!(read.expect("it is short"), "x");
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
