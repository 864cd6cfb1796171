//! What travels between here and DigitalOcean's API, as far as it is needed.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// A server.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// `new`, `active`, `off` or `archive`.
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    networks: DropletNetworks,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct DropletNetworks {
    #[serde(default)]
    v4: Vec<DropletNetwork>,
}

#[derive(Clone, Debug, Deserialize)]
struct DropletNetwork {
    ip_address: Ipv4Addr,
    #[serde(rename = "type")]
    kind: String,
}

impl Droplet {
    /// The address on the Internet, once there is one.
    pub(crate) fn address(&self) -> Option<Ipv4Addr> {
        let mut networks = self.networks.v4.iter();
        Some(networks.find(|it| it.kind == "public")?.ip_address)
    }

    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|it| it == tag)
    }
}

/// What a new droplet is to be.
#[derive(Serialize)]
pub(super) struct DropletRequest<'a> {
    pub(super) name: &'a str,
    pub(super) region: &'a str,
    pub(super) size: &'a str,
    pub(super) image: &'a str,
    /// The ids of the account's keys.
    pub(super) ssh_keys: Vec<u64>,
    pub(super) backups: bool,
    pub(super) tags: Vec<&'a str>,
    pub(super) user_data: &'a str,
}

/// A droplet that was ordered, and the action that makes it.
pub(super) struct DropletOrder {
    pub(super) droplet: Droplet,
    pub(super) action: Option<u64>,
}

/// A key of the account.
#[derive(Deserialize)]
pub(super) struct AccountKey {
    pub(super) id: u64,
}

/// Something that takes time.
#[derive(Deserialize)]
pub(super) struct CloudAction {
    /// `in-progress`, `completed` or `errored`.
    pub(super) status: String,
}

/// A record of a domain.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DnsRecord {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Below the domain; `@` for the domain itself.
    pub(crate) name: String,
    /// The address, of an A record.
    pub(crate) data: String,
    pub(crate) ttl: u32,
}
