//! `/api/history`: the versions of a notebook, their differences, and restoring one.
//!
//! A participant sees the versions of their own copies, an instructor or a helper everyone's. The
//! answer is the same for a version that the requester may not see, for one that is not kept and
//! for one of another notebook. Only an instructor writes into the home of another.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use shared::{
    errands::{ErrandState, RestorePending},
    notebook::Notebook,
    prepare, render,
    sanitize::Ammonia,
    wire::{
        DiffResponse, HistoryResponse, RestoreRequest, RestoreResponse, Tile, VersionResponse,
        VersionSummary,
    },
};

use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::{blocking, in_lane_of},
    errands::{can_write_home, listed_restores, restore_draft},
    error::AppError,
    extract::{JsonBody, NotebookReads, Participant, Query, RateLimited},
    json::{JSON_CONTENT, to_json},
};
use crate::{
    app::AppState,
    class::CopyId,
    copies::{path_on_server, server_of},
    history::{HistoryStore, Version, difference},
    homes::CreateError,
    identity::Identity,
    lanes::PersonLanes,
    telemetry::loggable,
    text::attachment,
    time,
};

/// Most versions in one list.
const MAX_LISTED_VERSIONS: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_versions))
        .routes(routes!(get_version))
        .routes(routes!(download_version))
        .routes(routes!(get_difference))
        .routes(routes!(get_changes))
        .routes(routes!(restore_version))
}

/// A copy, and where in the list of its versions to go on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionsQuery {
    /// The participant.
    user: String,
    /// The notebook's path below their home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// Only versions before this one.
    before: Option<i64>,
}

/// One version of a copy.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// The participant.
    user: String,
    /// The notebook's path below their home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The version's number.
    version: i64,
}

/// A version of a copy, and the one to compare it with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The participant.
    user: String,
    /// The notebook's path below their home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The version's number.
    version: i64,
    /// The version to compare it with; the one before, when it is not given.
    from: Option<i64>,
    /// Compares it with the handout that the notebook is a copy of instead.
    #[serde(default)]
    handout: bool,
}

/// The versions of one copy, which the requester may see.
struct CopyHistory {
    store: Arc<dyn HistoryStore>,
    key: CopyId,
}

impl CopyHistory {
    /// Refuses with 404 a copy that `identity` may not see.
    fn of(
        state: &AppState,
        identity: &Identity,
        user: String,
        filename: String,
    ) -> Result<Self, AppError> {
        let store = state.history.as_ref().ok_or_else(|| {
            AppError::NotFound("No versions are kept here: history is switched off.".to_owned())
        })?;
        if !identity.may_see(&user) {
            return Err(missing(&user, &filename));
        }
        Ok(Self {
            store: Arc::clone(store),
            key: CopyId { filename, user },
        })
    }

    fn version(&self, id: i64) -> Result<Version, AppError> {
        let found = self.store.version(&self.key, id)?;
        found.ok_or_else(|| missing(&self.key.user, &self.key.filename))
    }

    fn bytes(&self, id: i64) -> Result<Vec<u8>, AppError> {
        let found = self.store.bytes(&self.key, id)?;
        found.ok_or_else(|| missing(&self.key.user, &self.key.filename))
    }

    fn length(&self, id: i64) -> Result<u64, AppError> {
        let found = self.store.length(&self.key, id)?;
        found.ok_or_else(|| missing(&self.key.user, &self.key.filename))
    }

    /// The result of `look` on a version, in a turn when the version is large.
    fn with_notebook<T>(
        &self,
        id: i64,
        lanes: &PersonLanes,
        look: impl FnOnce(&Notebook) -> T,
    ) -> Result<T, AppError> {
        // Before the bytes are read, so that no large file is in memory while it waits for its
        // turn.
        let _turn = lanes.turn(self.length(id)?);
        let bytes = self.bytes(id)?;
        let parsed = Notebook::parse(&bytes).map_err(AppError::internal)?;
        Ok(look(&parsed.notebook))
    }

    fn before(&self, id: i64) -> Result<Option<Version>, AppError> {
        Ok(self.store.versions(&self.key, Some(id), 1)?.pop())
    }
}

/// The handout that a notebook is a copy of, and its bytes.
fn handout_of(state: &AppState, copy: &CopyId) -> Result<Option<(i64, u64)>, AppError> {
    let (server, path) = (server_of(&copy.filename), path_on_server(&copy.filename));
    Ok(state.errands.store().handout_at(&copy.user, server, path)?)
}

fn no_handout(copy: &CopyId) -> AppError {
    AppError::NotFound(format!(
        "{}'s {} is no copy of a handout, or that was taken back.",
        copy.user, copy.filename
    ))
}

fn missing(user: &str, filename: &str) -> AppError {
    AppError::NotFound(format!("No such version of {user}'s {filename} is kept."))
}

/// `GET /api/history`
#[utoipa::path(get, path = "/history", tag = "history", params(VersionsQuery),
    summary = "The versions of a notebook, newest first",
    responses((status = OK, body = HistoryResponse)))]
async fn list_versions(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<HistoryResponse>, AppError> {
    let history = CopyHistory::of(&state, &identity, query.user, query.filename)?;
    let (mut versions, note, restores, handout) = blocking(move || {
        let versions =
            history
                .store
                .versions(&history.key, query.before, MAX_LISTED_VERSIONS + 1)?;
        let restores = match query.before {
            Some(_) => Vec::new(),
            None => listed_restores(&state, &history.key)?,
        };
        let handout = handout_of(&state, &history.key)?.map(|(id, _)| id);
        let note = history.store.note(&history.key.user);
        Ok((versions, note, restores, handout))
    })
    .await?;
    let more = versions.len() > MAX_LISTED_VERSIONS;
    versions.truncate(MAX_LISTED_VERSIONS);
    Ok(Json(HistoryResponse {
        now_ms: time::now_ms(),
        versions: versions.into_iter().map(summary).collect(),
        more,
        note,
        restores,
        handout,
    }))
}

/// `GET /api/history/version`
#[utoipa::path(get, path = "/history/version", tag = "history", params(VersionQuery),
    summary = "One version, ready to render",
    responses((status = OK, body = VersionResponse)))]
async fn get_version(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let history = CopyHistory::of(&state, &identity, query.user, query.filename)?;
    let owner = history.key.user.clone();
    let response = in_lane_of(&state, &owner, move |lanes| {
        let version = history.version(query.version)?;
        let newer = history.store.next(&history.key, version.id)?;
        let tile = |notebook: &Notebook| tile(&history.key, version, notebook);
        to_json(&VersionResponse {
            now_ms: time::now_ms(),
            version: summary(version),
            older: history.before(version.id)?.map(|version| version.id),
            newer: newer.map(|version| version.id),
            tile: history.with_notebook(version.id, lanes, tile)?,
        })
    });
    Ok((JSON_CONTENT, slot.hold(response.await?)).into_response())
}

fn tile(key: &CopyId, version: Version, notebook: &Notebook) -> Tile {
    Tile {
        user: key.user.clone(),
        filename: key.filename.clone(),
        saved_at_ms: version.saved_at_ms,
        total_cells: notebook.len(),
        ends_in_error: notebook.ends_in_error(),
        cells: prepare::cells(notebook, 0, &Ammonia),
        problem: None,
        save_problem: None,
        home_problem: None,
    }
}

/// `GET /api/history/download`: the file as it was.
#[utoipa::path(get, path = "/history/download", tag = "history", params(VersionQuery),
    summary = "One version as a file",
    responses((status = OK, body = Object, content_type = "application/x-ipynb+json")))]
async fn download_version(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let history = CopyHistory::of(&state, &identity, query.user, query.filename)?;
    let owner = history.key.user.clone();
    let (name, bytes) = in_lane_of(&state, &owner, move |lanes| {
        let version = history.version(query.version)?;
        let _turn = lanes.turn(history.length(version.id)?);
        let stem = stem(&history.key.filename);
        let name = format!("{stem}-{}.ipynb", clock_text(version.saved_at_ms));
        Ok((name, history.bytes(version.id)?))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-ipynb+json".to_owned()),
        (header::CONTENT_DISPOSITION, attachment(&name)),
    ];
    Ok((headers, slot.hold(bytes)).into_response())
}

/// `GET /api/history/diff`
#[utoipa::path(get, path = "/history/diff", tag = "history", params(DiffQuery),
    summary = "What is different between two versions, cell by cell",
    responses((status = OK, body = DiffResponse)))]
async fn get_difference(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<DiffQuery>,
) -> Result<Response, AppError> {
    let diff = compare(&state, &identity, query, |diff| to_json(&diff)).await?;
    Ok((JSON_CONTENT, slot.hold(diff)).into_response())
}

/// `GET /api/history/changes`: the same as a fragment of HTML, so that the page need not hold
/// the code that makes it.
#[utoipa::path(get, path = "/history/changes", tag = "history", params(DiffQuery),
    summary = "What is different between two versions, as a fragment of HTML",
    responses((status = OK, body = String, content_type = "text/html")))]
async fn get_changes(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<DiffQuery>,
) -> Result<Response, AppError> {
    let html = |diff| Ok(render::changes(&diff).into_string().into_bytes());
    let html = compare(&state, &identity, query, html).await?;
    Ok(Html(slot.hold(html)).into_response())
}

/// The result of `answer` on the difference of two versions.
async fn compare(
    state: &AppState,
    identity: &Identity,
    query: DiffQuery,
    answer: impl FnOnce(DiffResponse) -> Result<Vec<u8>, AppError> + Send + 'static,
) -> Result<Vec<u8>, AppError> {
    let history = CopyHistory::of(state, identity, query.user, query.filename)?;
    let owner = history.key.user.clone();
    let errands = Arc::clone(&state.errands);
    let handout = match query.handout {
        true => Some(handout_of(state, &history.key)?.ok_or_else(|| no_handout(&history.key))?),
        false => None,
    };
    in_lane_of(state, &owner, move |lanes| {
        let to = history.version(query.version)?;
        let from = match (handout, query.from) {
            (Some(_), _) => None,
            (None, Some(from)) => Some(history.version(from)?),
            (None, None) => history.before(to.id)?,
        };
        let before = match (handout, from) {
            (Some((_, bytes)), _) => bytes,
            (None, from) => from.map_or(Ok(0), |from| history.length(from.id))?,
        };
        let _turn = lanes.turn(history.length(to.id)? + before);
        let new = history.bytes(to.id)?;
        let old = match handout {
            Some((id, _)) => {
                let content = errands.store().content(id)?;
                Some(content.ok_or_else(|| no_handout(&history.key))?)
            }
            None => from.map(|from| history.bytes(from.id)).transpose()?,
        };
        let parse = |bytes: &[u8]| {
            let parsed = Notebook::parse(bytes).map_err(AppError::internal)?;
            Ok::<_, AppError>(parsed.notebook)
        };
        let old = old.as_deref().map(parse).transpose()?.unwrap_or_default();
        let (cells, more) = difference(&old, &parse(&new)?);
        answer(DiffResponse {
            from: from.map(summary),
            handout: handout.map(|(id, _)| id),
            to: summary(to),
            cells,
            more,
        })
    })
    .await
}

/// `POST /api/history/restore`: 201 with the name of the new file; 202 where the participant's
/// own server writes it, once it runs.
#[utoipa::path(post, path = "/history/restore", tag = "history",
    request_body = RestoreRequest,
    summary = "Write a version into a new file beside the notebook",
    responses((status = CREATED, body = RestoreResponse),
        (status = ACCEPTED, body = RestorePending,
            description = "The participant's server writes it as soon as it runs; \
                `GET /api/errands/{id}` tells when that is done.")))]
async fn restore_version(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    JsonBody(request): JsonBody<RestoreRequest>,
) -> Result<Response, AppError> {
    let homes = state.class.copies().homes();
    let home = homes.and_then(|homes| homes.home_of(&request.user));
    let history = CopyHistory::of(&state, &identity, request.user, request.filename)?;
    // After that, so that a participant does not learn here of copies that they may not see.
    if !identity.may_change(&history.key.user) {
        return Err(AppError::Forbidden(format!(
            "Only {} and instructors may restore this; you may download it.",
            history.key.user
        )));
    }
    let home = match can_write_home(&state, &history.key.user).await? {
        true => Some(home.ok_or_else(|| missing(&history.key.user, &history.key.filename))?),
        false => None,
    };
    let by = identity.user;
    state.limits.restore(&history.key.user)?;
    let owner = history.key.user.clone();
    let shared = Arc::clone(&state);
    in_lane_of(&state, &owner, move |_| {
        let version = history.version(request.version)?;
        let suffix = format!("-restored-{}", clock_text(version.saved_at_ms));
        let bytes = history.bytes(version.id)?;
        shared
            .limits
            .restore_bytes(&history.key.user, bytes.len())?;
        let Some(home) = home else {
            let draft = restore_draft(&shared, &history.key, version.id, &suffix, &bytes);
            let errand = shared.errands.restore(&draft)?;
            tracing::info!(
                by = %loggable(&by),
                user = %loggable(&history.key.user),
                filename = %loggable(&draft.filename),
                errand,
                "a version is to be restored"
            );
            let state = ErrandState::Pending;
            let answer = Json(RestorePending { errand, state });
            return Ok((StatusCode::ACCEPTED, answer).into_response());
        };
        let home = home.open().map_err(CreateError::from)?;
        let filename = home.create_beside(&history.key.filename, &suffix, &bytes)?;
        tracing::info!(
            by = %loggable(&by),
            user = %loggable(&history.key.user),
            filename = %loggable(&filename),
            "a version was restored"
        );
        let answer = Json(RestoreResponse { filename });
        Ok((StatusCode::CREATED, answer).into_response())
    })
    .await
}

fn summary(version: Version) -> VersionSummary {
    VersionSummary {
        version: version.id,
        saved_at_ms: version.saved_at_ms,
        cells: version.cells,
        added: version.counts.added,
        changed: version.counts.changed,
        removed: version.counts.removed,
    }
}

/// The time of a version's save as part of a filename: `20261124T140312Z`.
fn clock_text(saved_at_ms: i64) -> String {
    let saved = Timestamp::from_millisecond(saved_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    saved.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The name of a notebook without its folders and its ending.
fn stem(filename: &str) -> &str {
    let name = filename.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".ipynb").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_file_is_named_after_the_notebook_and_the_time() {
        assert_eq!(clock_text(1_795_529_000_123), "20261124T140320Z");
        assert_eq!(stem("m1/day 1.ipynb"), "day 1");
    }
}
