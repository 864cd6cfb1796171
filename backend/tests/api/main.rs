//! The service's routes over real connections, below a prefix, with and without a Hub.
//!
//! Most modules have the name of the module of routes they test. [`app`] starts the service,
//! [`clients`] send its requests, and [`hub`] is a Hub that answers as the real one does.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod answers;
mod app;
mod build;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod copies;
mod docs;
mod docs_commands;

mod errands;
mod events;

mod exercise;
mod handouts;
mod help;
mod history;
mod hub;
mod hub_faults;
mod insight;
mod metrics;
mod names;
mod notices;
mod openapi;
mod output;
mod page;
mod paused_store;

mod private;
mod reporter;
mod restore;
mod routes;
mod session;
mod setup;
mod sharing;
mod slow_disks;
mod stream;
mod user_names;
mod wall;
mod workshop;
