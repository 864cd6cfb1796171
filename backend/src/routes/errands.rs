//! `/api/errands` and `/api/handouts`: what participants' own servers write into homes.
//!
//! A server asks for its errands with its own token, fetches their content and reports what
//! became of them. Instructors hand notebooks out; readers of all notebooks see which
//! participants have a handout and which have opened it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::{
    errands::{
        ErrandKind, ErrandOutcome, ErrandReport, ErrandResponse, ErrandState, ErrandsResponse,
        Handout, HandoutAudience, HandoutReceiver, HandoutRequest, HandoutsResponse, HubGroup,
        LONGEST_FILENAME_BYTES, LONGEST_REASON_CHARS, PendingErrand,
    },
    notebook::Notebook,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::{blocking, in_lane_of},
    copies::path_on_server,
    error::AppError,
    extract::{Instructor, JsonBody, NotebookReads, Participant, Query, RateLimited, Viewer},
    long_poll::LongPoll,
};
use crate::{
    app::AppState,
    auth::Auth,
    copies::CopyId,
    errands::{
        ErrandChange, ErrandSource, HandoutDraft, MAX_HANDOUT_BYTES, RestoreDraft, StoredErrand,
        StoredHandout, check_audience, handout_filename, sha256_hex,
    },
    filename::plain_filename,
    homes::{HomeError, NotebookFile, ReadError, with_suffix},
    identity::Identity,
    telemetry::loggable,
    text::attachment,
    time,
};

/// Most handouts in one list, each with all its receivers.
const MAX_LISTED_HANDOUTS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_errands))
        .routes(routes!(get_errand, report_errand))
        .routes(routes!(get_errand_content))
        .routes(routes!(list_handouts, hand_out))
        .routes(routes!(retract_handout))
}

/// How long to wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ErrandsQuery {
    /// Wait so many seconds for an errand, 0 to 25.
    wait: Option<u64>,
}

/// `GET /api/errands`
#[utoipa::path(get, path = "/errands", tag = "errands", params(ErrandsQuery),
    summary = "What the asking participant's server has to do; waits for it, when asked to",
    description = "Fetch the content below `url`, write it as a new file, and report what \
        became of it. An errand is listed until that is reported.",
    responses((status = OK, body = ErrandsResponse)))]
async fn list_errands(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    Query(query): Query<ErrandsQuery>,
) -> Result<Json<ErrandsResponse>, AppError> {
    let poll = LongPoll::begin(&state, &identity, query.wait)?;
    let errands = pending_by(&state, &identity, &poll).await?;
    let errands = errands.into_iter().map(|errand| PendingErrand {
        id: errand.id,
        kind: kind_of(&errand),
        url: format!("api/errands/{}/content", errand.id),
        filename: errand.filename,
        size: errand.size,
        sha256: errand.sha256,
    });
    Ok(Json(ErrandsResponse {
        errands: errands.collect(),
    }))
}

/// The pending errands of `identity`. While there are none it waits for one, as long as
/// `poll` lasts.
async fn pending_by(
    state: &Arc<AppState>,
    identity: &Identity,
    poll: &LongPoll,
) -> Result<Vec<StoredErrand>, AppError> {
    // Before the desk is asked, so that no change falls between the two.
    let mut changes = state.errands.changes();
    loop {
        changes.mark_unchanged();
        let desk = Arc::clone(&state.errands);
        let (user, groups) = (identity.user.clone(), identity.groups.clone());
        let pending = blocking(move || Ok(desk.pending(&user, &groups)?)).await?;
        if !pending.is_empty() {
            return Ok(pending);
        }
        if !poll.changed(state, &mut changes).await {
            return Ok(pending);
        }
    }
}

fn kind_of(errand: &StoredErrand) -> ErrandKind {
    match errand.source {
        ErrandSource::Version { .. } => ErrandKind::Restore,
        ErrandSource::Handout(_) => ErrandKind::Handout,
    }
}

/// `GET /api/errands/{id}`
#[utoipa::path(get, path = "/errands/{id}", tag = "errands",
    params(("id" = i64, Path, description = "The errand")),
    summary = "How far an errand is: one's own, or anyone's for a reader of all notebooks",
    responses((status = OK, body = ErrandResponse)))]
async fn get_errand(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<ErrandResponse>, AppError> {
    let Path(id) = id.map_err(|_| missing_errand())?;
    let found = blocking(move || Ok(state.errands.store().errand(id)?)).await?;
    let errand = found.filter(|errand| identity.may_see(&errand.user));
    let errand = errand.ok_or_else(missing_errand)?;
    Ok(Json(ErrandResponse {
        id,
        kind: kind_of(&errand),
        state: errand.state,
        filename: errand.written.unwrap_or(errand.filename),
        reason: errand.reason,
        user: errand.user,
    }))
}

/// `GET /api/errands/{id}/content`: the bytes of the file to be written.
#[utoipa::path(get, path = "/errands/{id}/content", tag = "errands",
    params(("id" = i64, Path, description = "The errand")),
    summary = "The content of one's own errand, as the file that is to be written",
    responses((status = OK, content_type = "application/x-ipynb+json", body = Vec<u8>)))]
async fn get_errand_content(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Response, AppError> {
    let Path(id) = id.map_err(|_| missing_errand())?;
    let user = identity.user;
    let (name, content) = blocking(move || {
        let found = state.errands.store().errand(id)?;
        let own = found.filter(|errand| errand.user == user);
        let errand = own.ok_or_else(missing_errand)?;
        let content = content_of(&state, &errand)?;
        Ok((errand.filename, content))
    })
    .await?;
    let name = name.rsplit('/').next().unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "application/x-ipynb+json".to_owned()),
        (header::CONTENT_DISPOSITION, attachment(name)),
    ];
    Ok((headers, slot.hold(content)).into_response())
}

fn content_of(state: &AppState, errand: &StoredErrand) -> Result<Vec<u8>, AppError> {
    let content = match &errand.source {
        ErrandSource::Handout(handout) => state.errands.store().content(*handout)?,
        ErrandSource::Version { notebook, version } => {
            let copy = CopyId {
                filename: notebook.clone(),
                user: errand.user.clone(),
            };
            let bytes = match &state.history {
                Some(history) => history.bytes(&copy, *version)?,
                None => None,
            };
            if bytes.is_none() {
                // The errand can never be done, which the page says.
                let gone = ErrandChange::Failed("This version is not kept any more.".to_owned());
                state.errands.report(errand.id, &errand.user, &gone)?;
            }
            bytes
        }
    };
    content.ok_or_else(missing_errand)
}

/// `POST /api/errands/{id}`: the report of the participant's server.
#[utoipa::path(post, path = "/errands/{id}", tag = "errands",
    params(("id" = i64, Path, description = "The errand")), request_body = ErrandReport,
    summary = "Report that one's own errand is done or has failed, or that its file was opened",
    description = "The same report may be sent again. What is done stays done, whatever is \
        reported then.",
    responses((status = NO_CONTENT)))]
async fn report_errand(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    id: Result<Path<i64>, PathRejection>,
    JsonBody(report): JsonBody<ErrandReport>,
) -> Result<StatusCode, AppError> {
    let Path(id) = id.map_err(|_| missing_errand())?;
    let change = change_of(report).map_err(AppError::BadRequest)?;
    let is_own = blocking(move || {
        let is_own = state.errands.report(id, &identity.user, &change)?;
        if is_own {
            let user = loggable(&identity.user).to_string();
            tracing::info!(user, errand = id, ?change, "an errand was reported");
        }
        Ok(is_own)
    })
    .await?;
    match is_own {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(missing_errand()),
    }
}

fn change_of(report: ErrandReport) -> Result<ErrandChange, String> {
    match report.state {
        ErrandOutcome::Opened => Ok(ErrandChange::Opened),
        ErrandOutcome::Done => {
            let filename = report.filename.unwrap_or_default();
            let plain = plain_filename(&filename)
                .map_err(|error| format!("The name of the new file {error}."))?;
            match plain.len() <= LONGEST_FILENAME_BYTES && !plain.contains(char::is_control) {
                true => Ok(ErrandChange::Done(plain)),
                false => Err(format!(
                    "The name of the new file has at most {LONGEST_FILENAME_BYTES} bytes, and no \
                     control characters."
                )),
            }
        }
        ErrandOutcome::Failed => {
            let reason = report.reason.unwrap_or_default();
            let plain = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
            Ok(ErrandChange::Failed(
                plain.take(LONGEST_REASON_CHARS).collect(),
            ))
        }
    }
}

/// The same answer for an unknown errand and for an errand of another participant.
fn missing_errand() -> AppError {
    AppError::NotFound("There is no such errand.".to_owned())
}

// Restoring.

/// Whether the service itself restores into the home of `user`; else the participant's server
/// does. The server does where it pushes its notebooks, because their paths are below its own
/// folder, and where the home cannot be opened. Without a Hub there are no servers. A home that
/// may not be used, as one behind a link, is refused later, by the code that writes.
pub(super) async fn can_write_home(state: &AppState, user: &str) -> Result<bool, AppError> {
    if matches!(state.auth, Auth::Standalone { .. }) {
        return Ok(true);
    }
    let copies = state.class.copies();
    if copies.are_pushed(user) {
        return Ok(false);
    }
    let Some(home) = copies.homes().and_then(|homes| homes.home_of(user)) else {
        return Ok(false);
    };
    in_lane_of(state, user, move |_| {
        let opened = home.open();
        Ok(!matches!(
            opened,
            Err(HomeError::Missing | HomeError::Io(_))
        ))
    })
    .await
}

/// The errand of a restore: `bytes`, as a file beside the notebook with `suffix` after its name.
pub(super) fn restore_draft(
    state: &AppState,
    copy: &CopyId,
    version: i64,
    suffix: &str,
    bytes: &[u8],
) -> RestoreDraft {
    let path = path_in_home(state, copy);
    let filename = match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{}", with_suffix(name, suffix)),
        None => with_suffix(path, suffix),
    };
    RestoreDraft {
        user: copy.user.clone(),
        notebook: copy.filename.clone(),
        version,
        filename,
        size: bytes.len() as u64,
        sha256: sha256_hex(bytes),
    }
}

/// The path of a copy below the folder that its participant's server or this service writes into.
fn path_in_home<'a>(state: &AppState, copy: &'a CopyId) -> &'a str {
    match state.class.copies().are_pushed(&copy.user) {
        true => path_on_server(&copy.filename),
        false => &copy.filename,
    }
}

// Handing out.

/// Where in the list of handouts to go on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HandoutsQuery {
    /// Only handouts before this one.
    before: Option<i64>,
}

/// `GET /api/handouts`
#[utoipa::path(get, path = "/handouts", tag = "errands", params(HandoutsQuery),
    summary = "What was handed out, newest first, and which participants have it and opened it",
    responses((status = OK, body = HandoutsResponse)))]
async fn list_handouts(
    State(state): State<Arc<AppState>>,
    Viewer: Viewer,
    Query(HandoutsQuery { before }): Query<HandoutsQuery>,
) -> Result<Json<HandoutsResponse>, AppError> {
    blocking(move || {
        let audience = KnownPeople::of(&state);
        let mut handouts = state.errands.store().handouts()?;
        handouts.retain(|handout| before.is_none_or(|before| handout.id < before));
        let more = handouts.len() > MAX_LISTED_HANDOUTS;
        handouts.truncate(MAX_LISTED_HANDOUTS);
        let handouts = handouts.into_iter();
        let handouts = handouts.map(|handout| with_receivers(&state, handout, &audience));
        Ok(Json(HandoutsResponse {
            now_ms: time::now_ms(),
            handouts: handouts.collect::<Result<_, AppError>>()?,
            more,
            people: audience.people.into_iter().collect(),
            groups: audience.groups,
        }))
    })
    .await
}

/// The participants that the service knows, and their groups.
struct KnownPeople {
    people: BTreeSet<String>,
    groups: Vec<HubGroup>,
}

impl KnownPeople {
    /// The participants with a notebook, and those whose server has asked for errands.
    fn of(state: &AppState) -> Self {
        let class = state.class.copy_ids().into_iter().map(|key| key.user);
        Self {
            people: class.chain(state.errands.people()).collect(),
            groups: state.errands.groups(),
        }
    }

    /// The known recipients of a handout.
    fn receivers_of(&self, draft: &HandoutDraft) -> Vec<String> {
        let receivers = match &draft.to {
            HandoutAudience::Everyone(_) => self.people.iter().cloned().collect(),
            HandoutAudience::User(name) => vec![name.clone()],
            HandoutAudience::Group(name) => {
                let group = self.groups.iter().find(|group| group.name == *name);
                group.map(|group| group.members.clone()).unwrap_or_default()
            }
        };
        let others = receivers.into_iter().filter(|user| *user != draft.user);
        others.collect()
    }
}

/// A handout with its known recipients. A handout that was taken back has only the participants to
/// whom it was given.
fn with_receivers(
    state: &AppState,
    stored: StoredHandout,
    audience: &KnownPeople,
) -> Result<Handout, AppError> {
    let StoredHandout {
        id,
        draft,
        size,
        sha256,
        created_at_ms,
        retracted_at_ms,
    } = stored;
    let retracted = retracted_at_ms.is_some();
    let mut receivers = BTreeMap::new();
    if !retracted {
        for user in audience.receivers_of(&draft) {
            let waiting = HandoutReceiver {
                user: user.clone(),
                state: ErrandState::Pending,
                filename: None,
                reason: None,
                opened_at_ms: None,
            };
            receivers.insert(user, waiting);
        }
    }
    for errand in state.errands.store().errands_of(id)? {
        let is_given = !retracted || errand.state != ErrandState::Pending;
        if is_given {
            let receiver = HandoutReceiver {
                user: errand.user.clone(),
                state: errand.state,
                filename: errand.written,
                reason: errand.reason,
                opened_at_ms: errand.opened_at_ms,
            };
            receivers.insert(errand.user, receiver);
        }
    }
    Ok(Handout {
        id,
        author: draft.author,
        user: draft.user,
        notebook: draft.notebook,
        filename: draft.filename,
        to: draft.to,
        size,
        sha256,
        created_at_ms,
        retracted,
        receivers: receivers.into_values().collect(),
    })
}

/// `POST /api/handouts`: 201 with the handout.
#[utoipa::path(post, path = "/handouts", tag = "errands", request_body = HandoutRequest,
    summary = "Hand a notebook out to everyone, a group of the Hub or one participant",
    description = "The notebook is handed out as it is now, without its private cells. It \
        appears as a new file in each home, also for participants who come later, until it is \
        taken back.",
    responses((status = CREATED, body = Handout)))]
async fn hand_out(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    JsonBody(request): JsonBody<HandoutRequest>,
) -> Result<(StatusCode, Json<Handout>), AppError> {
    let notebook = plain_filename(&request.filename)
        .map_err(|error| AppError::BadRequest(format!("The notebook {error}.")))?;
    let copy = CopyId {
        filename: notebook,
        user: request.user,
    };
    let proposed = request.proposed.filter(|name| !name.is_empty());
    // The page proposes the notebook's own name.
    let proposed = proposed.filter(|name| *name != copy.filename);
    let filename = proposed.as_deref();
    let filename = filename.unwrap_or_else(|| path_in_home(&state, &copy));
    let filename = handout_filename(filename).map_err(AppError::BadRequest)?;
    check_audience(&request.to).map_err(AppError::BadRequest)?;
    let _reading = state.limits.read(&identity)?;
    let content = current_content(&state, &copy).await?;
    if content.len() > MAX_HANDOUT_BYTES {
        return Err(AppError::Conflict(format!(
            "The notebook has more than {} MiB, which a handout may have.",
            MAX_HANDOUT_BYTES >> 20
        )));
    }
    let draft = HandoutDraft {
        author: identity.user,
        user: copy.user,
        notebook: copy.filename,
        filename,
        to: request.to,
    };
    let handout = blocking(move || {
        let id = state.errands.hand_out(&draft, &content)?;
        tracing::info!(
            by = %loggable(&draft.author),
            user = %loggable(&draft.user),
            filename = %loggable(&draft.notebook),
            handout = id,
            "a notebook was handed out"
        );
        let stored = StoredHandout {
            id,
            size: content.len() as u64,
            sha256: sha256_hex(&content),
            created_at_ms: time::now_ms(),
            retracted_at_ms: None,
            draft,
        };
        with_receivers(&state, stored, &KnownPeople::of(&state))
    })
    .await?;
    metrics::counter!("pipalhub_handouts_total").increment(1);
    Ok((StatusCode::CREATED, Json(handout)))
}

/// The bytes of a copy as it is now, without its private cells.
async fn current_content(state: &AppState, copy: &CopyId) -> Result<Vec<u8>, AppError> {
    let missing = AppError::NotFound(format!("{} has no notebook {}.", copy.user, copy.filename));
    let (copies, owned) = (state.class.copies().clone(), copy.clone());
    in_lane_of(state, &copy.user, move |lanes| {
        let opened = match copies.open(&owned) {
            Ok(opened) => opened,
            Err(ReadError::Missing) => return Err(missing),
            Err(error) => return Err(AppError::Conflict(error.to_string())),
        };
        let size = opened.version().size();
        let checked = |file: NotebookFile| {
            let content = file.content()?;
            Notebook::parse(&content).map(|_| content)
        };
        let content = lanes.in_turn(size, || opened.read(), checked);
        let content = content.map_err(|error| AppError::Conflict(error.to_string()))?;
        content
            .map_err(|error| AppError::Conflict(format!("This file is not a notebook: {error}.")))
    })
    .await
}

/// `DELETE /api/handouts/{id}`: takes it back.
#[utoipa::path(delete, path = "/handouts/{id}", tag = "errands",
    params(("id" = i64, Path, description = "The handout")),
    summary = "Take a handout back: it is given to no other participant, and files that were \
        written stay",
    responses((status = NO_CONTENT)))]
async fn retract_handout(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let missing = || AppError::NotFound("There is no such handout.".to_owned());
    let Path(id) = id.map_err(|_| missing())?;
    let is_there = blocking(move || Ok(state.errands.retract(id)?)).await?;
    if !is_there {
        return Err(missing());
    }
    let by = loggable(&identity.user).to_string();
    tracing::info!(by, handout = id, "a handout was taken back");
    Ok(StatusCode::NO_CONTENT)
}
