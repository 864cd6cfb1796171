//! The peer at the other end of a connection, as far as it can be known.
//!
//! It is known by its address; and on the loopback, where all peers have the same, by the user of
//! its process, whom the kernel names (`NETLINK_SOCK_DIAG`, as `ss` uses it). The user is looked
//! up by the connection's two addresses and ports, so that it costs the same however many
//! connections there are. On a system that does not tell, the user is unknown.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

/// The other end of a connection: its address and, on this machine, its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) uid: Option<u32>,
}

impl Peer {
    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.address.is_loopback()
    }
}

/// Finds the peer of a connection.
pub(super) struct PeerLookup {
    /// The socket by which the kernel is asked.
    netlink: Option<Socket>,
    last_number: u32,
}

impl PeerLookup {
    pub(super) fn new() -> Self {
        const NETLINK: i32 = 16;
        const SOCK_DIAG: i32 = 4;
        let kind = Type::DGRAM.nonblocking().cloexec();
        let netlink = Socket::new(Domain::from(NETLINK), kind, Some(Protocol::from(SOCK_DIAG)));
        Self {
            netlink: netlink.ok(),
            last_number: 0,
        }
    }

    /// The peer of `stream`, which was accepted from `address`.
    pub(super) fn peer_of(&mut self, stream: &TcpStream, address: SocketAddr) -> Peer {
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let theirs = canonical(address);
        let mut uid = None;
        if theirs.ip().is_loopback()
            && let Ok(ours) = stream.local_addr()
        {
            uid = self.socket_owner(theirs, canonical(ours));
        }
        Peer {
            address: network(theirs.ip()),
            uid,
        }
    }

    /// The user who owns the socket on this machine that is connected from `from` to `to`.
    fn socket_owner(&mut self, from: SocketAddr, to: SocketAddr) -> Option<u32> {
        let mut netlink = self.netlink.as_ref()?;
        self.last_number = self.last_number.wrapping_add(1);
        netlink
            .write_all(&diag_request(self.last_number, from, to))
            .ok()?;
        let mut answer = [0; 512];
        // A late answer to an earlier question is skipped.
        loop {
            let length = netlink.read(&mut answer).ok()?;
            let said = answer.get(..length)?;
            if u32_at(said, 8)? == self.last_number {
                return owner_in(said);
            }
        }
    }
}

const NLMSG_HEADER_BYTES: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The state of a connection that is open at the peer's end. A closed one has no owner any more,
/// and the kernel reports root for it.
const TCP_ESTABLISHED: u8 = 1;

/// A request to the kernel: `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn diag_request(number: u32, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    const LENGTH: u32 = 72;
    const REQUEST: u16 = 1;
    const INET: u8 = 2;
    const INET6: u8 = 10;
    const TCP: u8 = 6;
    let family = if from.is_ipv4() { INET } else { INET6 };
    let mut bytes = Vec::with_capacity(LENGTH as usize);
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend([family, TCP, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    for address in [from.ip(), to.ip()] {
        match address {
            IpAddr::V4(address) => {
                bytes.extend(address.octets());
                bytes.extend([0; 12]);
            }
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    // On any interface, and with no cookie.
    bytes.extend([0; 4]);
    bytes.extend([u8::MAX; 8]);
    bytes
}

/// The owner in a `struct inet_diag_msg`.
fn owner_in(answer: &[u8]) -> Option<u32> {
    const STATE: usize = NLMSG_HEADER_BYTES + 1;
    const UID: usize = NLMSG_HEADER_BYTES + 64;
    let kind = answer.get(4..6)?;
    let kind = u16::from_ne_bytes(kind.try_into().ok()?);
    if kind != SOCK_DIAG_BY_FAMILY || *answer.get(STATE)? != TCP_ESTABLISHED {
        return None;
    }
    u32_at(answer, UID)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}

/// The addresses of one machine as one: of IPv6, its whole network; of the loopback, where a
/// process may take any address, all of it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if !address.is_loopback() => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            Ipv6Addr::from(octets).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_lookup_tells_the_user_of_a_process_on_this_machine() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = tokio::net::TcpListener::bind(any).await else {
                // A machine without IPv6.
                continue;
            };
            let mut peers = PeerLookup::new();
            for _ in 0..3 {
                let theirs = TcpStream::connect(listener.local_addr().unwrap());
                let (theirs, accepted) = tokio::join!(theirs, listener.accept());
                let (stream, address) = accepted.unwrap();
                let peer = peers.peer_of(&stream, address);
                assert!(peer.is_local());
                let own = rustix::process::geteuid().as_raw();
                // Some systems do not tell.
                assert!(peer.uid.is_none_or(|uid| uid == own), "{peer:?}");
                // A closed connection is not taken for root's.
                drop(theirs);
                let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
                while peers.peer_of(&stream, address).uid.is_some() {
                    assert!(std::time::Instant::now() < deadline);
                }
            }
        }
    }

    #[test]
    fn an_ipv6_machine_is_one_whatever_its_address_in_its_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::1"), Ipv6Addr::LOCALHOST);
    }

    #[test]
    fn a_malformed_answer_names_no_owner() {
        for bytes in [&[][..], &[0; 16], &[0xFF; 80], &[20; 84]] {
            assert_eq!(owner_in(bytes), None);
        }
    }
}
