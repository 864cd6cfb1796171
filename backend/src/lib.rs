//! The PipalHub service: events in, a live class out.
//!
//! A tree: each module knows those below it and none above.
//!
//! * [`cli`]: the commands of the one binary, `pipalhub`
//! * [`routes`]: every HTTP route; [`routes::router`] is what the binary and the tests call
//! * [`app`]: the state that every handler can reach
//! * `archive`: everything of a class in one file, and back
//! * `check`: a class tried from outside, the evening before
//! * `cloud`: servers for a class at DigitalOcean, from the trainer's machine
//! * [`builds`]: exports, copies and summaries of notebooks, as files
//! * [`sharing`]: which notebooks and summaries of others participants may see
//! * [`help`]: who asks for help, who comes and who is done, behind a trait
//! * [`history`]: every version of every notebook, behind a trait
//! * [`insight`]: what the saves of a class say, of the history by the crate `analytics`
//! * [`notices`]: notices of instructors to participants, behind a trait too
//! * [`setup`]: how each participant's saves arrive, and what to do where they do not
//! * [`class`]: everyone's notebooks, prepared for the wall
//! * [`feed`]: the newest events, for all streams that follow them
//! * [`contacts`]: what participants' servers were last heard to say of themselves
//! * [`limits`]: how much each person may ask for
//! * [`steward`]: the process that may change the system, and how it is asked
//! * [`copies`]: every participant's notebooks, read from homes or pushed by their servers
//! * [`homes`]: where notebooks live, reading them safely, watching them
//! * [`store`]: events, behind a trait as well
//! * [`auth`]: authentication of requests, by the Hub's OAuth or by a token
//! * `users`: the class's list and the accounts it stands for
//! * [`lanes`]: each person's files one after another, so that no request waits for another's disk
//! * `node`: what sets up a server for a class
//! * [`identity`]: identities, and what they may see and change
//! * [`secret`]: texts that must not be seen
//! * [`server`]: connections and their limits
//! * [`telemetry`]: metrics and logs
//! * `findings`: what checks find, and how it is printed
//! * `spawn_progress`: what the Hub tells of the start of a server
//!
//! Not here: how a notebook is read and rendered (the `shared` crate), and the page
//! itself (the `frontend` crate, embedded by [`routes`]).

#![warn(clippy::disallowed_methods)]

pub mod app;
mod archive;
mod audit;
pub mod auth;
mod background;
mod bodies;
pub mod builds;
mod check;
pub mod class;
pub mod cli;
mod cloud;
pub mod contacts;
pub mod copies;
pub mod errands;
pub mod feed;
mod filename;
mod files;
mod findings;
pub mod help;
pub mod history;
pub mod homes;
pub mod identity;
pub mod insight;
pub mod lanes;
pub mod limits;
mod node;
pub mod notices;
mod package_news;
pub(crate) mod packages;
mod reserve;
pub mod routes;
pub mod secret;
pub mod server;
pub mod setup;
pub mod sharing;
mod spawn_progress;
mod sqlite;
pub mod steward;
pub mod store;
pub mod telemetry;
mod text;
pub mod time;
mod trusted_file;
mod users;
