//! `/api/copies`: notebooks that participants' own servers push, for hubs whose homes the service
//! cannot read.
//!
//! Whose a copy is says the token alone; the path that a server has for it proves nothing. A push
//! is answered when its content and its event are on the disk, the content first: a tile is never
//! older than its event.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::{
    copies::{
        InventoryFile, InventoryRequest, InventoryResponse, KeptCopy, PushHead, PushResponse,
    },
    wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::in_lane_of,
    error::AppError,
    events::append,
    extract::{
        InventoryBody, LightReads, NotebookReads, PackageVersion, PushBody, Query, RateLimited,
        limit_body, pushed_copies,
    },
};
use crate::{
    app::AppState,
    contacts::{Heard, SaveWay},
    copies::{
        CONTENT_MAX, ContentHash, CopyId, Delta, DeltaError, Push, PushError, PushOutcome,
        PushRecord, PushedContent, PushedCopies, filename_on,
    },
    filename::{plain_filename, plain_path},
    homes::MAX_NOTEBOOKS_PER_HOME,
    identity::Identity,
    store::{EventFilter, NewEvent},
    text::attachment,
    time,
};

/// The longest filename of a pushed notebook, in bytes.
const FILENAME_MAX: usize = 1_024;
/// The longest name of a named server, in bytes.
pub(super) const SERVER_MAX: usize = 255;
/// The largest body of a push: what deflates worst has a few bytes more than before.
const PUSH_MAX: usize = CONTENT_MAX + (64 << 10);
/// The largest inventory: 2,000 notebooks with names of some hundred bytes.
const INVENTORY_MAX: usize = 1 << 20;

/// A push that takes so long is a sign of much to do, and one that takes so much longer of too much.
const BUSY_AFTER: Duration = Duration::from_millis(250);
const OVERLOADED_AFTER: Duration = Duration::from_secs(1);

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    let pushes = OpenApiRouter::new()
        .routes(routes!(list_copies, push_copy))
        .layer(limit_body(PUSH_MAX));
    let inventories = OpenApiRouter::new()
        .routes(routes!(post_inventory))
        .layer(limit_body(INVENTORY_MAX));
    OpenApiRouter::new()
        .merge(pushes)
        .merge(inventories)
        .routes(routes!(download_copy))
}

/// `PUT /api/copies`
#[utoipa::path(put, path = "/copies", tag = "copies",
    request_body(content = String, content_type = "application/vnd.pipalhub.copy",
        description = "A PushHead as JSON on one line, and the middle of the content, deflated"),
    summary = "Takes a notebook of the asker; answers once it and its event are on disk",
    responses((status = OK, body = PushResponse)))]
async fn push_copy(
    State(state): State<Arc<AppState>>,
    package: PackageVersion,
    body: PushBody,
) -> Result<Json<PushResponse>, AppError> {
    let begun = Instant::now();
    let pushed = pushed_copies(&state)?;
    let PushBody {
        identity,
        head,
        middle,
        room,
    } = body;
    let copy = copy_of(&identity.user, &head.server, &head.filename)?;
    let path = shown_path(&head.path)?;
    let saved_at_ms = head.saved_at_ms.clamp(0, time::now_ms());
    let event = NewEvent {
        kind: SAVE_NOTEBOOK.to_owned(),
        user: copy.user.clone(),
        filename: copy.filename.clone(),
        path: path.clone(),
        timestamp: time::format_ms(saved_at_ms),
    };
    // Before it takes a turn with a size that it may only claim.
    let written = match head.withheld {
        Some(_) => pushed.record(&copy).map_or(0, |record| record.size),
        None if head.size > CONTENT_MAX => {
            return Err(PushError::from(DeltaError::TooLarge(head.size)).into());
        }
        None => head.size as u64,
    };
    state.limits.push_written(&copy.user, written)?;
    let (store, owned) = (Arc::clone(&pushed), copy.clone());
    let server = head.server.clone();
    let outcome = in_lane_of(&state, &copy.user, move |lanes| {
        // The version before and the new one are in memory, and the body.
        let _turn = lanes.turn(2 * written);
        let content = content_of(&head, &middle)?;
        let push = Push {
            server: head.server.clone(),
            path,
            saved_at_ms,
            content,
        };
        let kept = store.push(&owned, &push);
        // The body is in memory until here.
        drop((middle, room));
        Ok(kept?)
    })
    .await?;
    let seq = match outcome {
        PushOutcome::Unchanged if is_told(&state, &pushed, &copy).await? => None,
        _ => {
            state
                .class
                .save_failures()
                .note_saved(&copy, Instant::now());
            let append = append(&state, &identity, event);
            Some(state.class.commit(&copy, SAVE_NOTEBOOK, append).await?.seq)
        }
    };
    let heard = Heard::Save(SaveWay::Pushed);
    package.note(&state, &identity, &server, heard);
    let pace_ms = pace_after(begun.elapsed());
    Ok(Json(PushResponse { seq, pace_ms }))
}

/// How many milliseconds a server waits before it pushes a notebook again, when the last push of it
/// took so long: a service that has much to do is asked less often, and shows the newest version
/// all the same.
fn pace_after(took: Duration) -> u64 {
    match took {
        _ if took >= OVERLOADED_AFTER => 30_000,
        _ if took >= BUSY_AFTER => 10_000,
        _ => 0,
    }
}

/// Whether the event of the version that is kept is stored: a service may have ended between
/// keeping a push and storing its event.
async fn is_told(state: &AppState, pushed: &PushedCopies, copy: &CopyId) -> Result<bool, AppError> {
    let Some(record) = pushed.record(copy) else {
        return Ok(false);
    };
    let filter = EventFilter {
        kind: Some(SAVE_NOTEBOOK.to_owned()),
        user: Some(copy.user.clone()),
        path: Some(record.path.clone()),
        ..EventFilter::default()
    };
    let told = state.store.list(filter).await?;
    let saved_at = time::format_ms(record.saved_at_ms);
    Ok(told.iter().any(|event| event.timestamp == saved_at))
}

/// A participant's copy, by the name of a server of theirs and the name that it has there.
fn copy_of(user: &str, server: &str, filename: &str) -> Result<CopyId, AppError> {
    let refuse = |message: String| Err(AppError::BadRequest(message));
    if filename.len() > FILENAME_MAX || server.len() > SERVER_MAX {
        return refuse(format!(
            "filename is longer than {FILENAME_MAX} bytes, or server than {SERVER_MAX}."
        ));
    }
    if filename.contains(char::is_control) || server.contains(char::is_control) {
        return refuse("filename or server has a control character in it.".to_owned());
    }
    if server.contains('/') || matches!(server, "." | "..") {
        return refuse(format!("server {server:?} is no name of a server."));
    }
    let plain = match plain_filename(filename) {
        Ok(plain) => plain,
        Err(error) => return refuse(format!("filename {error}.")),
    };
    if filename.starts_with('/') || !plain.ends_with(".ipynb") {
        return refuse(format!(
            "filename {filename:?} is not the path of a notebook below the server's folder."
        ));
    }
    Ok(CopyId {
        filename: filename_on(server, &plain),
        user: user.to_owned(),
    })
}

/// The path on the participant's server, as events have paths.
fn shown_path(path: &str) -> Result<String, AppError> {
    if path.len() > 4_096 || path.contains(char::is_control) {
        return Err(AppError::BadRequest(
            "path is longer than 4096 bytes, or has a control character in it.".to_owned(),
        ));
    }
    plain_path(path).map_err(|error| AppError::BadRequest(format!("path {error}.")))
}

fn hash_of(name: &str, text: &str) -> Result<ContentHash, AppError> {
    ContentHash::from_hex(text).ok_or_else(|| {
        AppError::BadRequest(format!("{name} is not a SHA-256 of 64 hexadecimal digits."))
    })
}

/// The content that a push brings.
fn content_of<'a>(
    head: &PushHead,
    middle: &'a [u8],
) -> Result<Result<PushedContent<'a>, shared::copies::WithheldReason>, AppError> {
    if let Some(withheld) = head.withheld {
        return Ok(Err(withheld));
    }
    let Some(sha256) = &head.sha256 else {
        return Err(AppError::BadRequest(
            "A push has the sha256 of its content, or says why it is withheld.".to_owned(),
        ));
    };
    let base = head.base.as_deref().map(|base| hash_of("base", base));
    Ok(Ok(PushedContent {
        base: base.transpose()?,
        delta: Delta {
            size: head.size,
            hash: hash_of("sha256", sha256)?,
            prefix: head.prefix,
            suffix: head.suffix,
            middle,
        },
    }))
}

impl From<PushError> for AppError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Delta(DeltaError::TooLarge(_)) => Self::TooLarge(format!("{error}.")),
            PushError::Delta(DeltaError::Malformed(_)) => Self::BadRequest(format!("{error}.")),
            PushError::Delta(DeltaError::OtherBase) => Self::NeedsWhole,
            PushError::TooMany | PushError::TooMuch => Self::Conflict(format!("{error}.")),
            PushError::Io(_) => Self::Unavailable {
                message: "The notebook cannot be kept right now; push it again in a moment.",
                cause: error.to_string(),
            },
        }
    }
}

/// `POST /api/copies/inventory`
#[utoipa::path(post, path = "/copies/inventory", tag = "copies",
    request_body = InventoryRequest,
    summary = "Every notebook on a server of the asker; answers which are to be pushed",
    responses((status = OK, body = InventoryResponse)))]
async fn post_inventory(
    State(state): State<Arc<AppState>>,
    package: PackageVersion,
    body: InventoryBody,
) -> Result<Json<InventoryResponse>, AppError> {
    let pushed = pushed_copies(&state)?;
    let InventoryBody {
        identity,
        inventory,
        room: _room,
    } = body;
    if inventory.files.len() > MAX_NOTEBOOKS_PER_HOME {
        return Err(AppError::BadRequest(format!(
            "An inventory has at most {MAX_NOTEBOOKS_PER_HOME} files; send those, and complete: false."
        )));
    }
    let InventoryRequest {
        server,
        complete,
        files,
    } = inventory;
    let mut wanted = Vec::new();
    let mut present = HashSet::new();
    for file in files {
        let copy = copy_of(&identity.user, &server, &file.filename)?;
        if is_wanted(pushed.record(&copy).as_ref(), &file) {
            wanted.push(file.filename);
        }
        present.insert(copy.filename);
    }
    let mut gone = 0;
    if complete {
        for (copy, record) in pushed.list(Some(&identity.user)) {
            if record.server == server && !present.contains(&copy.filename) {
                forget(&state, &identity, copy, record).await?;
                gone += 1;
            }
        }
    }
    if complete {
        forget_homes(&state, &pushed, &identity.user, &present);
    }
    package.note(&state, &identity, &server, Heard::Asking);
    Ok(Json(InventoryResponse { wanted, gone }))
}

/// Forgets notebooks that were found in the home of a participant whose server has begun to push,
/// and are not below the folder that it shows.
fn forget_homes(state: &AppState, pushed: &PushedCopies, user: &str, present: &HashSet<String>) {
    if !pushed.has_any_of(user) {
        return;
    }
    let known = state.class.copy_ids().into_iter();
    let own = known.filter(|copy| copy.user == user && !present.contains(&copy.filename));
    for copy in own.filter(|copy| pushed.record(copy).is_none()) {
        state.class.forget(&copy);
    }
}

/// Whether a notebook of an inventory is another version than the one that is kept.
fn is_wanted(record: Option<&PushRecord>, file: &InventoryFile) -> bool {
    match (record, &file.sha256) {
        (None, _) => true,
        (Some(record), None) => record.withheld.is_none(),
        (Some(record), Some(hash)) => {
            let is_same = ContentHash::from_hex(hash) == Some(record.pushed);
            !is_same || !record.has_content || record.withheld.is_some()
        }
    }
}

/// A copy whose file is gone: its event is stored, and it is kept no longer.
async fn forget(
    state: &AppState,
    identity: &Identity,
    copy: CopyId,
    record: PushRecord,
) -> Result<(), AppError> {
    let event = NewEvent {
        kind: DELETE_NOTEBOOK.to_owned(),
        user: copy.user.clone(),
        filename: copy.filename.clone(),
        path: record.path,
        timestamp: time::now_text(),
    };
    state
        .class
        .save_failures()
        .note_saved(&copy, Instant::now());
    let append = append(state, identity, event);
    state.class.commit(&copy, DELETE_NOTEBOOK, append).await?;
    Ok(())
}

/// Which copies are asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CopiesQuery {
    /// Only those of this participant.
    user: Option<String>,
}

/// `GET /api/copies`
#[utoipa::path(get, path = "/copies", tag = "copies", params(CopiesQuery),
    summary = "The notebooks that were pushed and are kept, of everyone whom the asker may see",
    responses((status = OK, body = Vec<KeptCopy>)))]
async fn list_copies(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
    Query(query): Query<CopiesQuery>,
) -> Result<Json<Vec<KeptCopy>>, AppError> {
    let pushed = pushed_copies(&state)?;
    let mut copies = pushed.list(query.user.as_deref().or(identity.confined_to()));
    copies.retain(|(copy, _)| identity.may_see(&copy.user));
    copies.sort_by(|(one, _), (other, _)| one.cmp(other));
    let kept = copies.into_iter().map(|(copy, record)| KeptCopy {
        user: copy.user,
        filename: copy.filename,
        saved_at_ms: record.saved_at_ms,
        size: record.size,
        sha256: record.hash.to_hex(),
    });
    Ok(Json(kept.collect()))
}

/// A copy of a participant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CopyQuery {
    /// The participant.
    user: String,
    /// The notebook's path below their home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
}

/// `GET /api/copies/content`
#[utoipa::path(get, path = "/copies/content", tag = "copies", params(CopyQuery),
    summary = "What is kept of a notebook that was pushed, as a file",
    responses((status = OK, body = Object, content_type = "application/x-ipynb+json")))]
async fn download_copy(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<CopyQuery>,
) -> Result<Response, AppError> {
    let pushed = pushed_copies(&state)?;
    let copy = CopyId {
        filename: query.filename,
        user: query.user,
    };
    let missing = || {
        AppError::NotFound(format!(
            "Nothing of {}'s {} is kept.",
            copy.user, copy.filename
        ))
    };
    if !identity.may_see(&copy.user) || pushed.record(&copy).is_none_or(|r| !r.has_content) {
        return Err(missing());
    }
    let name = copy.filename.rsplit('/').next().unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "application/x-ipynb+json".to_owned()),
        (header::CONTENT_DISPOSITION, attachment(name)),
    ];
    let owned = copy.clone();
    let content = in_lane_of(&state, &copy.user, move |lanes| {
        let size = pushed.record(&owned).map_or(0, |record| record.size);
        let _turn = lanes.turn(size);
        pushed.content(&owned).map_err(AppError::internal)
    })
    .await?;
    Ok((headers, slot.hold(content)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copies::{path_on_server, server_of};

    #[test]
    fn a_copy_keeps_the_path_that_it_has_on_its_server() {
        for (server, filename) in [
            ("", "m/a.ipynb"),
            ("", "@m/a.ipynb"),
            ("lab", "m/a.ipynb"),
            ("lab", "@m/a.ipynb"),
        ] {
            let copy = copy_of("ana", server, filename).unwrap();
            assert_eq!(path_on_server(&copy.filename), filename, "{copy:?}");
            assert_eq!(server_of(&copy.filename), server, "{copy:?}");
        }
    }

    #[test]
    fn a_slow_push_asks_for_rarer_ones() {
        for (ms, pace_ms) in [
            (0, 0),
            (249, 0),
            (250, 10_000),
            (999, 10_000),
            (1_000, 30_000),
        ] {
            assert_eq!(pace_after(Duration::from_millis(ms)), pace_ms, "{ms} ms");
        }
    }
}
