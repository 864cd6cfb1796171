//! `/api/errands`: what participants' own servers write into homes.
//!
//! A server asks for its errands with its own token, fetches their content and reports what
//! became of them. What is handed out is in [`super::handouts`].

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::errands::{
    ErrandKind, ErrandOutcome, ErrandReport, ErrandResponse, ErrandState, ErrandsResponse,
    LONGEST_FILENAME_BYTES, LONGEST_REASON_CHARS, PendingErrand,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::{blocking, in_lane_of},
    copies::SERVER_MAX,
    error::AppError,
    extract::{JsonBody, NotebookReads, PackageVersion, Participant, Query, RateLimited},
    long_poll::LongPoll,
};
use crate::{
    app::AppState,
    auth::Auth,
    contacts::Heard,
    copies::{CopyId, filename_on, path_on_server, server_of},
    errands::{
        ErrandChange, ErrandSource, RestoreDraft, SETTLED_LISTED_MS, StoredErrand, is_notebook,
        sha256_hex,
    },
    filename::plain_filename,
    homes::{HomeError, with_suffix},
    identity::Identity,
    telemetry::loggable,
    text::attachment,
    time,
};

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_errands))
        .routes(routes!(get_errand, report_errand, retract_errand))
        .routes(routes!(get_errand_content))
}

/// Which server asks, and how long it waits.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ErrandsQuery {
    /// The name of the server among those of its participant; the default server has none.
    server: Option<String>,
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
    package: PackageVersion,
    Query(query): Query<ErrandsQuery>,
) -> Result<Json<ErrandsResponse>, AppError> {
    let server = query.server.unwrap_or_default();
    if server.len() > SERVER_MAX {
        return Err(AppError::BadRequest(format!(
            "The name of a server has at most {SERVER_MAX} bytes."
        )));
    }
    let poll = LongPoll::begin(&state, &identity, query.wait)?;
    package.note(&state, &identity, &server, Heard::Asking);
    let errands = pending_by(&state, &identity, &server, &poll).await?;
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

/// The pending errands of this server of `identity`. While there are none it waits for one, as
/// long as `poll` lasts.
async fn pending_by(
    state: &Arc<AppState>,
    identity: &Identity,
    server: &str,
    poll: &LongPoll,
) -> Result<Vec<StoredErrand>, AppError> {
    // Before the desk is asked, so that no change falls between the two.
    let mut changes = state.errands.changes();
    loop {
        changes.mark_unchanged();
        let desk = Arc::clone(&state.errands);
        let (user, groups) = (identity.user.clone(), identity.groups.clone());
        let server = server.to_owned();
        let pending = blocking(move || Ok(desk.pending(&user, &server, &groups)?)).await?;
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
    let desk = Arc::clone(&state.errands);
    let found = blocking(move || Ok(desk.store().errand(id)?)).await?;
    let errand = found.filter(|errand| identity.may_see(&errand.user));
    let errand = errand.ok_or_else(missing_errand)?;
    Ok(Json(shown(&state, errand)))
}

/// An errand as it is shown to people.
fn shown(state: &AppState, errand: StoredErrand) -> ErrandResponse {
    let is_pushed = state.class.copies().are_pushed(&errand.user);
    let filename = match (&errand.written, &errand.server) {
        // As the copy is called here.
        (Some(written), Some(server)) if is_pushed => filename_on(server, written),
        (Some(written), _) => written.clone(),
        (None, _) => errand.filename.clone(),
    };
    ErrandResponse {
        id: errand.id,
        kind: kind_of(&errand),
        state: errand.state,
        version: match errand.source {
            ErrandSource::Version { version, .. } => Some(version),
            ErrandSource::Handout(_) => None,
        },
        filename,
        reason: errand.reason,
        user: errand.user,
        server: errand.server,
    }
}

/// The restores of a copy that are listed beside its versions.
pub(super) fn listed_restores(
    state: &AppState,
    copy: &CopyId,
) -> Result<Vec<ErrandResponse>, AppError> {
    let since_ms = time::now_ms() - SETTLED_LISTED_MS;
    let desk = &state.errands;
    let found = desk
        .store()
        .restores(&copy.user, &copy.filename, since_ms)?;
    let found = found.into_iter();
    Ok(found.map(|errand| shown(state, errand)).collect())
}

/// `DELETE /api/errands/{id}`: takes a restore back.
#[utoipa::path(delete, path = "/errands/{id}", tag = "errands",
    params(("id" = i64, Path, description = "The errand")),
    summary = "Take back a restore that waits: one's own, or anyone's for an instructor",
    responses((status = NO_CONTENT)))]
async fn retract_errand(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let Path(id) = id.map_err(|_| missing_errand())?;
    blocking(move || {
        let found = state.errands.store().errand(id)?;
        let errand = found.filter(|errand| identity.may_see(&errand.user));
        let errand = errand.ok_or_else(missing_errand)?;
        if !identity.may_change(&errand.user) {
            return Err(AppError::Forbidden(format!(
                "Only {} and instructors may take this back.",
                errand.user
            )));
        }
        if let ErrandSource::Handout(handout) = errand.source {
            return Err(AppError::Conflict(format!(
                "This file is handed out: take the handout back, by DELETE /api/handouts/{handout}."
            )));
        }
        if !state.errands.retract_restore(id)? {
            return Err(AppError::Conflict(
                "This restore does not wait any more: it is done, has failed or was taken back."
                    .to_owned(),
            ));
        }
        let (by, user) = (loggable(&identity.user), loggable(&errand.user));
        tracing::info!(%by, %user, errand = id, "a restore was taken back");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `GET /api/errands/{id}/content`: the bytes of the file to be written.
#[utoipa::path(get, path = "/errands/{id}/content", tag = "errands",
    params(("id" = i64, Path, description = "The errand")),
    summary = "The content of one's own errand, as the file that is to be written",
    description = "A notebook has the type application/x-ipynb+json.",
    responses((status = OK, content_type = "application/octet-stream", body = Vec<u8>)))]
async fn get_errand_content(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Response, AppError> {
    let Path(id) = id.map_err(|_| missing_errand())?;
    let user = identity.user;
    let (name, content) = blocking(move || {
        let found = state.errands.store().errand(id)?;
        let own = found.filter(|it| it.user == user && it.state != ErrandState::Retracted);
        let errand = own.ok_or_else(missing_errand)?;
        let content = content_of(&state, &errand)?;
        Ok((errand.filename, content))
    })
    .await?;
    let name = name.rsplit('/').next().unwrap_or_default();
    let media_type = match is_notebook(name) {
        true => "application/x-ipynb+json",
        false => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
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
    let is_pushed = state.class.copies().are_pushed(&copy.user);
    let filename = match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{}", with_suffix(name, suffix)),
        None => with_suffix(path, suffix),
    };
    RestoreDraft {
        user: copy.user.clone(),
        notebook: copy.filename.clone(),
        // Notebooks that the service reads itself are those of the default server.
        server: match is_pushed {
            true => server_of(&copy.filename).to_owned(),
            false => String::new(),
        },
        version,
        filename,
        size: bytes.len() as u64,
        sha256: sha256_hex(bytes),
    }
}

/// The path of a copy below the folder that its participant's server or this service writes into.
pub(super) fn path_in_home<'a>(state: &AppState, copy: &'a CopyId) -> &'a str {
    match state.class.copies().are_pushed(&copy.user) {
        true => path_on_server(&copy.filename),
        false => &copy.filename,
    }
}
