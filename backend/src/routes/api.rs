//! The notebooks, the wall and the tiles, for the page in the browser. The answers are
//! [`shared::wire`]'s.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::wire::{NotebooksResponse, PeopleResponse, Tile, TileResponse, WallResponse};
use utoipa::IntoParams;

use super::{
    error::AppError,
    extract::{LightReads, NotebookReads, Query, RateLimited, Viewer},
    json::{JSON_CONTENT, to_json},
};
use crate::{app::AppState, auth::Auth, class::CopyId, identity::Identity, time};

/// A copy: a notebook of a participant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TileQuery {
    /// The notebook's path below the participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The participant.
    user: String,
}

/// A notebook, of all participants.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WallQuery {
    /// The notebook's path below each participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    pub(super) filename: String,
}

/// `GET /api/notebooks`
#[utoipa::path(get, path = "/notebooks", tag = "class",
    summary = "The class's notebooks, or one's own",
    responses((status = OK, body = NotebooksResponse)))]
pub(super) async fn list_notebooks(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
) -> Json<NotebooksResponse> {
    let staff = match &state.auth {
        Auth::Hub(hub) => hub.client.staff(),
        Auth::Standalone { .. } => BTreeSet::new(),
    };
    let notebooks = state.class.notebooks(identity.confined_to(), &staff);
    Json(NotebooksResponse {
        now_ms: time::now_ms(),
        notebooks,
    })
}

/// `GET /api/people`
#[utoipa::path(get, path = "/people", tag = "class",
    summary = "Who is no participant, and the participants' groups of the Hub",
    responses((status = OK, body = PeopleResponse)))]
pub(super) async fn get_people(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
) -> Json<PeopleResponse> {
    let staff = match &state.auth {
        Auth::Hub(hub) => hub.client.staff_with_admins().await,
        Auth::Standalone { .. } => BTreeSet::new(),
    };
    let mut groups = state.errands.groups();
    for group in &mut groups {
        group.members.retain(|member| !staff.contains(member));
    }
    groups.retain(|group| !group.members.is_empty());
    Json(PeopleResponse {
        staff: staff.into_iter().collect(),
        groups,
    })
}

/// `GET /api/wall`
#[utoipa::path(get, path = "/wall", tag = "class", params(WallQuery),
    summary = "The last cells of every copy of one notebook",
    responses((status = OK, body = WallResponse)))]
pub(super) async fn get_wall(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<LightReads>,
    Query(query): Query<WallQuery>,
) -> Result<Response, AppError> {
    let WallQuery { filename } = query;
    // Before the files are read, so that the stream brings the saves made meanwhile.
    let cursor = state.store.journal_bounds().await?.newest;
    let (class, name) = (state.class.clone(), filename.clone());
    let answer = move |tiles: Vec<Tile>| {
        to_json(&WallResponse {
            filename,
            now_ms: time::now_ms(),
            cursor,
            tiles: tiles
                .into_iter()
                .map(|tile| with_save_problem(&state, tile))
                .collect(),
        })
    };
    let wall = class.wall_as(&name, identity.confined_to(), answer).await?;
    Ok((JSON_CONTENT, slot.hold(wall)).into_response())
}

/// `GET /api/tile`
#[utoipa::path(get, path = "/tile", tag = "class", params(TileQuery),
    summary = "The last cells of one copy",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_tile(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<LightReads>,
    Query(query): Query<TileQuery>,
) -> Result<Response, AppError> {
    let missing = query.missing();
    let key = query.copy_seen_by(&identity)?;
    let class = state.class.clone();
    let tile = class.tile_as(&key, move |tile| answer(&state, tile)).await;
    Ok((JSON_CONTENT, slot.hold(tile.ok_or(missing)??)).into_response())
}

/// `GET /api/notebook`
#[utoipa::path(get, path = "/notebook", tag = "class", params(TileQuery),
    summary = "All cells of one copy",
    responses((status = OK, body = TileResponse)))]
pub(super) async fn get_notebook(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<TileQuery>,
) -> Result<Response, AppError> {
    let missing = query.missing();
    let key = query.copy_seen_by(&identity)?;
    let class = state.class.clone();
    let tile = class.whole_as(&key, move |tile| answer(&state, tile)).await;
    Ok((JSON_CONTENT, slot.hold(tile.ok_or(missing)??)).into_response())
}

/// Everything else below `/api/`, signed in or not.
pub(super) async fn not_found(uri: Uri) -> AppError {
    AppError::NotFound(format!("There is no {} here.", uri.path()))
}

impl TileQuery {
    fn missing(&self) -> AppError {
        AppError::NotFound(format!("{} has no notebook {}.", self.user, self.filename))
    }

    /// The copy that is asked for, if `identity` may see it. The answer is else the same as for a
    /// missing notebook, so that participants do not learn which notebooks others have.
    fn copy_seen_by(self, identity: &Identity) -> Result<CopyId, AppError> {
        if !identity.may_see(&self.user) {
            return Err(self.missing());
        }
        Ok(CopyId {
            filename: self.filename,
            user: self.user,
        })
    }
}

/// A [`TileResponse`] as JSON.
fn answer(state: &AppState, tile: Tile) -> Result<Vec<u8>, AppError> {
    to_json(&TileResponse {
        now_ms: time::now_ms(),
        tile: with_save_problem(state, tile),
    })
}

/// The tile, marked with the reason why saves of its notebook fail, if they do.
fn with_save_problem(state: &AppState, tile: Tile) -> Tile {
    let key = CopyId {
        filename: tile.filename.clone(),
        user: tile.user.clone(),
    };
    Tile {
        save_problem: state.class.save_failures().problem(&key, Instant::now()),
        ..tile
    }
}
