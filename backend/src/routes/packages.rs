//! `/packages`: what participants can import, which the steward changes for the service.

use std::sync::Arc;

use axum::{
    Json,
    extract::{OriginalUri, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::{
    packages::{
        PackageEdit, PackageJob, PackageLogResponse, PackagePlace, PackagePlan, PackagesResponse,
    },
    requirement::Requirement,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::AppError,
    extract::{Instructor, JsonBody, LightReads, Query, RateLimited, Viewer, limit_body},
    page_or_list::{PageOrList, page_or_list},
    steward,
};
use crate::{
    app::AppState,
    steward::protocol::{PackageRequest, StewardReply, StewardRequest},
};

/// Largest request, in bytes: a list of requirements.
const MAX_EDIT_BYTES: usize = 64 << 10;

const NO_STEWARD: &str = "Packages cannot be changed here, since no steward runs. With \
                          configure(c, steward=True) the Hub starts one; docs/requirements.md says \
                          more.";

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_packages, change_packages))
        .routes(routes!(plan_packages))
        .routes(routes!(read_package_log))
        .routes(routes!(stop_packages))
        .layer(limit_body(MAX_EDIT_BYTES))
}

/// `GET /packages`
#[utoipa::path(get, path = "/packages", tag = "packages",
    summary = "What participants can import, and where it is installed",
    description = "A browser that opens this address gets the page.",
    responses((status = OK, body = PackagesResponse)))]
async fn list_packages(
    State(state): State<Arc<AppState>>,
    uri: OriginalUri,
    request: Request,
) -> Result<Response, AppError> {
    match page_or_list(&state, uri, request).await? {
        PageOrList::Page(page) => Ok(page),
        PageOrList::List { turn: _turn, .. } => list(&state).await.map(IntoResponse::into_response),
    }
}

async fn list(state: &AppState) -> Result<Json<PackagesResponse>, AppError> {
    if let Some(place) = &state.image {
        return Ok(Json(PackagesResponse {
            place: place.clone(),
            requirements: Vec::new(),
            problems: Vec::new(),
            installed: Vec::new(),
            job: None,
        }));
    }
    match ask(state, PackageRequest::List {}).await? {
        StewardReply::Packages(packages) => Ok(Json(packages)),
        _ => steward::unexpected(),
    }
}

/// `POST /packages/plan`
#[utoipa::path(post, path = "/packages/plan", tag = "packages",
    summary = "What a change would install, change and remove, or why it cannot be made",
    request_body = PackageEdit, responses((status = OK, body = PackagePlan)))]
async fn plan_packages(
    State(state): State<Arc<AppState>>,
    _: Instructor,
    _: RateLimited<LightReads>,
    JsonBody(edit): JsonBody<PackageEdit>,
) -> Result<Json<PackagePlan>, AppError> {
    check_edit(&state, &edit)?;
    match ask(&state, PackageRequest::Plan { edit }).await? {
        StewardReply::PackagePlan(plan) => Ok(Json(plan)),
        _ => steward::unexpected(),
    }
}

/// `POST /packages`
#[utoipa::path(post, path = "/packages", tag = "packages",
    summary = "Begin a change of what participants can import",
    description = "One change is made at a time. requirements.txt is written when it has worked; \
        what fails or is stopped leaves the environment as it was.",
    request_body = PackageEdit, responses((status = ACCEPTED, body = PackageJob)))]
async fn change_packages(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    JsonBody(edit): JsonBody<PackageEdit>,
) -> Result<(StatusCode, Json<PackageJob>), AppError> {
    check_edit(&state, &edit)?;
    let by = who.user;
    match ask(&state, PackageRequest::Start { by, edit }).await? {
        StewardReply::PackageJob(job) => Ok((StatusCode::ACCEPTED, Json(job))),
        _ => steward::unexpected(),
    }
}

/// Where in a log to read on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PackageLogQuery {
    /// The change whose log was read so far; the log of another begins at its first line.
    job: Option<u64>,
    /// The number of the first line that is wanted, from 0.
    #[serde(default)]
    from: usize,
}

/// `GET /packages/log`
#[utoipa::path(get, path = "/packages/log", tag = "packages", params(PackageLogQuery),
    summary = "The log of the change that is being made, or of the last one",
    responses((status = OK, body = PackageLogResponse)))]
async fn read_package_log(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
    Query(query): Query<PackageLogQuery>,
) -> Result<Json<PackageLogResponse>, AppError> {
    let PackageLogQuery { job, from } = query;
    match ask(&state, PackageRequest::Log { job, from }).await? {
        StewardReply::PackageLog(log) => Ok(Json(log)),
        _ => steward::unexpected(),
    }
}

/// The body of `POST /packages/stop`.
#[derive(Deserialize, ToSchema)]
struct StopPackagesRequest {
    /// The number of the change.
    job: u64,
}

/// `POST /packages/stop`
#[utoipa::path(post, path = "/packages/stop", tag = "packages",
    summary = "Stop the change that is being made; the environment stays as it was",
    request_body = StopPackagesRequest, responses((status = NO_CONTENT)))]
async fn stop_packages(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    JsonBody(StopPackagesRequest { job }): JsonBody<StopPackagesRequest>,
) -> Result<StatusCode, AppError> {
    let by = who.user;
    match ask(&state, PackageRequest::Stop { by, job }).await? {
        StewardReply::Done {} => Ok(StatusCode::NO_CONTENT),
        _ => steward::unexpected(),
    }
}

/// Refuses what the steward would refuse, with the status of a bad request.
fn check_edit(state: &AppState, edit: &PackageEdit) -> Result<(), AppError> {
    if let Some(PackagePlace::Image { .. }) = &state.image {
        return Err(AppError::Conflict(
            "Participants' servers are containers: packages go into their image, and cannot be \
             installed from here."
                .to_owned(),
        ));
    }
    for text in &edit.add {
        Requirement::parse(text).map_err(|error| {
            let shown: String = text.chars().take(80).collect();
            AppError::BadRequest(format!("{shown:?} cannot be installed: {error}."))
        })?;
    }
    Ok(())
}

async fn ask(state: &AppState, request: PackageRequest) -> Result<StewardReply, AppError> {
    let request = StewardRequest::Packages { request };
    match steward::ask(&state.package_steward, &request, NO_STEWARD).await? {
        StewardReply::NoEnvironment {} => Err(AppError::Conflict(
            "The steward is told no environment of participants' servers: name its folder with \
             --environment, as in configure(c, steward={'environment': '/opt/participants'}). The \
             Hub's own is never taken."
                .to_owned(),
        )),
        answer => Ok(answer),
    }
}
