//! What sets up a server for a class: [`setup`] does all of it, [`nginx`] is the site in front of the
//! Hub.

pub(crate) mod nginx;
mod progress;
pub(crate) mod setup;
mod site_value;
mod template;

pub(crate) use progress::NodeProgress;
pub(crate) use site_value::{BasePath, HubAddress, ServiceName, SiteFile, SiteHost};
