//! Typed calls of the service. Nothing here keeps state or retries. Each has a deadline: a
//! connection may be held for ever by what is between, and the browser has few of them.

use gloo_net::http::{Request, RequestBuilder, Response};
use gloo_timers::callback::Timeout;
use serde::de::DeserializeOwned;
use shared::wire::{ErrorBody, SessionResponse, TileResponse, XSRF_HEADER};
use web_sys::AbortController;

use crate::model::failure::{Failure, Login};
use crate::paths;

/// The header in which a 401 says how to sign in.
const LOGIN_HEADER: &str = "X-PipalHub-Login";

/// Until an answer begins. The service itself gives up on a slow disk after ten seconds.
const BEGIN_MS: u32 = 15_000;
/// From then on until all of it is there: some megabytes over a bad line.
const END_MS: u32 = 60_000;

/// Who is asking.
pub async fn session() -> Result<SessionResponse, Failure> {
    read(&get(paths::SESSION).await?)
}

/// The tail of `user`'s copy of `filename`.
pub async fn tile(filename: &str, user: &str) -> Result<TileResponse, Failure> {
    read(&get(&paths::tile_data(filename, user)).await?)
}

/// The answer of any address, for who reads it as they know; with a body, JSON that is
/// posted together with the session's `xsrf`.
pub async fn text(url: &str, body: Option<String>, xsrf: &str) -> Result<String, Failure> {
    let Some(body) = body else {
        return get(url).await;
    };
    send_json(Request::post(url), body, xsrf).await
}

/// Puts JSON at an address, together with the session's `xsrf`.
pub async fn put(url: &str, body: String, xsrf: &str) -> Result<String, Failure> {
    send_json(Request::put(url), body, xsrf).await
}

async fn send_json(to: RequestBuilder, body: String, xsrf: &str) -> Result<String, Failure> {
    let to = to
        .header("Content-Type", "application/json")
        .header(XSRF_HEADER, xsrf);
    send(to, Some(body)).await
}

/// Removes what is at an address.
pub async fn delete(url: &str, xsrf: &str) -> Result<(), Failure> {
    let request = Request::delete(url).header(XSRF_HEADER, xsrf);
    send(request, None).await.map(|_| ())
}

/// Signs in with the token of the printed link.
pub async fn login(token: &str) -> Result<(), Failure> {
    let authorization = format!("token {token}");
    let request = Request::post(paths::LOGIN).header("Authorization", &authorization);
    send(request, None).await.map(|_| ())
}

async fn get(url: &str) -> Result<String, Failure> {
    send(Request::get(url).header("Accept", "application/json"), None).await
}

/// The body of a success. It is read as text and parsed elsewhere, because a generic
/// future would be compiled, and sent to every browser, once for each type.
async fn send(request: RequestBuilder, body: Option<String>) -> Result<String, Failure> {
    let limit = AbortController::new().map_err(|_| Failure::Unreachable)?;
    let request = request.abort_signal(Some(&limit.signal()));
    let request = match body {
        Some(body) => request.body(body),
        None => request.build(),
    };
    let request = request.map_err(|_| Failure::Unreachable)?;
    let why = |_| match limit.signal().aborted() {
        true => Failure::Late,
        false => Failure::Unreachable,
    };
    let deadline = until(&limit, BEGIN_MS);
    let response = request.send().await.map_err(why)?;
    drop(deadline);
    let _deadline = until(&limit, END_MS);
    let body = response.text().await.map_err(why)?;
    if response.ok() {
        return Ok(body);
    }
    Err(failure(&response, &body))
}

/// Gives a request up after so many milliseconds, unless it is dropped before.
fn until(limit: &AbortController, ms: u32) -> Timeout {
    let limit = limit.clone();
    Timeout::new(ms, move || limit.abort())
}

/// What an answer that is no success says.
fn failure(response: &Response, body: &str) -> Failure {
    let status = response.status();
    if status == 401 {
        let login = response.headers().get(LOGIN_HEADER);
        return Failure::SignedOut(Login::from_header(login.as_deref()));
    }
    let message = read(body)
        .map(|body: ErrorBody| body.message)
        .unwrap_or_default();
    match status {
        404 => Failure::NotFound(message),
        _ => Failure::Refused(status, message),
    }
}

/// A `T` in the body of an answer.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|error| Failure::Unreadable(error.to_string()))
}
