//! Servers at DigitalOcean, from the trainer's own machine: made, continued after any
//! interruption, and removed again.
//!
//! * `api`: the calls that are needed of DigitalOcean's API, over `transport`
//! * `settings`, `hostname`: what whoever makes a node may choose
//! * `state`: what is known here of a node, on the disk before anything is made of it
//! * `host_key`, `ssh`: a server that is known by its key from its first connection
//! * `creation`, `dns`, `setup`, `class`, `destruction`: the steps
//! * `passwords`: those of the class that was brought
//!
//! What a droplet was made by is known by its tag, which is random and on this disk before the
//! droplet is there; a record by its id. Nothing else in the account is changed.
//!
//! Not here: the command line (`cli/create_node.rs`, `cli/destroy_node.rs`), and what happens on
//! the server itself.

mod api;
mod class;
mod creation;
mod destruction;
mod dns;
mod error;
mod host_key;
mod hostname;
mod model;
mod passwords;
mod settings;
mod setup;
mod ssh;
mod state;
mod transport;

pub(crate) use self::{
    api::{DigitalOcean, TOKEN_VARIABLE},
    class::{BroughtClass, NodeClass},
    creation::{CreatedNode, NodeCreation, NodeRequest},
    destruction::NodeDestruction,
    hostname::NodeHostname,
    settings::NodeSettings,
    setup::NodeSetup,
    state::NodeFolder,
};
