//! The steward: a small process that may change the system, for the service, which may not.
//!
//! `listener` knows who asks and reads requests (`protocol`), `desk` does what they ask, and
//! `client` is the other side.

mod client;
pub(crate) mod desk;
pub(crate) mod listener;
mod package_desk;
pub(crate) mod protocol;

pub use client::StewardClient;
pub(crate) use client::StewardError;
