//! The edge: connections in, requests to the router, and an end that cuts nobody off.
//!
//! * `connection.rs`: one connection, from its first byte to its last
//! * `places.rs`: who holds the connections there are, and which one makes room for another
//! * `peer.rs`: who is at the other end; `answer.rs`: a place is kept while an answer is sent
//! * `steady.rs`: a socket that gives up on a peer that takes nothing any more
//! * `body.rs`: a request body that must come in time
//! * `descriptors.rs`: how many files this process may have open
//!
//! `axum::serve` has none of these limits and no place for them. What a request means,
//! and how often somebody may ask, is not decided here: see [`crate::routes`] and
//! [`crate::limits`].

mod answer;
mod body;
mod connection;
mod descriptors;
mod peer;
mod places;
mod steady;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;

pub(crate) use body::BodyTooSlow;
pub(crate) use peer::Peer;
pub(crate) use places::Place;

use peer::Peers;
use places::Places;

/// After an accept that failed for want of a descriptor or of memory: others free some.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The same when one was told to end, which it does at once.
const ACCEPT_SOON: Duration = Duration::from_millis(5);

/// So many that were told to end may still be there while others are accepted.
const LEAVING: usize = 64;

/// How many may wait to be accepted: a class that reconnects all at once.
const WAITING: u32 = 1_024;

/// The largest segment. The loopback's own is larger than what is queued for a peer here,
/// and a peer acknowledges a part of a segment only after 40 ms: with those, a large answer
/// takes a hundred times as long. No other network's is larger than this.
const SEGMENT: u32 = 8 << 10;

/// What a connection may cost, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// So many at once; for the next, one that waits for a request ends. Each takes a
    /// descriptor and some ten kilobytes.
    pub most: usize,
    /// The head of a request must be complete after this long, counted from the
    /// connection's start or the answer before. A kept connection without a request ends
    /// by it too, so it is longer than clients keep theirs.
    pub head_time: Duration,
    /// A request's body must be complete after this long: 16 KiB at most, and so not for
    /// want of bandwidth.
    pub body_time: Duration,
    /// A peer that has taken nothing of what waits for it for this long is gone. A laptop
    /// that changes its network is back sooner, and a stream's comment every 8 s is missed
    /// twice.
    pub stall_time: Duration,
    /// What the system queues for a peer, in bytes. Linux doubles it for its own
    /// book-keeping, and counts that in: what really waits there is below twice this.
    pub send_buffer: usize,
    /// What is read or written at once here, in bytes: the largest head of a request, and
    /// the most that waits for the socket besides the answer's part in hand.
    pub buffer: usize,
    /// When the service ends, requests may still be answered for this long.
    pub last_answers: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 4_096,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            stall_time: Duration::from_secs(20),
            send_buffer: 16 << 10,
            buffer: 16 << 10,
            last_answers: Duration::from_secs(2),
        }
    }
}

/// Listens at `address`, for [`serve`].
///
/// # Errors
/// When the address is taken or cannot be had.
pub fn listen(address: SocketAddr, limits: &ConnectionLimits) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A service that is started again does not wait for the connections of the last.
    socket.set_reuseaddr(true)?;
    // Before anyone can connect, since accepted sockets have inherited both by then.
    SockRef::from(&socket).set_send_buffer_size(limits.send_buffer)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// Answers what comes to `listener` by `routes` until `ending` is cancelled; then what was
/// accepted until then, and returns.
///
/// # Errors
/// When the listening socket fails at the end.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: ConnectionLimits,
    ending: CancellationToken,
) -> io::Result<()> {
    let most = descriptors::room_for(limits.most);
    let places = Arc::new(Places::default());
    let mut peers = Peers::new();
    let mut open = JoinSet::new();
    let attend = |open: &mut JoinSet<()>, stream, peer| {
        let place = places.take(peer);
        let (routes, ending) = (routes.clone(), ending.clone());
        open.spawn(connection::attend(stream, place, routes, limits, ending));
    };
    // The next to be attended to, which waits where each of the others keeps its place.
    let mut next = None;
    loop {
        if next.is_some()
            && has_room(&places, open.len(), most)
            && let Some((stream, peer)) = next.take()
        {
            attend(&mut open, stream, peer);
        }
        tokio::select! {
            accepted = listener.accept(), if next.is_none() => match accepted {
                Ok((stream, address)) => {
                    let peer = peers.of(&stream, address);
                    next = Some((stream, peer));
                }
                Err(error) => rest_after(&error, &places).await,
            },
            Some(_) = open.join_next() => {}
            () = places.changed(), if next.is_some() => {}
            () = ending.cancelled() => break,
        }
    }
    if let Some((stream, peer)) = next {
        attend(&mut open, stream, peer);
    }
    for (stream, address) in queued(listener)? {
        let peer = peers.of(&stream, address);
        attend(&mut open, stream, peer);
    }
    let answered = async { while open.join_next().await.is_some() {} };
    if time::timeout(limits.last_answers, answered).await.is_err() {
        tracing::warn!("ending with requests unanswered");
    }
    Ok(())
}

/// Whether there is room for one more, where so many are open of `most`: if need be, one of
/// them is told to make some.
fn has_room(places: &Places, open: usize, most: usize) -> bool {
    let leaving = places.leaving();
    let is_full = open.saturating_sub(leaving) >= most;
    !is_full || (leaving < LEAVING && places.make_room())
}

/// A peer that went away while it waited is no matter; a want of descriptors is, and a
/// connection that nobody uses has one to give.
async fn rest_after(error: &io::Error, places: &Places) {
    let peer_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !peer_left {
        tracing::warn!(%error, "a connection cannot be accepted");
        let made = places.make_room();
        time::sleep(if made { ACCEPT_SOON } else { ACCEPT_AGAIN }).await;
    }
}

/// Who is connected already and was not accepted yet: to them, this service was there.
/// Asks the system itself, since the runtime may not have heard of them yet.
fn queued(listener: TcpListener) -> io::Result<Vec<(TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    let mut streams = Vec::new();
    while let Ok((stream, address)) = listener.accept() {
        stream.set_nonblocking(true)?;
        streams.push((TcpStream::from_std(stream)?, address));
    }
    Ok(streams)
}
