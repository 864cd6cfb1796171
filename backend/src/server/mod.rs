//! The HTTP server: accepts connections, passes requests to the router, and ends without cutting
//! off an answer.
//!
//! * `connection.rs`: one connection, from its first byte to its last
//! * `connection_table.rs`: the connections by holder, and which one makes room for another
//! * `peer.rs`: the user at the other end; `request_in_progress.rs`: a place is kept while an
//!   answer is sent
//! * `stall_guard.rs`: a socket that gives up on a peer that reads nothing any more
//! * `body.rs`: a request body that must come in time
//! * `descriptors.rs`: how many files this process may have open
//!
//! `axum::serve` has none of these limits and no place for them. Not here: the meaning of a
//! request ([`crate::routes`]), and how many one person may send ([`crate::limits`]).

mod body;
mod connection;
mod connection_table;
mod descriptors;
mod peer;
mod request_in_progress;
mod stall_guard;

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
pub(crate) use connection_table::ConnectionPlace;
pub(crate) use peer::Peer;

use connection_table::ConnectionTable;
use peer::PeerLookup;

/// How long to wait after an accept that failed for want of a descriptor or of memory, which
/// other connections free.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The same when a connection was told to end, which it does at once.
const ACCEPT_DELAY_AFTER_ROOM: Duration = Duration::from_millis(5);

/// So many connections that were told to end may still be there while others are accepted.
const MAX_LEAVING: usize = 64;

/// How many connections may wait to be accepted: those of a class that reconnects all at once.
const LISTEN_BACKLOG: u32 = 1_024;

/// The largest TCP segment. The loopback's own is larger than the send buffer here, and a peer
/// acknowledges a part of a segment only after 40 ms: with such segments a large answer takes a
/// hundred times as long. No other network's is larger than this.
const MAX_SEGMENT_BYTES: u32 = 8 << 10;

/// Limits of connections: their number, times and buffers.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// So many at once; for the next one, a connection that waits for a request ends. Each takes
    /// a descriptor and some ten kilobytes.
    pub most: usize,
    /// The head of a request must be complete after this long, counted from the
    /// connection's start or the answer before. A kept connection without a request ends
    /// by it too, so it is longer than clients keep theirs.
    pub head_time: Duration,
    /// A request's body must be complete after this long, and after a second more for each
    /// `body_bytes_a_second` that have arrived.
    pub body_time: Duration,
    /// A large body must arrive at least so fast: a bad line's rate. At this rate the largest
    /// body takes nine minutes.
    pub body_bytes_a_second: u32,
    /// A peer that has read none of the bytes that wait for it for this long is taken for gone. A
    /// laptop that changes its network is back sooner, and a stream's comment every 8 s is missed
    /// twice.
    pub stall_time: Duration,
    /// How many bytes the system queues for a peer. Linux doubles it for its own
    /// book-keeping, and counts that in: fewer bytes than twice this really wait there.
    pub send_buffer: usize,
    /// How many bytes are read or written at once: the largest head of a request, and
    /// the most that waits for the socket besides the current part of the answer.
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
            body_bytes_a_second: 64 << 10,
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
    // A restarted service does not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    // Before a client can connect, since accepted sockets inherit both.
    SockRef::from(&socket).set_send_buffer_size(limits.send_buffer)?;
    SockRef::from(&socket).set_tcp_mss(MAX_SEGMENT_BYTES)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

/// Answers requests to `listener` by `routes` until `ending` is cancelled; then those of the
/// connections that were accepted or queued until then, and returns.
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
    let table = Arc::new(ConnectionTable::default());
    let mut peers = PeerLookup::new();
    let mut open = JoinSet::new();
    let open_connection = |open: &mut JoinSet<()>, stream, peer| {
        let place = table.take(peer);
        let (routes, ending) = (routes.clone(), ending.clone());
        open.spawn(connection::serve_in_place(
            stream, place, routes, limits, ending,
        ));
    };
    // The next connection to open, which waits while all others keep their places.
    let mut next = None;
    loop {
        if next.is_some()
            && has_room(&table, open.len(), most)
            && let Some((stream, peer)) = next.take()
        {
            open_connection(&mut open, stream, peer);
        }
        tokio::select! {
            accepted = listener.accept(), if next.is_none() => match accepted {
                Ok((stream, address)) => {
                    let peer = peers.peer_of(&stream, address);
                    next = Some((stream, peer));
                }
                Err(error) => rest_after(&error, &table).await,
            },
            Some(_) = open.join_next() => {}
            () = table.changed(), if next.is_some() => {}
            () = ending.cancelled() => break,
        }
    }
    if let Some((stream, peer)) = next {
        open_connection(&mut open, stream, peer);
    }
    for (stream, address) in queued(listener)? {
        let peer = peers.peer_of(&stream, address);
        open_connection(&mut open, stream, peer);
    }
    let answered = async { while open.join_next().await.is_some() {} };
    if time::timeout(limits.last_answers, answered).await.is_err() {
        tracing::warn!("ending with requests unanswered");
    }
    Ok(())
}

/// Whether there is room for one more connection, where `open` are open of `most`. If there is
/// none, one of them is told to make room.
fn has_room(table: &ConnectionTable, open: usize, most: usize) -> bool {
    let leaving = table.leaving();
    let is_full = open.saturating_sub(leaving) >= most;
    !is_full || (leaving < MAX_LEAVING && table.make_room())
}

/// Waits after an error of accept, unless the peer has gone away. When descriptors are short, a
/// waiting connection is told to end, because that frees one.
async fn rest_after(error: &io::Error, table: &ConnectionTable) {
    let peer_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !peer_left {
        tracing::warn!(%error, "a connection cannot be accepted");
        let made = table.make_room();
        time::sleep(if made {
            ACCEPT_DELAY_AFTER_ROOM
        } else {
            ACCEPT_RETRY_DELAY
        })
        .await;
    }
}

/// The connections that are established but not accepted yet: to their clients, this service was
/// there. Asks the system itself, since the runtime may not know of them yet.
fn queued(listener: TcpListener) -> io::Result<Vec<(TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    let mut streams = Vec::new();
    while let Ok((stream, address)) = listener.accept() {
        stream.set_nonblocking(true)?;
        streams.push((TcpStream::from_std(stream)?, address));
    }
    Ok(streams)
}
