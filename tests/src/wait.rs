//! Waiting for conditions, never for time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Longest wait for a condition before its test fails. A busy machine takes ten times as long as
/// an idle one.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(120);

/// [`until_within`] [`WAIT_TIMEOUT`].
pub async fn until<T>(
    what: impl Debug,
    condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    until_within(WAIT_TIMEOUT, what, condition).await
}

/// Calls `condition` again and again until it returns a value; fails when that takes longer than
/// `timeout`.
///
/// An error counts as "not yet" and is named when the time is over, because a browser's element
/// may vanish between two calls, and a server may not listen yet.
pub async fn until_within<T>(
    timeout: Duration,
    what: impl Debug,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        let why = match condition().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => String::new(),
            Err(error) => format!(": {error:#}"),
        };
        if begin.elapsed() > timeout {
            bail!("waited {} s for {what:?}{why}", timeout.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
