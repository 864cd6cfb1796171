//! The edge: connections in, requests to the router, and an end that cuts nobody off.
//!
//! * `connection.rs`: one connection, from its first byte to its last
//! * `steady.rs`: a socket that gives up on a peer that takes nothing any more
//! * `body.rs`: a request body that must come in time
//! * `descriptors.rs`: how many files this process may have open
//!
//! `axum::serve` has none of these limits and no place for them. What a request means,
//! and how often somebody may ask, is not decided here: see [`crate::routes`] and
//! [`crate::limits`].

mod body;
mod connection;
mod descriptors;
mod steady;

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;

pub(crate) use body::BodyTooSlow;

/// After an accept that failed for want of a descriptor or of memory: others free some.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How many may wait to be accepted: a class that reconnects all at once.
const WAITING: u32 = 1_024;

/// The largest segment. The loopback's own is larger than what is queued for a peer here,
/// and a peer acknowledges a part of a segment only after 40 ms: with those, a large answer
/// takes a hundred times as long. No other network's is larger than this.
const SEGMENT: u32 = 8 << 10;

/// What a connection may cost, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// So many at once; the next wait in the system's queue until one ends. Each takes a
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
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < most => match accepted {
                Ok((stream, _)) => {
                    open.spawn(connection::attend(stream, routes.clone(), limits, ending.clone()));
                }
                Err(error) => rest_after(&error).await,
            },
            Some(_) = open.join_next() => {}
            () = ending.cancelled() => break,
        }
    }
    for stream in queued(listener)? {
        open.spawn(connection::attend(
            stream,
            routes.clone(),
            limits,
            ending.clone(),
        ));
    }
    let answered = async { while open.join_next().await.is_some() {} };
    if time::timeout(limits.last_answers, answered).await.is_err() {
        tracing::warn!("ending with requests unanswered");
    }
    Ok(())
}

/// A peer that went away while it waited is no matter; a want of descriptors is.
async fn rest_after(error: &io::Error) {
    let peer_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !peer_left {
        tracing::warn!(%error, "a connection cannot be accepted");
        time::sleep(ACCEPT_AGAIN).await;
    }
}

/// Who is connected already and was not accepted yet: to them, this service was there.
/// Asks the system itself, since the runtime may not have heard of them yet.
fn queued(listener: TcpListener) -> io::Result<Vec<TcpStream>> {
    let listener = listener.into_std()?;
    let mut streams = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        streams.push(TcpStream::from_std(stream)?);
    }
    Ok(streams)
}
