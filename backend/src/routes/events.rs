//! `/events`: participants' servers report events, and scripts list them.
//!
//! The behaviour is the original's to the letter, except where that was wrong: filters are
//! typed, an unknown field is a 400, and a participant cannot post as another.

use std::{sync::Arc, time::Instant};

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_FAILED, SAVE_NOTEBOOK, SAVE_WORKS, SaveProblem};
use utoipa::ToSchema;

use super::{
    blocking::in_lane_of,
    error::AppError,
    event_fields::{event_from, timestamp_from, with_canonical_path},
    extract::{EventPosts, JsonObject, LightReads, PackageVersion, Query, RateLimited},
    openapi::{EventBody, EventQuery},
};
use crate::{
    app::AppState,
    class::CopyId,
    contacts::{Heard, SaveWay},
    filename::{InvalidFilename, plain_filename, plain_path},
    homes::Homes,
    identity::Identity,
    store::{CommittedEvent, EventFilter, NewEvent, StoreError},
    time,
};

/// The name-value pairs of a query, in order, repeated names included.
type QueryPairs = Query<Vec<(String, String)>>;

/// Most events in one answer of `GET /api/updates`.
const MAX_UPDATES: usize = 1_000;

/// `GET /events`: the latest event of each `(type, user, path)` that matches.
#[utoipa::path(get, path = "/events", tag = "events", params(EventQuery),
    summary = "The latest event of each type, user and path",
    responses((status = OK, body = Vec<Event>)))]
pub(super) async fn list_events(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
    Query(pairs): QueryPairs,
) -> Result<Json<Vec<Event>>, AppError> {
    match visible_to(&identity, filter_from(pairs)?) {
        Some(filter) => Ok(Json(state.store.list(filter).await?)),
        None => Ok(Json(Vec::new())),
    }
}

/// The filter, narrowed to the events that this identity may see, so that others are not even
/// read; `None` when it may see none of those asked for.
pub(super) fn visible_to(identity: &Identity, filter: EventFilter) -> Option<EventFilter> {
    match identity.confined_to() {
        Some(own) => filter.of_user(own),
        None => Some(filter),
    }
}

/// `POST /events`: 201 with the event, once it is on disk.
#[utoipa::path(post, path = "/events", tag = "events", request_body = EventBody,
    summary = "Stores an event; answers once it is on disk",
    responses((status = CREATED, body = Event)))]
pub(super) async fn post_event(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<EventPosts>,
    package: PackageVersion,
    body: Result<JsonObject, AppError>,
) -> Result<(StatusCode, Json<Event>), AppError> {
    let stored = match body {
        Ok(JsonObject(body)) => store_event(&state, &identity, package, &body).await,
        Err(error) => Err(error),
    };
    let result = match &stored {
        Ok(_) => "stored",
        Err(error) if error.status().is_client_error() => "refused",
        Err(_) => "failed",
    };
    metrics::counter!("pipalhub_events_posted_total", "result" => result).increment(1);
    stored.map(|event| (StatusCode::CREATED, Json(event)))
}

async fn store_event(
    state: &AppState,
    identity: &Identity,
    package: PackageVersion,
    body: &Map<String, Value>,
) -> Result<Event, AppError> {
    let event = event_from(body)?;
    if identity.from_hub {
        state.class.learn_homes([&*identity.user]).await;
    }
    let server = body.get("server").and_then(Value::as_str);
    let server = server.unwrap_or_default();
    let copy = own_copy(state, identity, &event, server).await?;
    let mut event = with_canonical_path(event)?;
    if let Some(CopyId { filename, .. }) = &copy {
        // Pages look for a notebook by this filename. The participant's server, which does not
        // know --homes, may have sent another.
        event.filename.clone_from(filename);
    }
    state.limits.post_extra_bytes(identity, size_of(&event))?;
    let Some(copy) = copy else {
        return Ok(append(state, identity, event).await?.event);
    };
    note_saving(state, &copy, &event, body);
    let kind = event.kind.clone();
    let append = append(state, identity, event);
    let committed = state.class.commit(&copy, &kind, append).await?;
    if kind == SAVE_NOTEBOOK {
        let heard = Heard::Save(SaveWay::Reported);
        package.note(state, identity, server, heard);
    }
    Ok(committed.event)
}

/// Notes whether saves of this notebook fail: a state of the copy that pages read when the event
/// reaches them.
fn note_saving(state: &AppState, key: &CopyId, event: &NewEvent, body: &Map<String, Value>) {
    let save_failures = state.class.save_failures();
    let now = Instant::now();
    let at_us = time::parse(&event.timestamp).map_or(0, Timestamp::as_microsecond);
    match event.kind.as_str() {
        SAVE_FAILED => {
            let reason = body.get("reason").and_then(Value::as_str);
            let problem = SaveProblem::of(reason.unwrap_or_default());
            save_failures.report(key, Some(problem), at_us, now);
        }
        SAVE_WORKS => save_failures.report(key, None, at_us, now),
        SAVE_NOTEBOOK | DELETE_NOTEBOOK => save_failures.note_saved(key, now),
        _ => {}
    }
}

/// Stores an event, within the number of entries that this person may have.
pub(super) async fn append(
    state: &AppState,
    identity: &Identity,
    event: NewEvent,
) -> Result<CommittedEvent, StoreError> {
    match state.limits.max_entries(identity, size_of(&event)) {
        Some(most) => state.store.append_within(event, most).await,
        None => state.store.append(event).await,
    }
}

/// The bytes of its texts in the store; the path counts twice, since it is in an index as well.
fn size_of(event: &NewEvent) -> usize {
    2 * event.path.len() + event.filename.len() + event.kind.len()
}

/// The events since a cursor, for pages that poll.
#[derive(Serialize, ToSchema)]
pub(super) struct UpdatesResponse {
    /// The cursor of the next request.
    cursor: i64,
    /// Oldest first.
    events: Vec<Event>,
}

/// `GET /api/updates?after=CURSOR&…`: the events after a cursor that match, oldest
/// first, and the cursor of the next request. Without `after`, only the cursor.
#[utoipa::path(get, path = "/updates", tag = "events",
    params(EventQuery,
        ("after" = Option<i64>, Query, description = "The cursor of the answer before")),
    summary = "Events since a cursor, for pages that poll",
    responses((status = OK, body = UpdatesResponse)))]
pub(super) async fn list_updates(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
    Query(mut pairs): QueryPairs,
) -> Result<Json<UpdatesResponse>, AppError> {
    let newest = state.store.journal_bounds().await?.newest;
    let Some(after) = take_after(&mut pairs)? else {
        filter_from(pairs)?;
        return Ok(Json(UpdatesResponse {
            cursor: newest,
            events: Vec::new(),
        }));
    };
    let Some(filter) = visible_to(&identity, filter_from(pairs)?) else {
        return Ok(Json(UpdatesResponse {
            cursor: newest,
            events: Vec::new(),
        }));
    };
    let page = state
        .store
        .journal_after(after.min(newest), MAX_UPDATES, filter)
        .await?;
    let events = page.entries.into_iter();
    Ok(Json(UpdatesResponse {
        cursor: page.seen,
        events: events.map(|committed| committed.event).collect(),
    }))
}

/// Removes `after`, a sequence number, from the query.
pub(super) fn take_after(pairs: &mut Vec<(String, String)>) -> Result<Option<i64>, AppError> {
    let Some(index) = pairs.iter().position(|(name, _)| name == "after") else {
        return Ok(None);
    };
    let (_, value) = pairs.remove(index);
    let after = value.parse().ok().filter(|after| *after >= 0);
    let after = after.ok_or_else(|| {
        AppError::BadRequest(format!(
            "after={value} is not a cursor: a whole number from 0."
        ))
    })?;
    Ok(Some(after))
}

/// Equality filters on the fields of an event.
pub(super) fn filter_from(pairs: Vec<(String, String)>) -> Result<EventFilter, AppError> {
    let mut filter = EventFilter::default();
    for (name, value) in pairs {
        let repeated = match name.as_str() {
            "id" => filter.id.replace(id_from(&value)?).is_some(),
            "type" => filter.kind.replace(value).is_some(),
            "user" => filter.user.replace(value).is_some(),
            "filename" => filter
                .filename
                .replace(canonical(value, plain_filename))
                .is_some(),
            "path" => filter.path.replace(canonical(value, plain_path)).is_some(),
            "timestamp" => filter.timestamp.replace(timestamp_from(&value)?).is_some(),
            _ => {
                return Err(AppError::BadRequest(format!(
                    "An event has no field {name:?}; it has id, type, user, filename, path and \
                     timestamp."
                )));
            }
        };
        if repeated {
            return Err(AppError::BadRequest(format!(
                "The filter {name} stands there twice."
            )));
        }
    }
    Ok(filter)
}

/// A path in the form that events have. A text that is no path is left as it is and matches no
/// event.
fn canonical(value: String, read: fn(&str) -> Result<String, InvalidFilename>) -> String {
    read(&value).unwrap_or(value)
}

fn id_from(value: &str) -> Result<i64, AppError> {
    value
        .parse()
        .map_err(|_| AppError::BadRequest(format!("id={value} is not a whole number.")))
}

/// The copy that an event is about, if its path is in a home. Under a Hub it has to be in the
/// home of the token's owner; without a Hub an event may have any path.
async fn own_copy(
    state: &AppState,
    identity: &Identity,
    event: &NewEvent,
    server: &str,
) -> Result<Option<CopyId>, AppError> {
    if server.len() > 255 || server.contains(|c: char| c == '/' || c.is_control()) {
        return Err(AppError::BadRequest(
            "server is not the name of a server.".to_owned(),
        ));
    }
    if identity.from_hub && identity.user != event.user {
        return Err(AppError::Forbidden(format!(
            "This token is {}'s; it cannot report for {}.",
            identity.user, event.user
        )));
    }
    let copies = state.class.copies();
    let copy = match identity.from_hub {
        true if copies.knows_without_a_look(&identity.user, &event.path) => {
            copies.copy_of(&identity.user, server, &event.filename, &event.path)
        }
        true => {
            let (copies, event, server) = (copies.clone(), event.clone(), server.to_owned());
            in_lane_of(state, &identity.user, move |_| {
                Ok(copies.copy_of(&event.user, &server, &event.filename, &event.path))
            })
            .await?
        }
        false => copies.copy_at(&event.path),
    };
    match copy.filter(|copy| copy.user == event.user) {
        Some(CopyId { filename, user }) => {
            let filename = plain_filename(&filename);
            let filename =
                filename.map_err(|error| AppError::BadRequest(format!("path {error}.")))?;
            Ok(Some(CopyId { filename, user }))
        }
        None if identity.from_hub => Err(AppError::Forbidden(format!(
            "{} is not below {}'s home. Homes are at {} ({}).",
            event.path,
            identity.user,
            copies.homes().map(ToString::to_string).unwrap_or_default(),
            copies.homes().map_or("--homes", Homes::flag)
        ))),
        None => Ok(None),
    }
}
