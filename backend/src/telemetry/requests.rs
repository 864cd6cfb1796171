//! Observes every request: counts it, times it, and logs a line when that is wanted.
//!
//! A metric and a log line name a request by its route's template, never by its address: an
//! address holds names of people and files, and any text that a user typed.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use metrics::{counter, histogram};

use super::loggable;
use crate::identity::Identity;

/// The sender of a request; the extractors in `routes/extract` fill it in.
#[derive(Clone, Debug, Default)]
pub struct Requester(Arc<OnceLock<Identity>>);

impl Requester {
    /// Sets the sender.
    pub fn is(&self, identity: &Identity) {
        // The same request asked twice is from the same person.
        let _ = self.0.set(identity.clone());
    }

    /// The sender, when that is known.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.0.get()
    }
}

/// The layer around every route, of a service below the prefix that is its state.
pub async fn observe_request(
    State(prefix): State<Arc<str>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = method_name(&request);
    let route = route_name(&request, &prefix);
    let requester = Requester::default();
    request.extensions_mut().insert(requester.clone());
    let response = next.run(request).await;
    let took = begun.elapsed();
    let status = response.status().as_u16();
    counter!("pipalhub_http_requests_total", "method" => method, "route" => route.clone(),
        "status" => status.to_string())
    .increment(1);
    histogram!("pipalhub_http_request_seconds", "route" => route.clone()).record(took);
    let user = requester.identity().map_or("-", |identity| &identity.user);
    tracing::debug!(
        method,
        route,
        status,
        ms = took.as_secs_f64() * 1000.0,
        user = %loggable(user),
        "request"
    );
    response
}

/// The method as a label. Clients may make up methods, and each label value is a time series for
/// ever.
fn method_name(request: &Request) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    KNOWN
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// The route's template below the prefix, `/events/stream`; `page` for an address without a route.
fn route_name(request: &Request, prefix: &str) -> String {
    let matched = request.extensions().get::<MatchedPath>();
    let below = matched.and_then(|path| path.as_str().strip_prefix(prefix));
    match below {
        Some("") | None => "page".to_owned(),
        Some(below) if below.contains("{*") => "page".to_owned(),
        Some(below) => format!("/{below}"),
    }
}
