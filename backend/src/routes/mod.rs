//! Every HTTP route, below the prefix that the Hub gives the service.
//!
//! A new route goes into the module that its path names, and into [`router`].

mod api;
mod body;
mod events;
mod health;
mod history;
mod output;
mod page;
mod session;
mod stream;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    response::{Redirect, Response},
    routing::get,
};
use tower_http::compression::CompressionLayer;

pub use session::login_link;

use crate::{app::AppState, error::AppError};

/// The largest request body that is read; an event has a few hundred bytes.
pub(crate) const LARGEST_BODY: usize = 16 << 10;

/// The service as one handler: what the binary and the tests serve alike.
pub fn router(state: Arc<AppState>) -> Router {
    let api = Router::new()
        .route("/session", get(session::get_session))
        .route("/login", axum::routing::post(session::log_in))
        .route("/notebooks", get(api::list_notebooks))
        .route("/wall", get(api::get_wall))
        .route("/tile", get(api::get_tile))
        .route("/notebook", get(api::get_notebook))
        .route("/output", get(output::get_output))
        .route("/updates", get(events::list_updates))
        .nest("/history", history::routes())
        .fallback(api::not_found)
        // Not the event stream: a compressor holds back what it has not seen enough of.
        .layer(CompressionLayer::new());
    let below_prefix = Router::new()
        .route("/events", get(events::list_events).post(events::post_event))
        .route("/events/stream", get(stream::stream_events))
        .route("/healthz", get(health::get_health))
        .route("/poll.js", get(page::get_poll_js))
        .route("/oauth_callback", get(session::complete_login))
        .nest("/api", api)
        .fallback(page::get_page);
    nest(&state.prefix, below_prefix)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::map_response(add_security_headers))
        .with_state(state)
}

async fn method_not_allowed(method: Method, uri: Uri) -> AppError {
    AppError::MethodNotAllowed(format!("{} does not take {method}.", uri.path()))
}

/// What every answer carries unless its handler said otherwise.
async fn add_security_headers(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in HEADERS {
        let entry = response.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The routes below `prefix`, which begins and ends in a slash; the form without the
/// last slash leads to the one with it.
fn nest(prefix: &str, routes: Router<Arc<AppState>>) -> Router<Arc<AppState>> {
    let Some(bare) = prefix.strip_suffix('/').filter(|bare| !bare.is_empty()) else {
        return routes;
    };
    let target = prefix.to_owned();
    // `nest` does not answer the prefix with its slash, and relative links only work
    // below that.
    Router::new()
        .route(
            bare,
            get(|uri: Uri| async move {
                let query = uri
                    .query()
                    .map(|query| format!("?{query}"))
                    .unwrap_or_default();
                Redirect::permanent(&format!("{target}{query}"))
            }),
        )
        .route(prefix, get(page::get_page))
        .nest(bare, routes)
}
