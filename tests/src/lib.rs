//! The parts of the end-to-end tests: a real Hub, the service without one, a browser, and
//! notebooks written as Jupyter writes them.
//!
//! All programs of a test have their files in one temporary folder, listen on free ports of
//! 127.0.0.1 and end with the test. The tests themselves are in `tests/e2e`; [`setting`] has the
//! paths of the programs that they need, which `cargo xtask test` sets.

pub mod browser;
pub mod documents;
pub mod environment;
pub mod firefox;
pub mod fresh;
pub mod hostile;
pub mod hub;
pub mod listeners;
pub mod notebooks;
pub mod other_origin;
mod ports;
mod processes;
pub mod proxy;
pub mod remote;
pub mod standalone;
pub mod steward;
pub mod stopwatch;
mod wait;

pub use wait::{WAIT_TIMEOUT, until, until_within};

use std::path::{Path, PathBuf};

/// One of the variables that `cargo xtask test` sets.
///
/// # Panics
///
/// When the variable is not set, because the tests were not started by `cargo xtask test`.
pub fn setting(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) => PathBuf::from(value),
        None => panic!("{name} is not set: run these through `cargo xtask test`"),
    }
}

/// The folder for screenshots, if one is set.
pub fn shots() -> Option<PathBuf> {
    std::env::var_os("PIPALHUB_SHOTS").map(PathBuf::from)
}

/// This repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the repository")
}
