//! `/api/history`: what a notebook was before, and getting it back.
//!
//! A participant asks for their own, an instructor or a helper for everyone's. What is not
//! theirs to see, what is not kept and what is of another notebook get the same answer.
//! Only an instructor writes into the home of another.

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
    aside::{JSON, aside, json, read_of},
    error::AppError,
    extract::{JsonBody, Participant, Query, RateLimited, Reads},
};
use crate::{
    app::AppState,
    class::CopyId,
    history::{HistoryStore, Version, difference},
    homes::CreateError,
    identity::Identity,
    lanes::Lanes,
    telemetry::loggable,
    text::attachment,
    time,
};

/// How many versions are listed at once.
const PAGE: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_versions))
        .routes(routes!(get_version))
        .routes(routes!(download_version))
        .routes(routes!(get_difference))
        .routes(routes!(get_changes))
        .routes(routes!(restore_version))
}

/// Whose notebook, and which.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NotebookQuery {
    /// The participant.
    user: String,
    /// The notebook's path below their home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// Only versions before this one.
    before: Option<i64>,
}

/// The same and which version.
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
    /// The version to compare it with; the one before, when it is not given.
    from: Option<i64>,
}

/// A notebook that the asker may see the past of, and where that is kept.
struct Asked {
    store: Arc<dyn HistoryStore>,
    key: CopyId,
}

impl Asked {
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

    /// What `look` makes of a version, in a turn when it is large.
    fn with_notebook<T>(
        &self,
        id: i64,
        lanes: &Lanes,
        look: impl FnOnce(&Notebook) -> T,
    ) -> Result<T, AppError> {
        // Nobody waits for a turn with a large file in hand.
        let _turn = lanes.turn(self.length(id)?);
        let bytes = self.bytes(id)?;
        let parsed = Notebook::parse(&bytes).map_err(AppError::internal)?;
        Ok(look(&parsed.notebook))
    }

    fn before(&self, id: i64) -> Result<Option<Version>, AppError> {
        Ok(self.store.versions(&self.key, Some(id), 1)?.pop())
    }
}

fn missing(user: &str, filename: &str) -> AppError {
    AppError::NotFound(format!("No such version of {user}'s {filename} is kept."))
}

/// `GET /api/history`
#[utoipa::path(get, path = "/history", tag = "history", params(NotebookQuery),
    summary = "The versions of a notebook, newest first",
    responses((status = OK, body = HistoryResponse)))]
async fn list_versions(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    Query(query): Query<NotebookQuery>,
) -> Result<Json<HistoryResponse>, AppError> {
    let asked = Asked::of(&state, &identity, query.user, query.filename)?;
    let (mut versions, note) = aside(move || {
        let versions = asked.store.versions(&asked.key, query.before, PAGE + 1)?;
        Ok((versions, asked.store.note(&asked.key.user)))
    })
    .await?;
    let more = versions.len() > PAGE;
    versions.truncate(PAGE);
    Ok(Json(HistoryResponse {
        now_ms: time::now_ms(),
        versions: versions.into_iter().map(summary).collect(),
        more,
        note,
    }))
}

/// `GET /api/history/version`
#[utoipa::path(get, path = "/history/version", tag = "history", params(VersionQuery),
    summary = "One version, ready to render",
    responses((status = OK, body = VersionResponse)))]
async fn get_version(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, pass, .. }: RateLimited<Reads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let asked = Asked::of(&state, &identity, query.user, query.filename)?;
    let owner = asked.key.user.clone();
    let response = read_of(&state, &owner, move |lanes| {
        let version = asked.version(query.version)?;
        let newer = asked.store.next(&asked.key, version.id)?;
        let tile = |notebook: &Notebook| tile(&asked.key, version, notebook);
        json(&VersionResponse {
            now_ms: time::now_ms(),
            version: summary(version),
            older: asked.before(version.id)?.map(|version| version.id),
            newer: newer.map(|version| version.id),
            tile: asked.with_notebook(version.id, lanes, tile)?,
        })
    });
    Ok((JSON, pass.hold(response.await?)).into_response())
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
    RateLimited { identity, pass, .. }: RateLimited<Reads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let asked = Asked::of(&state, &identity, query.user, query.filename)?;
    let owner = asked.key.user.clone();
    let (name, bytes) = read_of(&state, &owner, move |lanes| {
        let version = asked.version(query.version)?;
        let _turn = lanes.turn(asked.length(version.id)?);
        let stem = stem(&asked.key.filename);
        let name = format!("{stem}-{}.ipynb", clock_text(version.saved_at_ms));
        Ok((name, asked.bytes(version.id)?))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-ipynb+json".to_owned()),
        (header::CONTENT_DISPOSITION, attachment(&name)),
    ];
    Ok((headers, pass.hold(bytes)).into_response())
}

/// `GET /api/history/diff`
#[utoipa::path(get, path = "/history/diff", tag = "history", params(VersionQuery),
    summary = "What is different between two versions, cell by cell",
    responses((status = OK, body = DiffResponse)))]
async fn get_difference(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, pass, .. }: RateLimited<Reads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let diff = compare(&state, &identity, query, |diff| json(&diff)).await?;
    Ok((JSON, pass.hold(diff)).into_response())
}

/// `GET /api/history/changes`: the same as a fragment of HTML, for the page, which so need
/// not hold what makes it.
#[utoipa::path(get, path = "/history/changes", tag = "history", params(VersionQuery),
    summary = "What is different between two versions, as a fragment of HTML",
    responses((status = OK, body = String, content_type = "text/html")))]
async fn get_changes(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, pass, .. }: RateLimited<Reads>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, AppError> {
    let html = |diff| Ok(render::changes(&diff).into_string().into_bytes());
    let html = compare(&state, &identity, query, html).await?;
    Ok(Html(pass.hold(html)).into_response())
}

/// What `answer` makes of the difference.
async fn compare(
    state: &AppState,
    identity: &Identity,
    query: VersionQuery,
    answer: impl FnOnce(DiffResponse) -> Result<Vec<u8>, AppError> + Send + 'static,
) -> Result<Vec<u8>, AppError> {
    let asked = Asked::of(state, identity, query.user, query.filename)?;
    let owner = asked.key.user.clone();
    read_of(state, &owner, move |lanes| {
        let to = asked.version(query.version)?;
        let from = match query.from {
            Some(from) => Some(asked.version(from)?),
            None => asked.before(to.id)?,
        };
        let before = from.map(|from| asked.length(from.id)).transpose()?;
        let _turn = lanes.turn(asked.length(to.id)? + before.unwrap_or(0));
        let new = asked.bytes(to.id)?;
        let old = from.map(|from| asked.bytes(from.id)).transpose()?;
        let parse = |bytes: &[u8]| {
            let parsed = Notebook::parse(bytes).map_err(AppError::internal)?;
            Ok::<_, AppError>(parsed.notebook)
        };
        let old = old.as_deref().map(parse).transpose()?.unwrap_or_default();
        let (cells, more) = difference(&old, &parse(&new)?);
        answer(DiffResponse {
            from: from.map(summary),
            to: summary(to),
            cells,
            more,
        })
    })
    .await
}

/// `POST /api/history/restore`: 201 with the name of the new file.
#[utoipa::path(post, path = "/history/restore", tag = "history",
    request_body = RestoreRequest,
    summary = "Write a version into a new file beside the notebook",
    responses((status = CREATED, body = RestoreResponse)))]
async fn restore_version(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    JsonBody(request): JsonBody<RestoreRequest>,
) -> Result<(StatusCode, Json<RestoreResponse>), AppError> {
    let homes = state.class.copies().homes();
    let home = homes.and_then(|homes| homes.home_of(&request.user));
    let asked = Asked::of(&state, &identity, request.user, request.filename)?;
    // After that, so that nobody learns here what they may not see.
    if !identity.may_change(&asked.key.user) {
        return Err(AppError::Forbidden(format!(
            "Only {} and instructors may restore this; you may download it.",
            asked.key.user
        )));
    }
    let home = home.ok_or_else(|| missing(&asked.key.user, &asked.key.filename))?;
    let by = identity.user;
    state.limits.restore(&asked.key.user)?;
    let owner = asked.key.user.clone();
    let limits = Arc::clone(&state);
    let filename = read_of(&state, &owner, move |_| {
        let version = asked.version(request.version)?;
        let suffix = format!("-restored-{}", clock_text(version.saved_at_ms));
        let bytes = asked.bytes(version.id)?;
        limits.limits.restore_of(&asked.key.user, bytes.len())?;
        let home = home.open().map_err(CreateError::from)?;
        let filename = home.create_beside(&asked.key.filename, &suffix, &bytes)?;
        tracing::info!(
            by = %loggable(&by),
            user = %loggable(&asked.key.user),
            filename = %loggable(&filename),
            "a version was restored"
        );
        Ok(filename)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(RestoreResponse { filename })))
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

/// `20261124T140312Z`: when a version was saved, as part of a file's name.
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
    fn copies_are_named_after_the_notebook_and_the_time() {
        assert_eq!(clock_text(1_795_529_000_123), "20261124T140320Z");
        assert_eq!(stem("m1/day 1.ipynb"), "day 1");
    }
}
