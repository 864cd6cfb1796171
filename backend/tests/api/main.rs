//! The service's routes over real connections, below a prefix, with and without a Hub.
//!
//! A module here has the name of the module of routes it tests. [`app`] starts the
//! service; where there is a Hub, it is [`hub`]'s, which answers what the real one does.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod answers;
mod app;
mod build;
mod docs;
mod edge;
mod errands;
mod events;
mod held;
mod history;
mod hub;
mod hub_faults;
mod metrics;
mod names;
mod notices;
mod openapi;
mod output;
mod page;
mod people;
mod private;
mod reporter;
mod restore;
mod routes;
mod session;
mod sharing;
mod slow_disks;
mod stream;
mod wall;
