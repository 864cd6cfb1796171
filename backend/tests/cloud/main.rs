//! `pipalhub create-node` and `pipalhub destroy-node`, by the real binary: against an API that is
//! made up here, whose droplets are real servers of OpenSSH.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod account;
mod api;
mod class;
#[path = "../common/mod.rs"]
mod common;
mod create;
mod destroy;
mod faults;
mod kills;
mod sshd;
mod tls;
mod trainer;
