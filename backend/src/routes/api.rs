//! What the page in the browser asks for. The answers are [`shared::wire`]'s.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::Uri,
};
use serde::Deserialize;
use shared::wire::{NotebooksResponse, Tile, TileResponse, WallResponse};

use crate::{
    app::AppState,
    auth::Participant,
    class::{Class, Key},
    error::AppError,
    time,
};

/// Whose copy of which notebook.
#[derive(Deserialize)]
pub(super) struct TileQuery {
    filename: String,
    user: String,
}

/// Which notebook.
#[derive(Deserialize)]
pub(super) struct WallQuery {
    filename: String,
}

/// `GET /api/notebooks`
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
pub(super) async fn get_tile(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    query: Result<Query<TileQuery>, QueryRejection>,
) -> Result<Json<TileResponse>, AppError> {
    let Query(query) = query?;
    one(&state, identity.may_see(&query.user), query, Class::tile).await
}

/// `GET /api/notebook`
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
