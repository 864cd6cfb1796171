//! `/build/`: the files built from notebooks. Instructors and helpers see all of them;
//! participants see those of their own notebooks and the summaries that are shared with them,
//! and get 404 for the others.
//!
//! A path is looked up in the builder's catalogue and never on the disk. A file made of a
//! notebook comes with a policy that gives it an origin of its own and lets it run nothing and
//! load nothing.

mod listing;
mod version;

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use futures::stream;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::AppError,
    extract::{PageVisitor, Query, Viewer},
    output::is_for_a_frame,
    rights_check::RightsCheck,
};
use crate::{
    app::AppState,
    auth::Authenticated,
    builds::{Archive, Builds, BuiltFile, BuiltFileKind},
    identity::Identity,
    text::{attachment, percent_encoded},
};

/// The policy of every file derived from a notebook.
const BUILD_POLICY: &str =
    "sandbox; default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'";
/// The same for a frame of the service's own page, which reads the scroll position of the frame
/// and lets links open other pages. No script runs in it either.
const FRAMED_BUILD_POLICY: &str = "sandbox allow-same-origin allow-popups \
                             allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; media-src data:; \
                             style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                             frame-ancestors 'self'";
/// Lets only the requester's browser keep the answer, and makes it ask each time.
const REVALIDATE: (HeaderName, &str) = (header::CACHE_CONTROL, "private, no-cache");
/// The part of a file that is in memory while the file is sent.
const CHUNK_BYTES: usize = 64 << 10;

/// The routes whose answers are worth compressing.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(redirect_to_slash))
        .routes(routes!(get_builds))
        .routes(routes!(get_build))
}

/// The route whose answer is compressed already.
pub(super) fn archive_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(get_archive))
}

/// The routes below `/api`.
pub(super) fn api_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(version::get_built_version))
}

/// A notebook whose summary the requester wants without knowing its address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SummaryLinkQuery {
    /// The notebook's path below the homes; leads on to its summary.
    notebook: Option<String>,
}

/// The use of a built file.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BuildFileQuery {
    /// For a frame of the service's own page.
    #[serde(default)]
    framed: bool,
}

/// The part of the builds that goes into the archive.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ArchiveQuery {
    /// A folder of builds; everything when it is empty.
    #[serde(default)]
    path: String,
}

/// `GET /build`: relative links only work below the slash.
#[utoipa::path(get, path = "/build", tag = "builds", security(()),
    summary = "Leads to `/build/`",
    responses((status = PERMANENT_REDIRECT)))]
async fn redirect_to_slash(State(state): State<Arc<AppState>>) -> Redirect {
    Redirect::permanent(&address(&state, ""))
}

/// `GET /build/`, and with `?notebook=` the way to that notebook's summary.
#[utoipa::path(get, path = "/build/", tag = "builds", params(SummaryLinkQuery),
    summary = "What is built, as a page",
    responses((status = OK, body = String, content_type = "text/html"),
        (status = SEE_OTHER, description = "To the summary of `notebook`.")))]
async fn get_builds(
    State(state): State<Arc<AppState>>,
    PageVisitor(identity): PageVisitor,
    headers: HeaderMap,
    Query(query): Query<SummaryLinkQuery>,
) -> Result<Response, AppError> {
    let SummaryLinkQuery { notebook } = query;
    let Some(filename) = notebook else {
        return listing::of_folder(&state, &identity, "", &headers);
    };
    let place = builds_of(&state)?.summary_place(&filename);
    let place = place.filter(|_| may_see(&state, &identity, &filename, None));
    let place = place.ok_or_else(missing)?;
    Ok(Redirect::to(&address(&state, &place)).into_response())
}

/// `GET /build/{path}`: a file, or a folder's listing.
#[utoipa::path(get, path = "/build/{*path}", tag = "builds",
    params(("path" = String, Path, description = "Of a file or, ending in a slash, a folder"),
        BuildFileQuery),
    summary = "An export, a copy, a summary, or a folder's listing",
    responses((status = OK, content((String = "text/html"), (Object = "application/x-ipynb+json"))),
        (status = NOT_MODIFIED, description = "`If-None-Match` names this version.")))]
async fn get_build(
    State(state): State<Arc<AppState>>,
    PageVisitor(identity): PageVisitor,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    Query(query): Query<BuildFileQuery>,
) -> Result<Response, AppError> {
    let Path(path) = path.map_err(|_| missing())?;
    let BuildFileQuery { framed } = query;
    if let Some(folder) = path.strip_suffix('/') {
        return listing::of_folder(&state, &identity, folder, &headers);
    }
    match builds_of(&state)?.find(&path) {
        Some(built) if may_see(&state, &identity, &built.filename, built.user.as_deref()) => {
            let framed = framed && is_for_a_frame(&headers);
            send(&state, &path, &built, framed, &headers).await
        }
        None if !builds_of(&state)?
            .list(&path, identity.confined_to())
            .is_empty() =>
        {
            Ok(Redirect::permanent(&address(&state, &format!("{path}/"))).into_response())
        }
        // The same answer whether it is not there or not for this participant.
        _ => Err(missing()),
    }
}

/// `GET /build/archive.zip`, of everything or with `?path=` of a folder.
#[utoipa::path(get, path = "/build/archive.zip", tag = "builds", params(ArchiveQuery),
    summary = "Everything that is built, or a folder of it, in one file",
    responses((status = OK, body = Vec<u8>, content_type = "application/zip")))]
async fn get_archive(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    requester: Authenticated,
    Query(query): Query<ArchiveQuery>,
) -> Result<Response, AppError> {
    let ArchiveQuery { path } = query;
    let path = path.trim_end_matches('/');
    if !path.is_empty() && builds_of(&state)?.list(path, None).is_empty() {
        return Err(missing());
    }
    let archive = Archive::new(Arc::clone(builds_of(&state)?), path);
    let rights = RightsCheck::new(Arc::clone(&state), Arc::new(requester));
    // Compressed on a thread for blocking work, so that other requests go on, and a piece at a
    // time, as the client reads.
    let pieces = stream::try_unfold((archive, rights), |(mut archive, mut rights)| async {
        if !rights.holds().await {
            return Err(io::Error::other("who downloads this may not any more"));
        }
        let step = spawn_blocking(move || (archive.next(), archive)).await;
        let (piece, archive) = step.map_err(io::Error::other)?;
        Ok(piece.transpose()?.map(|piece| (piece, (archive, rights))))
    });
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let name = format!("{}.zip", name.unwrap_or("build"));
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, attachment(&name)),
    ];
    Ok((headers, [REVALIDATE], Body::from_stream(pieces)).into_response())
}

async fn send(
    state: &AppState,
    path: &str,
    built: &BuiltFile,
    framed: bool,
    headers: &HeaderMap,
) -> Result<Response, AppError> {
    let (file, metadata) = open(state, path).await?;
    let etag = etag(&metadata);
    let (policy, framing) = match framed {
        true => (FRAMED_BUILD_POLICY, "SAMEORIGIN"),
        false => (BUILD_POLICY, "DENY"),
    };
    let same = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, framing),
        REVALIDATE,
    ];
    if is_known(headers, &etag) {
        let etag = [(header::ETAG, etag)];
        return Ok((StatusCode::NOT_MODIFIED, same, etag).into_response());
    }
    let length = [(header::CONTENT_LENGTH, metadata.len())];
    let etag = [(header::ETAG, etag)];
    let body = Body::from_stream(pieces_of(file));
    Ok(match built.kind {
        BuiltFileKind::Document => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (same, etag, length, kind, body).into_response()
        }
        BuiltFileKind::Notebook => {
            let name = path.rsplit('/').next().unwrap_or(path);
            let kind = [
                (header::CONTENT_TYPE, "application/x-ipynb+json".to_owned()),
                (header::CONTENT_DISPOSITION, attachment(name)),
            ];
            (same, etag, length, kind, body).into_response()
        }
    })
}

/// The file at `place`; not found, too, when the catalogue has it and it is not written yet.
async fn open(state: &AppState, place: &str) -> Result<(File, Metadata), AppError> {
    let builds = Arc::clone(builds_of(state)?);
    let place = place.to_owned();
    let opened = spawn_blocking(move || {
        let file = builds.open(&place)?;
        let metadata = file.metadata()?;
        std::io::Result::Ok((file, metadata))
    });
    match opened.await.map_err(AppError::internal)? {
        Ok(opened) => Ok(opened),
        // In the catalogue and not written yet; or removed at this moment.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(AppError::internal(error)),
    }
}

/// The entity tag of a file: by its ctime, because its mtime is the notebook's. Weak, because
/// the answer may be compressed.
fn etag(metadata: &Metadata) -> String {
    format!(
        "W/\"{:x}-{:x}-{:x}-{:x}\"",
        metadata.ino(),
        metadata.size(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// The bytes of a file, read on a thread for blocking work, a piece at a time, as the client
/// reads.
fn pieces_of(file: File) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> {
    stream::try_unfold(file, |mut file| async {
        let read = spawn_blocking(move || {
            let mut piece = Vec::with_capacity(CHUNK_BYTES);
            (&mut file)
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut piece)?;
            std::io::Result::Ok((piece, file))
        });
        let (piece, file) = read.await.map_err(std::io::Error::other)??;
        Ok((!piece.is_empty()).then_some((piece, file)))
    })
}

/// Whether `If-None-Match` names this entity tag.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let weakly = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = headers.get_all(header::IF_NONE_MATCH);
    known
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || weakly(tag) == weakly(etag))
}

/// Whether this person may see the export of `user`'s copy, or without `user` the summary.
fn may_see(state: &AppState, identity: &Identity, filename: &str, user: Option<&str>) -> bool {
    match user {
        Some(user) => identity.may_see(user),
        None => state.sharing.shows_summary(identity, filename),
    }
}

/// The address of `place` on this host.
fn address(state: &AppState, place: &str) -> String {
    format!("{}build/{}", state.prefix, encoded(place))
}

/// `place` as a part of an address.
fn encoded(place: &str) -> String {
    let parts: Vec<String> = place.split('/').map(percent_encoded).collect();
    parts.join("/")
}

fn missing() -> AppError {
    AppError::NotFound("There is no such build.".to_owned())
}

/// The builds; a 404 that says so in a service with `--no-build`.
fn builds_of(state: &AppState) -> Result<&Arc<Builds>, AppError> {
    let disabled =
        || AppError::NotFound("Nothing is built here: the service has --no-build.".to_owned());
    state.builds.as_ref().ok_or_else(disabled)
}
