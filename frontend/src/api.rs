//! Typed calls of the service, without state or retries. Each call has a deadline, because a proxy
//! may hold a connection for ever, and the browser has few connections.

use gloo_net::http::{Request, RequestBuilder, Response};
use gloo_timers::callback::Timeout;
use serde::de::DeserializeOwned;
use shared::wire::{SessionResponse, XSRF_HEADER};
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use web_sys::{AbortController, Blob, ProgressEvent, XmlHttpRequest};

use crate::answers;
use crate::fields::AnswerFields;
use crate::model::failure::{LoginMethod, RequestFailure};
use crate::paths;

/// The header of a 401 that names the login method.
const LOGIN_HEADER: &str = "X-PipalHub-Login";

/// How long an answer may take to begin. The service itself gives up on a slow disk after ten
/// seconds.
const RESPONSE_TIMEOUT_MS: u32 = 15_000;
/// The same where the service itself has to ask others.
const SLOW_RESPONSE_TIMEOUT_MS: u32 = 180_000;
/// How long the body of an answer may take: some megabytes over a bad line.
const BODY_TIMEOUT_MS: u32 = 60_000;

/// The session of the signed-in user.
pub async fn session() -> Result<SessionResponse, RequestFailure> {
    answers::read(&get(paths::SESSION).await?)
}

/// The body of the answer at `url`, which the caller parses: a GET, or with a body a POST of JSON
/// with the session's `xsrf`.
pub async fn text(url: &str, body: Option<String>, xsrf: &str) -> Result<String, RequestFailure> {
    let Some(body) = body else {
        return get(url).await;
    };
    send_json(Request::post(url), body, xsrf).await
}

/// POSTs JSON to `url`, with the session's `xsrf`, where an answer may take minutes to begin.
pub async fn post_slow(url: &str, body: String, xsrf: &str) -> Result<String, RequestFailure> {
    let request = json_request(Request::post(url), xsrf);
    send_within::<SLOW_RESPONSE_TIMEOUT_MS>(request, Some(body)).await
}

/// PUTs JSON to `url`, with the session's `xsrf`.
pub async fn put(url: &str, body: String, xsrf: &str) -> Result<String, RequestFailure> {
    send_json(Request::put(url), body, xsrf).await
}

async fn send_json(to: RequestBuilder, body: String, xsrf: &str) -> Result<String, RequestFailure> {
    send(json_request(to, xsrf), Some(body)).await
}

fn json_request(to: RequestBuilder, xsrf: &str) -> RequestBuilder {
    to.header("Content-Type", "application/json")
        .header(XSRF_HEADER, xsrf)
}

/// Sends a DELETE to `url`, with the session's `xsrf`.
pub async fn delete(url: &str, xsrf: &str) -> Result<(), RequestFailure> {
    let request = Request::delete(url).header(XSRF_HEADER, xsrf);
    send(request, None).await.map(|_| ())
}

/// The same with a body of JSON.
pub async fn delete_with(url: &str, body: String, xsrf: &str) -> Result<(), RequestFailure> {
    send_json(Request::delete(url), body, xsrf)
        .await
        .map(|_| ())
}

/// Signs in with the token of the printed link.
pub async fn login(token: &str) -> Result<(), RequestFailure> {
    let authorization = format!("token {token}");
    let request = Request::post(paths::LOGIN).header("Authorization", &authorization);
    send(request, None).await.map(|_| ())
}

async fn get(url: &str) -> Result<String, RequestFailure> {
    send(Request::get(url).header("Accept", "application/json"), None).await
}

fn send(
    request: RequestBuilder,
    body: Option<String>,
) -> impl Future<Output = Result<String, RequestFailure>> {
    send_within::<RESPONSE_TIMEOUT_MS>(request, body)
}

/// The body of a success. It is read as text and parsed elsewhere, because a generic
/// future would be compiled, and sent to every browser, once for each type. The wall has the one
/// time limit, and nothing to load for another.
async fn send_within<const TIMEOUT_MS: u32>(
    request: RequestBuilder,
    body: Option<String>,
) -> Result<String, RequestFailure> {
    let limit = AbortController::new().map_err(|_| RequestFailure::Unreachable)?;
    let request = request.abort_signal(Some(&limit.signal()));
    let request = match body {
        Some(body) => request.body(body),
        None => request.build(),
    };
    let request = request.map_err(|_| RequestFailure::Unreachable)?;
    let failure_kind = |_| match limit.signal().aborted() {
        true => RequestFailure::Late,
        false => RequestFailure::Unreachable,
    };
    let deadline = abort_after(&limit, TIMEOUT_MS);
    let response = request.send().await.map_err(failure_kind)?;
    drop(deadline);
    let _deadline = abort_after(&limit, BODY_TIMEOUT_MS);
    let body = response.text().await.map_err(failure_kind)?;
    if response.ok() {
        return Ok(body);
    }
    Err(failure(&response, &body))
}

/// Aborts a request after `ms` milliseconds, unless the timeout is dropped before.
fn abort_after(limit: &AbortController, ms: u32) -> Timeout {
    let limit = limit.clone();
    Timeout::new(ms, move || limit.abort())
}

/// The failure that an answer with another status than success reports.
fn failure(response: &Response, body: &str) -> RequestFailure {
    let login = || response.headers().get(LOGIN_HEADER);
    failure_of(response.status(), &login, body)
}

fn failure_of(status: u16, login: &dyn Fn() -> Option<String>, body: &str) -> RequestFailure {
    if status == 401 {
        return RequestFailure::SignedOut(LoginMethod::from_header(login().as_deref()));
    }
    let body = AnswerFields::read(body).ok();
    let message = body.and_then(|body| body.text("message"));
    let message = message.unwrap_or_default();
    match status {
        404 => RequestFailure::NotFound(message),
        _ => RequestFailure::Refused(status, message),
    }
}

/// POSTs a file to `url`, with the session's `xsrf`. Calls `on_progress` with the percentage that
/// is sent, and at the end `on_end`. It has no deadline, because a large file may take long; the
/// service ends an upload that stands still, and the reader may end it by `abort` of the request.
///
/// By `XMLHttpRequest`, because fetch does not tell how much of a body is sent.
pub fn upload(
    url: &str,
    file: &Blob,
    xsrf: &str,
    on_progress: impl Fn(u32) + 'static,
    on_end: impl Fn(Result<(), RequestFailure>) + 'static,
) -> Result<XmlHttpRequest, JsValue> {
    let request = XmlHttpRequest::new()?;
    request.open("POST", url)?;
    request.set_request_header("Content-Type", "application/octet-stream")?;
    request.set_request_header(XSRF_HEADER, xsrf)?;
    let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
        on_progress(percentage(event.loaded(), event.total()));
    });
    let progress = progress.into_js_value();
    request
        .upload()?
        .set_onprogress(Some(progress.unchecked_ref()));
    let ended = request.clone();
    let end = Closure::once_into_js(move || {
        let status = ended.status().unwrap_or_default();
        let body = ended.response_text().ok().flatten().unwrap_or_default();
        let login = || ended.get_response_header(LOGIN_HEADER).ok().flatten();
        on_end(match status {
            200..300 => Ok(()),
            0 => Err(RequestFailure::Unreachable),
            _ => Err(failure_of(status, &login, &body)),
        });
    });
    request.set_onloadend(Some(end.unchecked_ref()));
    request.send_with_opt_blob(Some(file))?;
    Ok(request)
}

/// The whole percentage that `part` is of `all`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a size is a number from 0 to 100"
)]
fn percentage(part: f64, all: f64) -> u32 {
    (100.0 * part / all.max(1.0)) as u32
}

/// Parses a `T` from the body of an answer, for the pages for running a class: the wall and its
/// pages use [`answers::read`].
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, RequestFailure> {
    serde_json::from_str(body).map_err(|error| RequestFailure::Unreadable(error.to_string()))
}
