//! What sets up a server for a class: [`nginx`] is the site in front of the Hub.

pub(crate) mod nginx;
mod site_value;
mod template;

pub(crate) use site_value::{BasePath, HubAddress, ServiceName, SiteFile, SiteHost};
