//! Request bodies: a JSON object, declared as JSON and not compressed.

use axum::{
    Extension,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::error::AppError;

/// The largest request body that is read, unless the route has a limit of its own; an event has
/// a few hundred bytes.
pub(in crate::routes) const MAX_BODY_BYTES: usize = 16 << 10;

/// The largest body of a request to this route, in bytes.
#[derive(Clone, Copy)]
pub(in crate::routes) struct BodyLimit(pub(super) usize);

/// The layer of routes whose bodies have `max_bytes` at most.
pub(in crate::routes) fn limit_body(max_bytes: usize) -> (DefaultBodyLimit, Extension<BodyLimit>) {
    (
        DefaultBodyLimit::max(max_bytes),
        Extension(BodyLimit(max_bytes)),
    )
}

/// A body that is a JSON object. A page of another origin can make a browser send forms and
/// plain text; for JSON the browser first asks this service, which does not allow it.
pub(in crate::routes) struct JsonObject(pub(in crate::routes) Map<String, Value>);

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
        let max = request.extensions().get::<BodyLimit>();
        let max = max.map_or(MAX_BODY_BYTES, |limit| limit.0);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| AppError::from_body(&rejection, max))?;
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
pub(in crate::routes) struct JsonBody<T>(pub(in crate::routes) T);

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

/// The body is not compressed: a few hundred bytes need none, and a small compressed body may be
/// of any size.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}
