//! Waiting for conditions, never for time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How long anything may take before its test fails: what takes so long hangs. A machine that
/// does much else takes ten seconds for what takes one.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// [`until_within`] [`TIMEOUT`].
pub async fn until<T>(
    what: impl Debug,
    condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    until_within(TIMEOUT, what, condition).await
}

/// Asks again and again until `condition` gives an answer; fails when that takes longer.
///
/// An error is taken for "not yet" and named when the time is over: a browser's element
/// may vanish between two questions, a server may not listen yet.
pub async fn until_within<T>(
    patience: Duration,
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
        if begin.elapsed() > patience {
            bail!("waited {} s for {what:?}{why}", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
