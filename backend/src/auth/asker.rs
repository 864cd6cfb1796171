//! Where a request comes from, of which nothing else is known yet.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::server::{Peer, Place};

/// See the module's words. Nothing is decided by it but whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asker {
    peer: Option<Peer>,
    /// Whom a proxy asks for.
    behind: Option<IpAddr>,
}

impl Asker {
    /// Who sent this request.
    pub(crate) fn of(parts: &Parts) -> Self {
        let place = parts.extensions.get::<Arc<Place>>();
        Self::new(place.map(|place| place.peer()), &parts.headers)
    }

    fn new(peer: Option<Peer>, headers: &HeaderMap) -> Self {
        let is_proxy = peer.as_ref().is_some_and(is_proxy);
        Self {
            peer,
            behind: is_proxy.then(|| forwarded_for(headers)).flatten(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The Hub's proxy runs on this machine as root or as who runs the Hub, who runs this service
/// too; what anyone else says of whom they ask for is worth nothing.
fn is_proxy(peer: &Peer) -> bool {
    static OWN: LazyLock<u32> = LazyLock::new(|| rustix::process::geteuid().as_raw());
    peer.is_local() && peer.uid.is_some_and(|uid| uid == 0 || uid == *OWN)
}

/// Each proxy writes behind what it was told whom it was told by: so the last address that is
/// not this machine's is that of whoever came to the first of our own.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let all = headers.get_all("x-forwarded-for");
    let all: Vec<_> = all.iter().filter_map(|value| value.to_str().ok()).collect();
    let mut addresses = all.iter().rev().flat_map(|value| value.rsplit(','));
    let last = addresses.find_map(|address| match address.trim().parse::<IpAddr>() {
        Ok(address) if address.to_canonical().is_loopback() => None,
        other => Some(other.ok()),
    });
    last.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(uid: Option<u32>, forwarded: &[&str]) -> Option<IpAddr> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let address = "127.0.0.1".parse().unwrap();
        Asker::new(Some(Peer { address, uid }), &headers).behind
    }

    #[test]
    fn a_proxy_of_ours_is_believed_as_far_as_it_knows() {
        let ana = "192.0.2.7".parse().ok();
        assert_eq!(behind(Some(0), &["192.0.2.7"]), ana);
        assert_eq!(behind(Some(0), &["made up, 198.51.100.1, 192.0.2.7"]), ana);
        assert_eq!(
            behind(Some(0), &["192.0.2.7, 127.0.0.1, ::ffff:127.0.0.1"]),
            ana
        );
        assert_eq!(behind(Some(0), &["198.51.100.1", "192.0.2.7"]), ana);
        assert_eq!(behind(Some(0), &["192.0.2.7, made up"]), None);
        assert_eq!(behind(Some(0), &[]), None);
    }

    #[test]
    fn nobody_else_is_believed() {
        let other = rustix::process::geteuid().as_raw() + 1_000;
        assert_eq!(behind(Some(other), &["192.0.2.7"]), None);
        assert_eq!(behind(None, &["192.0.2.7"]), None);
    }
}
