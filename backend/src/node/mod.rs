//! What sets up a server for a class: [`nginx`] is the site in front of the Hub, [`hostname_of_node`]
//! what a server that was set up knows of itself.

pub(crate) mod nginx;
mod own_hostname;
mod site_value;
mod template;

pub(crate) use own_hostname::hostname_of_node;
pub(crate) use site_value::{BasePath, HubAddress, ServiceName, SiteFile, SiteHost};
