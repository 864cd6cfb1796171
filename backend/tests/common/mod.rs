//! Waiting for conditions, in all test binaries of this crate.
#![allow(
    dead_code,
    reason = "each test binary compiles this module and uses a part of it"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longest wait of a test for something that should take milliseconds.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(180);

/// The pause between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `find` returns a value.
pub(crate) async fn eventually<T>(mut find: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = async {
        loop {
            if let Some(found) = find().await {
                return found;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let found = tokio::time::timeout(TEST_TIMEOUT, polling).await;
    found.expect("the condition holds in time")
}

/// Waits until `holds` returns true, in a test without a runtime.
pub(crate) fn eventually_blocking(holds: impl Fn() -> bool) {
    let until = Instant::now() + TEST_TIMEOUT;
    while !holds() {
        assert!(Instant::now() < until, "the condition holds in time");
        thread::sleep(POLL_INTERVAL);
    }
}
