//! `/api/sharing`: the notebooks and summaries that instructors share with participants; and
//! `/api/about`: the data that the service keeps of participants.

use std::sync::Arc;

use axum::{Json, extract::State};
use shared::sharing::{
    AboutResponse, FollowRequest, FollowedNotebook, ShareSummaryRequest, SharingResponse,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::blocking,
    error::AppError,
    extract::{Instructor, JsonBody, Participant},
};
use crate::{app::AppState, class::CopyId, telemetry::loggable};

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(get_sharing))
        .routes(routes!(put_followed))
        .routes(routes!(put_summary))
        .routes(routes!(get_about))
}

/// `GET /api/sharing`
#[utoipa::path(get, path = "/sharing", tag = "sharing",
    summary = "What participants may see beyond what is their own",
    responses((status = OK, body = SharingResponse)))]
async fn get_sharing(State(state): State<Arc<AppState>>, _: Participant) -> Json<SharingResponse> {
    Json(state.sharing.current())
}

/// `PUT /api/sharing/followed`
#[utoipa::path(put, path = "/sharing/followed", tag = "sharing", request_body = FollowRequest,
    summary = "Let participants follow a notebook of one's own, or none",
    responses((status = OK, body = SharingResponse)))]
async fn put_followed(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    JsonBody(FollowRequest { filename }): JsonBody<FollowRequest>,
) -> Result<Json<SharingResponse>, AppError> {
    let user = identity.user;
    let by = loggable(&user).to_string();
    if let Some(filename) = filename.clone() {
        let missing = AppError::NotFound(format!("You have no notebook {filename}."));
        let user = user.clone();
        let key = CopyId { filename, user };
        let there = state.class.with_notebook(&key, |_| ()).await?;
        there.ok_or(missing)?;
    }
    let followed = filename.map(|filename| FollowedNotebook { user, filename });
    let sharing = blocking(move || state.sharing.follow(followed).map_err(not_written)).await?;
    let is_followed = sharing.followed.is_some();
    tracing::info!(by, is_followed, "what participants follow was set");
    Ok(Json(sharing))
}

/// `PUT /api/sharing/summary`
#[utoipa::path(put, path = "/sharing/summary", tag = "sharing",
    request_body = ShareSummaryRequest,
    summary = "Let participants read the summary of everyone's copies of a notebook, or not",
    responses((status = OK, body = SharingResponse)))]
async fn put_summary(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    JsonBody(request): JsonBody<ShareSummaryRequest>,
) -> Result<Json<SharingResponse>, AppError> {
    let by = loggable(&identity.user).to_string();
    let ShareSummaryRequest { filename, shared } = request;
    let sharing = blocking(move || {
        // The sharing of a notebook that is gone can be ended all the same.
        if shared
            && !state
                .class
                .copy_ids()
                .iter()
                .any(|key| key.filename == filename)
        {
            return Err(AppError::NotFound(format!(
                "Nobody has a notebook {filename}."
            )));
        }
        let sharing = state.sharing.share_summary(&filename, shared);
        sharing.map_err(not_written)
    })
    .await?;
    tracing::info!(by, shared, "sharing of a summary was set");
    Ok(Json(sharing))
}

/// `GET /api/about`
#[utoipa::path(get, path = "/about", tag = "sharing",
    summary = "What is kept of participants, and for how long",
    responses((status = OK, body = AboutResponse)))]
async fn get_about(State(state): State<Arc<AppState>>, _: Participant) -> Json<AboutResponse> {
    Json(state.about.clone())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn not_written(error: std::io::Error) -> AppError {
    AppError::Unavailable {
        message: "What is shared cannot be changed right now; try again in a moment.",
        cause: error.to_string(),
    }
}
