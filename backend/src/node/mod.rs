//! What sets up a server for a class: [`setup`] does all of it, [`nginx`] is the site in front of the
//! Hub, [`hostname_of_node`] what a server that was set up knows of itself.

pub(crate) mod nginx;
mod own_hostname;
mod progress;
pub(crate) mod setup;
mod site_value;
mod template;

pub(crate) use own_hostname::hostname_of_node;
pub(crate) use progress::NodeProgress;
pub(crate) use site_value::{BasePath, HubAddress, ServiceName, SiteFile, SiteHost};
