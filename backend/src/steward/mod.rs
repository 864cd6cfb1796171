//! The steward: a small process that may change the system, for the service, which may not.
//!
//! [`listener`] knows who asks and reads requests ([`protocol`]), [`desk`] does what they ask, and
//! [`client`] is the other side.

pub(crate) mod client;
pub(crate) mod desk;
pub(crate) mod listener;
pub(crate) mod protocol;
