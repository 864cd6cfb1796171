//! The bodies of pushes, a line of JSON and what follows it, and of inventories: both may be large,
//! and have room before they come.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use shared::copies::{InventoryRequest, PUSH_HEAD_MAX, PUSH_MEDIA_TYPE, PushHead};

use super::{
    super::error::AppError, EventPosts, JsonBody, LightReads, RateLimited, json_body::BodyLimit,
};
use crate::{app::AppState, copies::PushedCopies, identity::Identity, limits::BodyRoom};

/// A push of the signed-in user, within the limits of what one user may push and of what is in memory
/// of all pushes.
pub(in crate::routes) struct PushBody {
    pub(in crate::routes) identity: Identity,
    pub(in crate::routes) head: PushHead,
    /// What stands between the beginning and the end that stay, deflated.
    pub(in crate::routes) middle: Bytes,
    /// Kept as long as the middle is.
    pub(in crate::routes) room: BodyRoom,
}

impl FromRequest<Arc<AppState>> for PushBody {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &Arc<AppState>) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let RateLimited { identity, .. } =
            RateLimited::<EventPosts>::from_request_parts(&mut parts, state).await?;
        pushed_copies(state)?;
        if !is_push(&parts.headers) {
            return Err(AppError::UnsupportedMediaType(
                "A push has the header Content-Type: application/vnd.pipalhub.copy.",
            ));
        }
        let (room, max) = room_for(state, &identity, &parts)?;
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let body = body.map_err(|rejection| AppError::from_body(&rejection, max))?;
        let (head, middle) = split(&body)?;
        Ok(Self {
            identity,
            head,
            middle,
            room,
        })
    }
}

/// What was pushed; without a Hub no token says whose a push would be, and none are taken.
pub(in crate::routes) fn pushed_copies(state: &AppState) -> Result<Arc<PushedCopies>, AppError> {
    let pushed = state.class.copies().pushed();
    pushed.cloned().ok_or_else(|| {
        AppError::NotFound(
            "This service takes no pushes: it reads participants' homes (--source homes), or runs \
             without a Hub."
                .to_owned(),
        )
    })
}

/// An inventory of the signed-in user, within what is in memory of all pushes.
pub(in crate::routes) struct InventoryBody {
    pub(in crate::routes) identity: Identity,
    pub(in crate::routes) inventory: InventoryRequest,
    /// Kept as long as the inventory is.
    pub(in crate::routes) room: BodyRoom,
}

impl FromRequest<Arc<AppState>> for InventoryBody {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &Arc<AppState>) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let RateLimited { identity, .. } =
            RateLimited::<LightReads>::from_request_parts(&mut parts, state).await?;
        pushed_copies(state)?;
        let (room, _) = room_for(state, &identity, &parts)?;
        let request = Request::from_parts(parts, body);
        let JsonBody(inventory) = JsonBody::from_request(request, state).await?;
        Ok(Self {
            identity,
            inventory,
            room,
        })
    }
}

/// Room in memory for a body, before any of it is read, and how many bytes it may have.
fn room_for(
    state: &AppState,
    identity: &Identity,
    parts: &Parts,
) -> Result<(BodyRoom, usize), AppError> {
    let max = parts.extensions.get::<BodyLimit>().map_or(0, |max| max.0);
    let length = content_length(&parts.headers)?;
    if length > max {
        return Err(AppError::TooLarge(format!(
            "The body has more than {max} bytes."
        )));
    }
    Ok((state.limits.push(&identity.user, length)?, max))
}

fn is_push(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    value.is_some_and(|value| {
        value
            .as_bytes()
            .eq_ignore_ascii_case(PUSH_MEDIA_TYPE.as_bytes())
    })
}

/// A large body says how long it is, so that there is room for it before it comes.
pub(super) fn content_length(headers: &HeaderMap) -> Result<usize, AppError> {
    let value = headers.get(header::CONTENT_LENGTH);
    let length = value.and_then(|value| value.to_str().ok()?.parse().ok());
    length.ok_or_else(|| {
        AppError::BadRequest(
            "The body has the header Content-Length, and is not chunked.".to_owned(),
        )
    })
}

fn split(body: &Bytes) -> Result<(PushHead, Bytes), AppError> {
    let line = body
        .iter()
        .take(PUSH_HEAD_MAX + 1)
        .position(|byte| *byte == b'\n');
    let end = line.ok_or_else(|| {
        AppError::BadRequest(format!(
            "A push begins with one line of JSON, of {PUSH_HEAD_MAX} bytes at most."
        ))
    })?;
    let head = serde_json::from_slice(&body[..end]);
    let head = head.map_err(|error| {
        AppError::BadRequest(format!("The first line of the push is not right: {error}."))
    })?;
    Ok((head, body.slice(end + 1..)))
}
