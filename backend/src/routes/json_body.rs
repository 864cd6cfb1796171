//! Request bodies: a JSON object, plainly so.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::AppError;

/// See the module's words. A page of another origin can make a browser send forms and
/// plain text, but not this, without asking here first.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        if !is_json(request.headers()) {
            return Err(AppError::UnsupportedMediaType(
                "The body must be JSON, with the header Content-Type: application/json.",
            ));
        }
        if !is_plain(request.headers()) {
            return Err(AppError::UnsupportedMediaType(
                "The body must not be compressed: leave the header Content-Encoding out.",
            ));
        }
        let body = Bytes::from_request(request, state).await?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(AppError::BadRequest(
                "JSON data must be an object".to_owned(),
            )),
            Err(error) => Err(AppError::BadRequest(format!(
                "The body is not JSON: {error}."
            ))),
        }
    }
}

/// A body that is a `T`, as JSON.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let JsonObject(object) = JsonObject::from_request(request, state).await?;
        let read = serde_json::from_value(Value::Object(object));
        read.map(Self)
            .map_err(|error| AppError::BadRequest(format!("The body is not right: {error}.")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// A few hundred bytes need no compression, and what is small compressed may be anything.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}
