//! A running `pipalhub serve` and its clients, for `faults`, `load`, `events` and `simulated`.
//!
//! * [`service`]: the process, from its start to its end
//! * [`http`]: a keep-alive connection, and a client that opens a connection for each request
//! * [`sse`]: a reader of the event stream
//! * [`hub`]: a fake of JupyterHub's API
//! * [`push`]: pushes, as participants' servers make them
//! * [`recording_proxy`]: a proxy that keeps what has passed
//! * [`event`]: the events that are posted

pub(crate) mod event;
pub(crate) mod http;
pub(crate) mod hub;
pub(crate) mod push;
pub(crate) mod recording_proxy;
pub(crate) mod service;
pub(crate) mod sse;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::bail;

/// The token of a service without a Hub.
pub(crate) const SERVICE_TOKEN: &str = "the-token-of-a-service-without-a-hub";
/// A timeout far longer than anything here takes: a wait this long means that something hangs.
pub(crate) const HANG_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls `look` every two milliseconds until it returns a value; fails after `limit`.
pub(crate) async fn poll_until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            bail!("{what}: not within {} ms", limit.as_millis());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A random number below `end`.
pub(crate) fn random_below(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}

/// Microseconds since the epoch.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or_default()
}
