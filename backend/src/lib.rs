//! The PipalHub service: events in, a live class out.
//!
//! * [`cli`]: the commands of the one binary, `pipalhub`
//! * [`routes`]: every HTTP route; [`routes::router`] is what the binary and the tests call
//! * [`server`]: connections, and what one may cost
//! * [`auth`]: who is asking, by the Hub's OAuth or by a token
//! * [`store`]: events, behind a trait
//! * [`feed`]: the newest events, for everyone who follows them
//! * [`lanes`]: one person's files after another, so that nobody waits for another's
//! * [`limits`]: how much anyone may ask for
//! * [`history`]: every version of every notebook, behind a trait as well
//! * [`notices`]: what instructors tell participants, behind a trait too
//! * [`sharing`]: what of others' participants may see
//! * [`homes`]: where notebooks live, reading them safely, watching them
//! * [`class`]: everyone's notebooks, prepared for the wall
//! * [`telemetry`]: metrics and logs
//! * [`builds`]: exports, copies and summaries of them, as files
//!
//! Not here: how a notebook is read and rendered (the `shared` crate), and the page
//! itself (the `frontend` crate, embedded by [`routes`]).

pub mod app;
pub mod auth;
mod background;
mod bodies;
pub mod builds;
pub mod class;
pub mod cli;
pub mod error;
pub mod feed;
mod filename;
mod files;
pub mod history;
pub mod homes;
pub mod lanes;
pub mod limits;
pub mod notices;
mod reserve;
pub mod routes;
pub mod server;
pub mod sharing;
mod sqlite;
pub mod store;
pub mod telemetry;
mod text;
pub mod time;
