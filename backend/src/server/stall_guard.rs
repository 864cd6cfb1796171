//! A socket that gives up on a peer that reads nothing any more.
//!
//! Without it, a reader that stalls keeps its connection, and the bytes queued on it, until
//! the system gives up on it: never, as long as the peer's machine answers.

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

/// A stream whose writes fail when its peer has not read for too long.
pub(super) struct StallGuard<S> {
    stream: S,
    timeout: Duration,
    /// Runs while a write waits.
    stall_timer: Option<Pin<Box<Sleep>>>,
    has_read: Arc<AtomicBool>,
}

impl<S> StallGuard<S> {
    /// `stream`, whose writes fail when no byte could be written for `timeout`.
    pub(super) fn new(stream: S, timeout: Duration) -> Self {
        Self {
            stream,
            timeout,
            stall_timer: None,
            has_read: Arc::default(),
        }
    }

    /// Whether the peer has ever sent a byte; a handle for while the stream is moved elsewhere.
    pub(super) fn has_read(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_read)
    }

    /// Starts or stops the timer after a write, and fails the write when the timer has run out.
    fn check_write(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stall_timer = None;
            return written;
        }
        let timeout = self.timeout;
        let timer = self
            .stall_timer
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        metrics::counter!("pipalhub_stalled_readers_dropped_total").increment(1);
        tracing::debug!("a connection ends: its peer has not read for {timeout:?}");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.has_read.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check_write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.check_write(context, written)
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

    const STALL_TIMEOUT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (near, _far) = duplex(64);
        let mut guard = StallGuard::new(near, STALL_TIMEOUT);
        guard.write_all(&[0; 64]).await.unwrap();
        let begun = Instant::now();
        let error = guard.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= STALL_TIMEOUT && begun.elapsed() < 2 * STALL_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_waited_for() {
        let (near, mut far) = duplex(64);
        let mut guard = StallGuard::new(near, STALL_TIMEOUT);
        let reader = tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(STALL_TIMEOUT * 3 / 4).await;
                let mut some = [0; 64];
                far.read_exact(&mut some).await.unwrap();
            }
        });
        guard.write_all(&[0; 64 * 20]).await.unwrap();
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn the_guard_knows_whether_the_peer_has_sent_a_byte() {
        let (near, mut far) = duplex(64);
        let mut guard = StallGuard::new(near, STALL_TIMEOUT);
        let has_read = guard.has_read();
        assert!(!has_read.load(Ordering::Relaxed));
        far.write_all(b"x").await.unwrap();
        guard.read_u8().await.unwrap();
        assert!(has_read.load(Ordering::Relaxed));
    }
}
