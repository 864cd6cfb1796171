//! Threads for work that no request waits for.

use std::{
    io,
    thread::{self, JoinHandle},
};

/// Added to the niceness of such a thread, which is each thread's own on Linux, so that answers
/// come first when the processors are busy.
const NICENESS: i32 = 5;

/// Starts `work` on a thread `name`, which yields to the threads that answer requests.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(|| {
        // Where the system refuses, the work runs with the others' priority.
        let _ = rustix::process::nice(NICENESS);
        work();
    })
}
