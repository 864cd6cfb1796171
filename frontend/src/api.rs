//! Typed calls of the service. Nothing here keeps state or retries.

use gloo_net::http::{Request, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use shared::wire::{
    ErrorBody, NotebooksResponse, SessionResponse, TileResponse, WallResponse, XSRF_HEADER,
};

use crate::model::failure::{Failure, Login};
use crate::paths;

/// The header in which a 401 says how to sign in.
const LOGIN_HEADER: &str = "X-PipalHub-Login";

/// Who is asking.
pub async fn session() -> Result<SessionResponse, Failure> {
    read(&get(paths::SESSION).await?)
}

/// Every notebook of the class.
pub async fn notebooks() -> Result<NotebooksResponse, Failure> {
    read(&get(paths::NOTEBOOKS).await?)
}

/// The tails of all copies of `filename`.
pub async fn wall(filename: &str) -> Result<WallResponse, Failure> {
    read(&get(&paths::wall_data(filename)).await?)
}

/// The tail of `user`'s copy of `filename`.
pub async fn tile(filename: &str, user: &str) -> Result<TileResponse, Failure> {
    read(&get(&paths::tile_data(filename, user)).await?)
}

/// Every cell of `user`'s copy of `filename`.
pub async fn notebook(filename: &str, user: &str) -> Result<TileResponse, Failure> {
    read(&get(&paths::notebook_data(filename, user)).await?)
}

/// Every cell of a version.
pub async fn version(filename: &str, user: &str, version: i64) -> Result<TileResponse, Failure> {
    // What more is in the answer is not needed here.
    read(&get(&paths::version_data(filename, user, version)).await?)
}

/// Every cell of the notebook that participants follow.
pub async fn followed() -> Result<TileResponse, Failure> {
    read(&get(paths::FOLLOWED).await?)
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
    let request = to
        .header("Content-Type", "application/json")
        .header(XSRF_HEADER, xsrf)
        .body(body)
        .map_err(|_| Failure::Unreachable)?;
    body_of(request.send().await.map_err(|_| Failure::Unreachable)?).await
}

/// Removes what is at an address.
pub async fn delete(url: &str, xsrf: &str) -> Result<(), Failure> {
    send(Request::delete(url).header(XSRF_HEADER, xsrf))
        .await
        .map(|_| ())
}

/// Signs in with the token of the printed link.
pub async fn login(token: &str) -> Result<(), Failure> {
    let authorization = format!("token {token}");
    let request = Request::post(paths::LOGIN).header("Authorization", &authorization);
    send(request).await.map(|_| ())
}

async fn get(url: &str) -> Result<String, Failure> {
    send(Request::get(url).header("Accept", "application/json")).await
}

/// The body of a success. It is read as text and parsed elsewhere, because a generic
/// future would be compiled, and sent to every browser, once for each type.
async fn send(request: RequestBuilder) -> Result<String, Failure> {
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    body_of(response).await
}

async fn body_of(response: Response) -> Result<String, Failure> {
    let body = response.text().await.map_err(|_| Failure::Unreachable)?;
    if response.ok() {
        return Ok(body);
    }
    Err(failure(&response, &body))
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
