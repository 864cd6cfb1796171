//! `pipalhub archive` and `pipalhub restore`, by the real binary: a class that comes back as it was,
//! beside a service at work, and after kills and a full disk.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod class;
#[path = "../common/mod.rs"]
mod common;
mod harm;
#[path = "../common/link.rs"]
mod link;
mod owner;
mod restored;
