//! Who is at the other end of a connection, as far as that can be told.
//!
//! By the address; and on the loopback, where everyone has the same, by the user whose
//! process it is, which the system tells (`NETLINK_SOCK_DIAG`, what `ss` asks by). There it is
//! looked up by the connection's four numbers, so that it costs the same however many
//! connections there are. A system that does not tell leaves it open.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

/// See the module's words.
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

/// Tells who is at the other end.
pub(super) struct Peers {
    /// Where the system is asked.
    system: Option<Socket>,
    asked: u32,
}

impl Peers {
    pub(super) fn new() -> Self {
        const NETLINK: i32 = 16;
        const SOCK_DIAG: i32 = 4;
        let kind = Type::DGRAM.nonblocking().cloexec();
        let system = Socket::new(Domain::from(NETLINK), kind, Some(Protocol::from(SOCK_DIAG)));
        Self {
            system: system.ok(),
            asked: 0,
        }
    }

    /// Who is at the other end of `stream`, which was accepted from `address`.
    pub(super) fn of(&mut self, stream: &TcpStream, address: SocketAddr) -> Peer {
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let theirs = canonical(address);
        let mut uid = None;
        if theirs.ip().is_loopback()
            && let Ok(ours) = stream.local_addr()
        {
            uid = self.owner(theirs, canonical(ours));
        }
        Peer {
            address: network(theirs.ip()),
            uid,
        }
    }

    /// Whose socket on this machine it is that goes from `from` to `to`.
    fn owner(&mut self, from: SocketAddr, to: SocketAddr) -> Option<u32> {
        let mut system = self.system.as_ref()?;
        self.asked = self.asked.wrapping_add(1);
        system.write_all(&question(self.asked, from, to)).ok()?;
        let mut answer = [0; 512];
        // An answer to an earlier question, which came too late, is not one to this.
        loop {
            let length = system.read(&mut answer).ok()?;
            let said = answer.get(..length)?;
            if number(said, 8)? == self.asked {
                return owner_in(said);
            }
        }
    }
}

const HEADER: usize = 16;
const BY_FAMILY: u16 = 20;
/// Of a connection that is open at the end asked about. One that was closed there belongs to
/// nobody any more, and the system calls that nobody root.
const ESTABLISHED: u8 = 1;

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn question(number: u32, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    const LENGTH: u32 = 72;
    const REQUEST: u16 = 1;
    const INET: u8 = 2;
    const INET6: u8 = 10;
    const TCP: u8 = 6;
    let family = if from.is_ipv4() { INET } else { INET6 };
    let mut bytes = Vec::with_capacity(LENGTH as usize);
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
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
    const STATE: usize = HEADER + 1;
    const UID: usize = HEADER + 64;
    let kind = answer.get(4..6)?;
    let kind = u16::from_ne_bytes(kind.try_into().ok()?);
    if kind != BY_FAMILY || *answer.get(STATE)? != ESTABLISHED {
        return None;
    }
    number(answer, UID)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}

/// What one machine has of addresses: of IPv6, a whole network; of the loopback, where who is
/// there may take any, all of it.
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
    async fn tells_the_user_of_a_process_on_this_machine() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = tokio::net::TcpListener::bind(any).await else {
                // A machine without IPv6.
                continue;
            };
            let mut peers = Peers::new();
            for _ in 0..3 {
                let theirs = TcpStream::connect(listener.local_addr().unwrap());
                let (theirs, accepted) = tokio::join!(theirs, listener.accept());
                let (stream, address) = accepted.unwrap();
                let peer = peers.of(&stream, address);
                assert!(peer.is_local());
                let own = rustix::process::geteuid().as_raw();
                // Some systems do not tell.
                assert!(peer.uid.is_none_or(|uid| uid == own), "{peer:?}");
                // Nobody's any more, it is not root's.
                drop(theirs);
                let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
                while peers.of(&stream, address).uid.is_some() {
                    assert!(std::time::Instant::now() < deadline);
                }
            }
        }
    }

    #[test]
    fn a_machine_elsewhere_is_one_whatever_its_address_in_its_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::1"), Ipv6Addr::LOCALHOST);
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        for bytes in [&[][..], &[0; 16], &[0xFF; 80], &[20; 84]] {
            assert_eq!(owner_in(bytes), None);
        }
    }
}
