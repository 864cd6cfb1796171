//! Typed calls of the service. Nothing here keeps state or retries.

use gloo_net::http::{Request, Response};
use serde::de::DeserializeOwned;
use shared::wire::{ErrorBody, NotebooksResponse, SessionResponse, TileResponse, WallResponse};

use crate::model::failure::{Failure, Login};
use crate::paths;

/// The header in which a 401 says how to sign in.
const LOGIN_HEADER: &str = "X-PipalHub-Login";

/// Who is asking.
pub async fn session() -> Result<SessionResponse, Failure> {
    get(paths::SESSION).await
}

/// Every notebook of the class.
pub async fn notebooks() -> Result<NotebooksResponse, Failure> {
    get(paths::NOTEBOOKS).await
}

/// The tails of all copies of `filename`.
pub async fn wall(filename: &str) -> Result<WallResponse, Failure> {
    get(&paths::wall_data(filename)).await
}

/// The tail of `user`'s copy of `filename`.
pub async fn tile(filename: &str, user: &str) -> Result<TileResponse, Failure> {
    get(&paths::tile_data(filename, user)).await
}

/// Every cell of `user`'s copy of `filename`.
pub async fn notebook(filename: &str, user: &str) -> Result<TileResponse, Failure> {
    get(&paths::notebook_data(filename, user)).await
}

/// Signs in with the token of the printed link.
pub async fn login(token: &str) -> Result<(), Failure> {
    let response = Request::post(paths::LOGIN)
        .header("Authorization", &format!("token {token}"))
        .send()
        .await
        .map_err(|_| Failure::Unreachable)?;
    succeeded(response).await.map(|_| ())
}

async fn get<T: DeserializeOwned>(url: &str) -> Result<T, Failure> {
    let response = Request::get(url)
        .header("Accept", "application/json")
        .send()
        .await
        .map_err(|_| Failure::Unreachable)?;
    let body = succeeded(response)
        .await?
        .text()
        .await
        .map_err(|_| Failure::Unreachable)?;
    serde_json::from_str(&body).map_err(|error| Failure::Unreadable(error.to_string()))
}

/// The response when its status is a success, else what it says went wrong.
async fn succeeded(response: Response) -> Result<Response, Failure> {
    if response.ok() {
        return Ok(response);
    }
    if response.status() == 401 {
        let login = response.headers().get(LOGIN_HEADER);
        return Err(Failure::SignedOut(Login::from_header(login.as_deref())));
    }
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    let message = serde_json::from_str(&body)
        .map(|body: ErrorBody| body.message)
        .unwrap_or_default();
    Err(match status {
        404 => Failure::NotFound(message),
        _ => Failure::Refused(status, message),
    })
}
