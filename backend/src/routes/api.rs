//! What the page in the browser asks for. The answers are [`shared::wire`]'s.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::Uri,
};
use serde::Deserialize;
use shared::wire::{NotebooksResponse, Tile, TileResponse, WallResponse};
use utoipa::IntoParams;

use crate::{
    app::AppState,
    auth::Participant,
    class::{Class, Key},
    error::AppError,
    time,
};

/// Whose copy of which notebook.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TileQuery {
    /// The notebook's path below the participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The participant.
    user: String,
}

/// Which notebook.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WallQuery {
    /// The notebook's path below each participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
}

/// `GET /api/notebooks`
#[utoipa::path(get, path = "/notebooks", tag = "class",
    summary = "The class's notebooks, or one's own",
    responses((status = OK, body = NotebooksResponse)))]
pub(super) async fn list_notebooks(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
) -> Json<NotebooksResponse> {
    let notebooks = state.class.notebooks(identity.confined_to());
    Json(NotebooksResponse {
        now_ms: time::now_ms(),
        notebooks,
    })
}

/// `GET /api/wall`
#[utoipa::path(get, path = "/wall", tag = "class", params(WallQuery),
    summary = "The last cells of every copy of one notebook",
    responses((status = OK, body = WallResponse)))]
pub(super) async fn get_wall(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    query: Result<Query<WallQuery>, QueryRejection>,
) -> Result<Json<WallResponse>, AppError> {
    let Query(WallQuery { filename }) = query?;
    // Before the files are read: what is saved meanwhile comes through the stream.
    let cursor = state.store.journal_bounds().await?.newest;
    let name = filename.clone();
    let tiles = read(&state, move |class| {
        class.wall(&name, identity.confined_to())
    })
    .await?;
    Ok(Json(WallResponse {
        filename,
        now_ms: time::now_ms(),
        cursor,
        tiles,
    }))
}

/// `GET /api/tile`
#[utoipa::path(get, path = "/tile", tag = "class", params(TileQuery),
    summary = "The last cells of one copy",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_tile(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    query: Result<Query<TileQuery>, QueryRejection>,
) -> Result<Json<TileResponse>, AppError> {
    let Query(query) = query?;
    one(&state, identity.may_see(&query.user), query, Class::tile).await
}

/// `GET /api/notebook`
#[utoipa::path(get, path = "/notebook", tag = "class", params(TileQuery),
    summary = "All cells of one copy",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_notebook(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    query: Result<Query<TileQuery>, QueryRejection>,
) -> Result<Json<TileResponse>, AppError> {
    let Query(query) = query?;
    one(&state, identity.may_see(&query.user), query, Class::whole).await
}

/// Everything else below `/api/`, signed in or not.
pub(super) async fn not_found(uri: Uri) -> AppError {
    AppError::NotFound(format!("There is no {} here.", uri.path()))
}

async fn one(
    state: &AppState,
    may_see: bool,
    query: TileQuery,
    look: fn(&Class, &Key) -> Option<Tile>,
) -> Result<Json<TileResponse>, AppError> {
    let missing = AppError::NotFound(format!(
        "{} has no notebook {}.",
        query.user, query.filename
    ));
    // The same answer as for a notebook that is not there: who has which notebook is
    // not for other participants to know.
    if !may_see {
        return Err(missing);
    }
    let key = Key {
        filename: query.filename,
        user: query.user,
    };
    let tile = read(state, move |class| look(class, &key))
        .await?
        .ok_or(missing)?;
    Ok(Json(TileResponse {
        now_ms: time::now_ms(),
        tile,
    }))
}

/// Runs `look` where reading files delays nobody else.
async fn read<T: Send + 'static>(
    state: &AppState,
    look: impl FnOnce(&Class) -> T + Send + 'static,
) -> Result<T, AppError> {
    let class = Arc::clone(&state.class);
    tokio::task::spawn_blocking(move || look(&class))
        .await
        .map_err(AppError::internal)
}
