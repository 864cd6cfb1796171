//! `GET /api/build`: the version and address of an export or a summary, without its bytes: for
//! pages that show one and ask whether there is a newer one.

use std::{os::unix::fs::MetadataExt, sync::Arc};

use axum::{Json, extract::State};
use serde::Deserialize;
use shared::wire::BuiltVersion;
use utoipa::IntoParams;

use super::super::{
    error::AppError,
    extract::{Participant, Query},
};
use super::{builds_of, encoded, etag, may_see, missing, open};
use crate::{app::AppState, class::CopyId, time};

/// An export, or a summary.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BuiltVersionQuery {
    /// The notebook's path below the participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The participant whose export it is; without, it is the summary of everyone's.
    user: Option<String>,
}

/// `GET /api/build`
#[utoipa::path(get, path = "/build", tag = "builds", params(BuiltVersionQuery),
    summary = "Which version of an export or a summary there is, and where",
    responses((status = OK, body = BuiltVersion)))]
pub(super) async fn get_built_version(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    Query(query): Query<BuiltVersionQuery>,
) -> Result<Json<BuiltVersion>, AppError> {
    let BuiltVersionQuery { filename, user } = query;
    // The same answer whether it is not there or not for this participant.
    if !may_see(&state, &identity, &filename, user.as_deref()) {
        return Err(missing());
    }
    let builds = builds_of(&state)?;
    let place = match user {
        Some(user) => {
            let key = CopyId { filename, user };
            let why = || builds.note(&key).map_or_else(missing, AppError::NotFound);
            builds.export_place(&key).ok_or_else(why)?
        }
        None => builds.summary_place(&filename).ok_or_else(missing)?,
    };
    let (_, metadata) = open(&state, &place).await?;
    Ok(Json(BuiltVersion {
        now_ms: time::now_ms(),
        version: etag(&metadata),
        built_at_ms: metadata.ctime() * 1_000 + metadata.ctime_nsec() / 1_000_000,
        address: format!("build/{}", encoded(&place)),
    }))
}
