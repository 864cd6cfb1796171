//! A socket that gives up on a peer that takes nothing any more.
//!
//! Without it, a reader that stalls keeps its connection, and what is queued on it, until
//! the system gives up on it: never, as long as the peer's machine says it is there.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// See the module's words.
pub(super) struct Steady<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    heard: Arc<AtomicBool>,
}

impl<S> Steady<S> {
    /// `stream`, whose writes fail when none got anywhere for `patience`.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            stalled: None,
            heard: Arc::default(),
        }
    }

    /// Whether the peer has ever sent anything; to keep while the stream is elsewhere.
    pub(super) fn heard(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }

    /// What a write has come to, with the timer started, stopped or run out.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        metrics::counter!("pipalhub_stalled_readers_dropped_total").increment(1);
        tracing::debug!("a connection ends: its peer has not read for {patience:?}");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A socket has nothing to flush and shuts down at once: neither of these waits.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (near, _far) = duplex(64);
        let mut steady = Steady::new(near, PATIENCE);
        steady.write_all(&[0; 64]).await.unwrap();
        let begun = Instant::now();
        let error = steady.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < 2 * PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_waited_for() {
        let (near, mut far) = duplex(64);
        let mut steady = Steady::new(near, PATIENCE);
        let reader = tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(PATIENCE * 3 / 4).await;
                let mut some = [0; 64];
                far.read_exact(&mut some).await.unwrap();
            }
        });
        steady.write_all(&[0; 64 * 20]).await.unwrap();
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn it_knows_whether_the_peer_has_spoken() {
        let (near, mut far) = duplex(64);
        let mut steady = Steady::new(near, PATIENCE);
        let heard = steady.heard();
        assert!(!heard.load(Ordering::Relaxed));
        far.write_all(b"x").await.unwrap();
        steady.read_u8().await.unwrap();
        assert!(heard.load(Ordering::Relaxed));
    }
}
