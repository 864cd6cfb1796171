//! Signing in, with the Hub's OAuth or with the token of the printed link, and signing out.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use shared::wire::{LogoutResponse, SessionResponse};

use super::{
    error::AppError,
    extract::{Participant, Query},
};
use crate::{
    app::AppState,
    auth::{
        Auth, CallbackQuery, CookieSession, HubAuth, OAuthError, RequestSource, authorization_token,
    },
    secret::Secret,
    telemetry::loggable,
};

/// `GET /api/session`: the requester's name and role.
#[utoipa::path(get, path = "/session", tag = "session", summary = "Who is asking",
    responses((status = OK, body = SessionResponse)))]
pub(super) async fn get_session(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    headers: HeaderMap,
) -> Json<SessionResponse> {
    let hub_url = match &state.auth {
        Auth::Hub(hub) => Some(hub.oauth.home_url()),
        Auth::Standalone { .. } => None,
    };
    if identity.from_hub {
        // Their notebooks are found without an event of theirs.
        state.class.learn_homes([&*identity.user]).await;
    }
    let homes = identity.confined_to().is_none();
    let xsrf = match authorization_token(&headers) {
        Some(_) => None,
        None => state.sessions.of_request(&headers),
    };
    Json(SessionResponse {
        homes: state
            .class
            .copies()
            .homes()
            .filter(|_| homes)
            .map(ToString::to_string),
        user: identity.user,
        role: identity.role,
        hub_url,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        xsrf: xsrf.map(|session| state.sessions.xsrf(&session).reveal().to_owned()),
        history: state.history.is_some(),
        builds: state.builds.is_some(),
    })
}

/// `POST /api/login` with `Authorization: token …`: a cookie for the browser, since an
/// event stream cannot send the header. Without a Hub only.
#[utoipa::path(post, path = "/login", tag = "session",
    summary = "A session cookie for a token; without a Hub only",
    responses((status = NO_CONTENT)))]
pub(super) async fn log_in(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let Auth::Standalone { token } = &state.auth else {
        return Err(AppError::NotFound(
            "Here JupyterHub signs people in.".to_owned(),
        ));
    };
    let given = authorization_token(&headers).filter(|given| token.is(given));
    if given.is_none() {
        return Err(AppError::Unauthorized(state.auth.login_kind()));
    }
    let session = CookieSession::new(token);
    let jar = state.sessions.begun(&session, is_https(&headers));
    Ok((StatusCode::NO_CONTENT, jar).into_response())
}

/// `POST /api/logout`: ends the browser's session here. Its session at the Hub only the Hub's own
/// pages can end, so the browser goes there next; that also ends the token, for every browser.
#[utoipa::path(post, path = "/logout", tag = "session",
    summary = "Ends the browser's session, and says where it ends at the Hub",
    responses((status = OK, body = LogoutResponse)))]
pub(super) async fn log_out(
    State(state): State<Arc<AppState>>,
    Participant(_): Participant,
    headers: HeaderMap,
) -> Response {
    let next = match &state.auth {
        Auth::Standalone { .. } => state.prefix.clone(),
        Auth::Hub(hub) => {
            if let Some(session) = state.sessions.of_request(&headers) {
                let client = &hub.client;
                client.forget(session.token(), session.hub_session()).await;
            }
            hub.oauth.logout_url()
        }
    };
    let jar = state.sessions.ended(&headers, is_https(&headers));
    (jar, Json(LogoutResponse { next })).into_response()
}

/// Sends a browser without a session to the Hub, to come back to `uri`.
pub(super) fn begin_login(
    state: &AppState,
    hub: &HubAuth,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let next = uri.path_and_query().map_or("", |next| next.as_str());
    let key = state.sessions.key();
    let browser = hub.oauth.sign_in_cookies(headers, key, is_https(headers));
    let (url, (kept, gone)) = hub.oauth.begin(next, browser);
    (kept, gone, Redirect::to(&url)).into_response()
}

/// `GET /oauth_callback`: the browser comes back from the Hub.
#[utoipa::path(get, path = "/oauth_callback", tag = "session", security(()),
    params(("code" = Option<String>, Query), ("state" = Option<String>, Query),
        ("error" = Option<String>, Query)),
    summary = "Where a browser comes back to from signing in with the Hub",
    responses((status = SEE_OTHER)))]
pub(super) async fn complete_login(
    State(state): State<Arc<AppState>>,
    source: RequestSource,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, AppError> {
    let Auth::Hub(hub) = &state.auth else {
        return Err(AppError::NotFound(
            "There is no JupyterHub here.".to_owned(),
        ));
    };
    let key = state.sessions.key();
    let secure = is_https(&headers);
    let browser = hub.oauth.sign_in_cookies(&headers, key, secure);
    let completing = hub.oauth.complete(&hub.client, browser, &query, &source);
    let (gone, result) = completing.await;
    Ok(match result {
        Ok((token, next)) => {
            let session = state.sessions.begun(&CookieSession::new(&token), secure);
            (session, gone, Redirect::to(&next)).into_response()
        }
        Err(error) => (gone, login_failed(&state, &error)).into_response(),
    })
}

/// The page that says why signing in failed, since a person sees it; no part of the request is
/// in it.
fn login_failed(state: &AppState, error: &OAuthError) -> Response {
    let status = match error {
        OAuthError::Refused => StatusCode::FORBIDDEN,
        OAuthError::UnknownState => StatusCode::BAD_REQUEST,
        OAuthError::Trade(cause) => {
            tracing::warn!(cause = %loggable(cause), "sign-in failed");
            StatusCode::BAD_GATEWAY
        }
    };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>PipalHub</title>\
         <h1>You are not signed in</h1><p>{error}</p><p><a href=\"{}\">Try again</a></p></html>",
        state.prefix
    );
    (status, axum::response::Html(page)).into_response()
}

/// Whether the browser came by https, as the proxies in front say: comma-separated, the outermost
/// first.
fn is_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

/// The link that `serve` prints without a Hub: opening it signs the browser in.
#[must_use]
pub fn login_link(origin: &str, prefix: &str, token: &Secret) -> String {
    // Behind the `#` it reaches neither a log nor another site.
    format!("{origin}{prefix}#token={}", token.reveal())
}
