//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    future,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionLimits, body::TimedBody, connection_table::ConnectionPlace,
    request_in_progress::RequestInProgress, stall_guard::StallGuard,
};

/// When the service ends, a peer that has said nothing yet has this long for a request.
/// Not longer: browsers open connections ahead and may never use them.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_millis(200);

/// Answers requests on `stream` until either side closes it, or until its place is needed for
/// another. After `ending`, the answer that is being sent is the last.
pub(super) async fn serve_in_place(
    stream: TcpStream,
    place: ConnectionPlace,
    routes: Router,
    limits: ConnectionLimits,
    ending: CancellationToken,
) {
    let wanted = place.ended();
    let serving = serve_connection(stream, Arc::new(place), routes, limits, ending);
    if wanted.run_until_cancelled(serving).await.is_none() {
        tracing::debug!("a connection ends to make room");
    }
}

async fn serve_connection(
    stream: TcpStream,
    place: Arc<ConnectionPlace>,
    routes: Router,
    limits: ConnectionLimits,
    ending: CancellationToken,
) {
    let _counted = OpenConnectionGauge::new();
    // An event is smaller than a packet and must not wait for the next one to fill it.
    // Where this cannot be set, the connection is slower and still right.
    let _ = stream.set_nodelay(true);
    let stream = StallGuard::new(stream, limits.stall_time);
    let has_read = stream.has_read();
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request: Request<Incoming>| {
        let (routes, place) = (routes.clone(), Arc::clone(&place));
        async move {
            let Some(begun) = RequestInProgress::begin(&place) else {
                // The connection is about to be closed, and the client will ask again.
                return future::pending().await;
            };
            let timed = |body| TimedBody::new(body, limits.body_time, limits.body_bytes_a_second);
            let mut request = request.map(timed);
            request.extensions_mut().insert(place);
            let response = routes.call(request).await?;
            Ok::<_, Infallible>(begun.answer(response))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.buffer)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ending.cancelled() => {
            // A connection without a request would be closed at once, though its first request
            // may be here already, unread.
            let has_read = has_read.load(Ordering::Relaxed);
            let early = if has_read { Duration::ZERO } else { FIRST_BYTE_TIMEOUT };
            match time::timeout(early, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = ended {
        // Nearly always caused by the peer, and no fault here.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Counts an open connection in the metrics, until it is dropped.
struct OpenConnectionGauge;

impl OpenConnectionGauge {
    fn new() -> Self {
        metrics::gauge!("pipalhub_connections_open").increment(1);
        Self
    }
}

impl Drop for OpenConnectionGauge {
    fn drop(&mut self) {
        metrics::gauge!("pipalhub_connections_open").decrement(1);
    }
}
