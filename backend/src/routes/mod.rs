//! Every HTTP route, below the prefix that the Hub gives the service.
//!
//! A new route goes into the module that its path names, with a `#[utoipa::path]` that
//! describes it in `/openapi.json`, and into [`router`].

mod api;
mod blocking;
mod build;
mod copies;
mod errands;
mod error;
mod event_fields;
mod events;
mod extract;
mod followed;
mod handouts;
mod health;
mod help;
mod history;
mod insight;
mod json;
mod long_poll;
mod metrics;
mod notice_preview;
mod notices;
mod openapi;
mod output;
mod packages;
mod page;
mod page_or_list;
mod rights_check;
mod session;
mod setup;
mod sharing;
mod steward;
mod stream;
mod unsent;
mod usage;
mod users;
mod workshop;

use std::sync::Arc;

use axum::{
    Extension, Router,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    middleware,
    response::{Redirect, Response},
    routing::get,
};
use tower_http::compression::CompressionLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use session::login_link;

use self::{
    error::AppError,
    extract::{MAX_BODY_BYTES, limit_body},
    openapi::OpenApiJson,
    unsent::count_unsent,
};
use crate::{app::AppState, telemetry::observe_request};

/// All routes of the service, for the binary and for the tests.
pub fn router(state: Arc<AppState>) -> Router {
    let counted = middleware::from_fn_with_state(Arc::clone(&state), count_unsent);
    let api = OpenApiRouter::new()
        .routes(routes!(session::get_session))
        .routes(routes!(session::log_in))
        .routes(routes!(session::log_out))
        .routes(routes!(api::list_notebooks))
        .routes(routes!(api::get_people))
        .routes(routes!(api::get_wall))
        .routes(routes!(api::get_tile))
        .routes(routes!(api::get_notebook))
        .routes(routes!(output::get_output))
        .routes(routes!(events::list_updates))
        .merge(build::api_routes())
        .merge(history::routes())
        .merge(insight::routes())
        .merge(help::routes())
        .merge(copies::routes())
        .merge(notices::routes())
        .merge(notice_preview::routes())
        .merge(errands::routes())
        .merge(handouts::routes())
        .merge(sharing::routes())
        .merge(setup::routes())
        .merge(workshop::routes())
        .routes(routes!(followed::get_followed))
        .fallback(api::not_found)
        .layer(counted.clone())
        // Not the event stream, because a compressor holds back short messages.
        .layer(CompressionLayer::new());
    let (below_prefix, document) = OpenApiRouter::with_openapi(openapi::document_head(&state))
        .routes(routes!(events::list_events, events::post_event))
        .routes(routes!(health::get_health))
        .routes(routes!(metrics::get_metrics))
        .routes(routes!(openapi::get_openapi))
        .merge(packages::routes())
        .merge(users::routes())
        .layer(counted.clone())
        .routes(routes!(stream::stream_events))
        .routes(routes!(page::get_poll_js))
        .routes(routes!(session::complete_login))
        .nest("/api", api)
        .merge(
            build::routes()
                .layer(counted)
                .layer(CompressionLayer::new()),
        )
        .merge(build::archive_routes())
        .fallback(page::get_page)
        .split_for_parts();
    let below_prefix = below_prefix.layer(Extension(OpenApiJson::from(document)));
    nest(&state.prefix, below_prefix)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(limit_body(MAX_BODY_BYTES))
        .layer(middleware::map_response(add_security_headers))
        .layer(middleware::from_fn_with_state(
            Arc::<str>::from(state.prefix.as_str()),
            observe_request,
        ))
        .with_state(state)
}

async fn method_not_allowed(method: Method, uri: Uri) -> AppError {
    AppError::MethodNotAllowed(format!("{} does not take {method}.", uri.path()))
}

/// The headers of every answer whose handler sets no others.
pub(crate) const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
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

/// Adds the headers of every answer, each unless the handler has set it.
async fn add_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        let entry = response.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The routes below `prefix`, which begins and ends in a slash; the form without the
/// last slash leads to the one with it.
#[expect(
    clippy::disallowed_methods,
    reason = "the prefix itself is the page, which is the fallback for every other path too"
)]
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
