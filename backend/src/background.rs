//! Threads for work that nobody waits for.

use std::{
    io,
    thread::{self, JoinHandle},
};

/// Added to the niceness of such a thread, which is each thread's own on Linux: where there is
/// more to do than processors to do it, answers come first.
const NICENESS: i32 = 5;

/// Starts `work` on a thread `name`, which yields to those that answer somebody.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(|| {
        // Where it is refused, it is done with the rest.
        let _ = rustix::process::nice(NICENESS);
        work();
    })
}
