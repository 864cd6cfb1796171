//! Asks the steward.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

use super::protocol::{MAX_REPLY_BYTES, StewardReply, StewardRequest};

/// Longest silence of a steward at work: a program of the system may take a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a steward listens.
#[derive(Clone, Debug)]
pub struct StewardClient {
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum StewardError {
    #[error("no steward listens at {0}")]
    Absent(PathBuf),
    #[error("the steward at {0} takes no requests of this user")]
    Closed(PathBuf),
    #[error("the steward at {0} does not answer")]
    Late(PathBuf),
    #[error("the steward at {0} cannot be asked: {1}")]
    Io(PathBuf, io::Error),
}

impl StewardClient {
    /// A client of the steward at this socket, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Sends a request and returns the answer; `on_progress` is given what comes before it.
    ///
    /// # Errors
    /// When there is no answer. A refusal is an answer.
    pub(crate) async fn ask(
        &self,
        request: &StewardRequest,
        on_progress: &mut (dyn FnMut(StewardReply) + Send),
    ) -> Result<StewardReply, StewardError> {
        let path = || self.path.clone();
        let fail = |error: io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => StewardError::Absent(path()),
            ErrorKind::PermissionDenied | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                StewardError::Closed(path())
            }
            ErrorKind::TimedOut => StewardError::Late(path()),
            _ => StewardError::Io(path(), error),
        };
        let mut stream = UnixStream::connect(&self.path).await.map_err(fail)?;
        let mut line = serde_json::to_vec(request).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        let sent = timeout(PATIENCE, stream.write_all(&line)).await;
        sent.map_err(|_| StewardError::Late(path()))?
            .map_err(fail)?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut reader).take(MAX_REPLY_BYTES as u64);
            let read = timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await;
            read.map_err(|_| StewardError::Late(path()))?
                .map_err(fail)?;
            if line.is_empty() {
                return Err(StewardError::Closed(path()));
            }
            match serde_json::from_slice(&line).map_err(|error| fail(error.into()))? {
                progress @ StewardReply::Progress { .. } => on_progress(progress),
                answer => return Ok(answer),
            }
        }
    }
}
