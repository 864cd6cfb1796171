//! Waiting for conditions, never for time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How long anything may take on a busy machine before its test fails.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Asks again and again until `condition` gives an answer; fails after [`TIMEOUT`].
///
/// An error is taken for "not yet" and named when the time is over: a browser's element
/// may vanish between two questions, a server may not listen yet.
pub async fn until<T>(
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
        if begin.elapsed() > TIMEOUT {
            bail!("waited {} s for {what:?}{why}", TIMEOUT.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
