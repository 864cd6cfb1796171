//! What the end-to-end tests stand on: a real Hub, the service without one, a browser,
//! and notebooks written the way Jupyter writes them.
//!
//! Everything a test starts lives in one temporary folder, listens on free ports of
//! 127.0.0.1 and ends with the test. The tests themselves are in `tests/e2e`; what they
//! need is found by [`setting`], which `cargo xtask test` fills in.

pub mod browser;
pub mod ears;
pub mod elsewhere;
pub mod hostile;
pub mod hub;
pub mod notebooks;
mod ports;
mod processes;
pub mod proxy;
pub mod standalone;
mod wait;

pub use wait::{TIMEOUT, until, until_within};

use std::path::{Path, PathBuf};

/// One of the variables that `cargo xtask test` sets.
///
/// # Panics
///
/// When it is not set, for then these tests were not started by it.
pub fn setting(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) => PathBuf::from(value),
        None => panic!("{name} is not set: run these through `cargo xtask test`"),
    }
}

/// Where screenshots go, when anyone wants them.
pub fn shots() -> Option<PathBuf> {
    std::env::var_os("PIPALHUB_SHOTS").map(PathBuf::from)
}

/// The folder `etc/` of this repository.
pub fn etc() -> PathBuf {
    repository().join("etc")
}

/// This repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the repository")
}
