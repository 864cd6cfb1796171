//! Where a request comes from whose sender is not known yet.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::server::{ConnectionPlace, Peer};

/// The peer that a request comes from, and the address that a proxy forwards it for. It decides
/// nothing but whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestSource {
    peer: Option<Peer>,
    /// The address that the proxy forwards the request for.
    behind: Option<IpAddr>,
}

impl RequestSource {
    /// The source of this request.
    pub(crate) fn of(parts: &Parts) -> Self {
        let place = parts.extensions.get::<Arc<ConnectionPlace>>();
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

impl<S: Sync> FromRequestParts<S> for RequestSource {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Whether the peer is the Hub's proxy, which runs on this machine as root or as the user of the
/// Hub and of this service. The `X-Forwarded-For` of any other peer is worth nothing.
fn is_proxy(peer: &Peer) -> bool {
    static OWN: LazyLock<u32> = LazyLock::new(|| rustix::process::geteuid().as_raw());
    peer.is_local() && peer.uid.is_some_and(|uid| uid == 0 || uid == *OWN)
}

/// The last address that is not this machine's: each proxy appends the address of its client, so
/// that is the client of the first proxy of ours.
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
        RequestSource::new(Some(Peer { address, uid }), &headers).behind
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
    fn no_other_peer_is_believed() {
        let other = rustix::process::geteuid().as_raw() + 1_000;
        assert_eq!(behind(Some(other), &["192.0.2.7"]), None);
        assert_eq!(behind(None, &["192.0.2.7"]), None);
    }
}
