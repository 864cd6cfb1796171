//! The PipalHub service: events in, a live class out.
//!
//! A tree: each module knows those below it and none above.
//!
//! * [`cli`]: the commands of the one binary, `pipalhub`
//! * [`routes`]: every HTTP route; [`routes::router`] is what the binary and the tests call
//! * [`app`]: what every handler can reach
//! * [`builds`]: exports, copies and summaries of notebooks, as files
//! * [`sharing`]: what of others' participants may see
//! * [`history`]: every version of every notebook, behind a trait
//! * [`notices`]: what instructors tell participants, behind a trait too
//! * [`class`]: everyone's notebooks, prepared for the wall
//! * [`feed`]: the newest events, for everyone who follows them
//! * [`limits`]: how much anyone may ask for
//! * [`homes`]: where notebooks live, reading them safely, watching them
//! * [`store`]: events, behind a trait as well
//! * [`auth`]: who is asking, by the Hub's OAuth or by a token
//! * [`lanes`]: one person's files after another, so that nobody waits for another's
//! * [`identity`]: who somebody is, and what they may see and change
//! * [`secret`]: texts that must not be seen
//! * [`server`]: connections, and what one may cost
//! * [`telemetry`]: metrics and logs
//!
//! Not here: how a notebook is read and rendered (the `shared` crate), and the page
//! itself (the `frontend` crate, embedded by [`routes`]).

#![warn(clippy::disallowed_methods)]

pub mod app;
pub mod auth;
mod background;
mod bodies;
pub mod builds;
pub mod class;
pub mod cli;
pub mod errands;
pub mod feed;
mod filename;
mod files;
pub mod history;
pub mod homes;
pub mod identity;
pub mod lanes;
pub mod limits;
pub mod notices;
mod reserve;
pub mod routes;
pub mod secret;
pub mod server;
pub mod sharing;
mod sqlite;
pub mod store;
pub mod telemetry;
mod text;
pub mod time;
