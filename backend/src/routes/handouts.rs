//! `/api/handouts`: notebooks and other files that instructors hand out, which participants' own
//! servers write as errands ([`super::errands`]). Readers of all notebooks see which participants
//! have a handout and which have opened it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use serde::Deserialize;
use shared::{
    errands::{
        ErrandState, Handout, HandoutAudience, HandoutReceiver, HandoutRequest, HandoutsResponse,
        HubGroup, MAX_HANDOUT_BYTES,
    },
    notebook::Notebook,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::{blocking, in_lane_of},
    errands::path_in_home,
    error::AppError,
    extract::{Instructor, JsonBody, Query, UploadBody, Viewer, limit_body},
};
use crate::{
    app::AppState,
    copies::CopyId,
    errands::{
        HandoutDraft, HandoutSource, StoredHandout, check_audience, handout_filename, is_notebook,
        sha256_hex, upload_filename,
    },
    filename::plain_filename,
    homes::{NotebookFile, ReadError},
    telemetry::loggable,
    time,
};

/// Most handouts in one list, each with all its receivers.
const MAX_LISTED_HANDOUTS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    let uploads = OpenApiRouter::new()
        .routes(routes!(hand_out_file))
        .layer(limit_body(MAX_HANDOUT_BYTES));
    OpenApiRouter::new()
        .merge(uploads)
        .routes(routes!(list_handouts, hand_out))
        .routes(routes!(retract_handout))
}

/// Where in the list of handouts to go on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HandoutsQuery {
    /// Only handouts before this one.
    before: Option<i64>,
}

/// `GET /api/handouts`
#[utoipa::path(get, path = "/handouts", tag = "errands", params(HandoutsQuery),
    summary = "What was handed out, newest first, and which participants have it and opened it",
    responses((status = OK, body = HandoutsResponse)))]
async fn list_handouts(
    State(state): State<Arc<AppState>>,
    Viewer: Viewer,
    Query(HandoutsQuery { before }): Query<HandoutsQuery>,
) -> Result<Json<HandoutsResponse>, AppError> {
    blocking(move || {
        let audience = KnownPeople::of(&state);
        let mut handouts = state.errands.store().handouts()?;
        handouts.retain(|handout| before.is_none_or(|before| handout.id < before));
        let more = handouts.len() > MAX_LISTED_HANDOUTS;
        handouts.truncate(MAX_LISTED_HANDOUTS);
        let handouts = handouts.into_iter();
        let handouts = handouts.map(|handout| with_receivers(&state, handout, &audience));
        Ok(Json(HandoutsResponse {
            now_ms: time::now_ms(),
            handouts: handouts.collect::<Result<_, AppError>>()?,
            more,
            people: audience.people.into_iter().collect(),
            groups: audience.groups,
        }))
    })
    .await
}

/// The participants that the service knows, and their groups.
struct KnownPeople {
    people: BTreeSet<String>,
    groups: Vec<HubGroup>,
}

impl KnownPeople {
    /// The participants with a notebook, and those whose server has asked for errands.
    fn of(state: &AppState) -> Self {
        let class = state.class.copy_ids().into_iter().map(|key| key.user);
        Self {
            people: class.chain(state.errands.people()).collect(),
            groups: state.errands.groups(),
        }
    }

    /// The known recipients of a handout.
    fn receivers_of(&self, draft: &HandoutDraft) -> Vec<String> {
        let receivers = match &draft.to {
            HandoutAudience::Everyone(_) => self.people.iter().cloned().collect(),
            HandoutAudience::User(name) => vec![name.clone()],
            HandoutAudience::Group(name) => {
                let group = self.groups.iter().find(|group| group.name == *name);
                group.map(|group| group.members.clone()).unwrap_or_default()
            }
        };
        let others = receivers
            .into_iter()
            .filter(|user| Some(user.as_str()) != draft.owner());
        others.collect()
    }
}

/// A handout with its known recipients. A handout that was taken back has only the participants to
/// whom it was given.
fn with_receivers(
    state: &AppState,
    stored: StoredHandout,
    audience: &KnownPeople,
) -> Result<Handout, AppError> {
    let StoredHandout {
        id,
        draft,
        size,
        sha256,
        created_at_ms,
        retracted_at_ms,
    } = stored;
    let retracted = retracted_at_ms.is_some();
    let mut receivers = BTreeMap::new();
    if !retracted {
        for user in audience.receivers_of(&draft) {
            let waiting = HandoutReceiver {
                user: user.clone(),
                state: ErrandState::Pending,
                filename: None,
                reason: None,
                opened_at_ms: None,
            };
            receivers.insert(user, waiting);
        }
    }
    for errand in state.errands.store().errands_of(id)? {
        let is_given = !retracted || errand.state != ErrandState::Pending;
        if is_given {
            let receiver = HandoutReceiver {
                user: errand.user.clone(),
                state: errand.state,
                filename: errand.written,
                reason: errand.reason,
                opened_at_ms: errand.opened_at_ms,
            };
            receivers.insert(errand.user, receiver);
        }
    }
    let (user, notebook) = match draft.source {
        HandoutSource::Notebook(user, notebook) => (Some(user), Some(notebook)),
        HandoutSource::Upload => (None, None),
    };
    Ok(Handout {
        id,
        author: draft.author,
        user,
        notebook,
        filename: draft.filename,
        to: draft.to,
        size,
        sha256,
        created_at_ms,
        retracted,
        receivers: receivers.into_values().collect(),
    })
}

/// `POST /api/handouts`: 201 with the handout.
#[utoipa::path(post, path = "/handouts", tag = "errands", request_body = HandoutRequest,
    summary = "Hand a notebook out to everyone, a group of the Hub or one participant",
    description = "The notebook is handed out as it is now, without its private cells. It \
        appears as a new file in each home, also for participants who come later, until it is \
        taken back.",
    responses((status = CREATED, body = Handout)))]
async fn hand_out(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    JsonBody(request): JsonBody<HandoutRequest>,
) -> Result<(StatusCode, Json<Handout>), AppError> {
    let notebook = plain_filename(&request.filename)
        .map_err(|error| AppError::BadRequest(format!("The notebook {error}.")))?;
    let copy = CopyId {
        filename: notebook,
        user: request.user,
    };
    let proposed = request.proposed.filter(|name| !name.is_empty());
    // The page proposes the notebook's own name.
    let proposed = proposed.filter(|name| *name != copy.filename);
    let filename = proposed.as_deref();
    let filename = filename.unwrap_or_else(|| path_in_home(&state, &copy));
    let filename = handout_filename(filename).map_err(AppError::BadRequest)?;
    check_audience(&request.to).map_err(AppError::BadRequest)?;
    let _reading = state.limits.read(&identity)?;
    let content = current_content(&state, &copy).await?;
    if content.len() > MAX_HANDOUT_BYTES {
        return Err(AppError::Conflict(format!(
            "The notebook has more than {} MiB, which a handout may have.",
            MAX_HANDOUT_BYTES >> 20
        )));
    }
    let draft = HandoutDraft {
        author: identity.user,
        source: HandoutSource::Notebook(copy.user, copy.filename),
        filename,
        to: request.to,
    };
    keep(state, draft, content).await
}

/// Keeps a handout, of which servers are told at once; the answer.
async fn keep(
    state: Arc<AppState>,
    draft: HandoutDraft,
    content: Vec<u8>,
) -> Result<(StatusCode, Json<Handout>), AppError> {
    let handout = blocking(move || {
        let id = state.errands.hand_out(&draft, &content)?;
        tracing::info!(
            by = %loggable(&draft.author),
            user = %loggable(draft.owner().unwrap_or_default()),
            filename = %loggable(&draft.filename),
            handout = id,
            "a file was handed out"
        );
        let stored = StoredHandout {
            id,
            size: content.len() as u64,
            sha256: sha256_hex(&content),
            created_at_ms: time::now_ms(),
            retracted_at_ms: None,
            draft,
        };
        with_receivers(&state, stored, &KnownPeople::of(&state))
    })
    .await?;
    metrics::counter!("pipalhub_handouts_total").increment(1);
    Ok((StatusCode::CREATED, Json(handout)))
}

/// The name of an uploaded file, and its audience, which is one of three.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// The name of the new files, without a slash.
    #[serde(default)]
    filename: String,
    /// The folder of the new files, below the root folder of each server; that folder itself,
    /// when it is not given.
    folder: Option<String>,
    /// `true`: it is for everyone.
    everyone: Option<bool>,
    /// It is for the members of this group of the Hub.
    group: Option<String>,
    /// It is for this participant.
    user: Option<String>,
}

impl UploadQuery {
    fn audience(&self) -> Result<HandoutAudience, String> {
        let everyone = self.everyone.map(HandoutAudience::Everyone);
        let group = self.group.clone().map(HandoutAudience::Group);
        let user = self.user.clone().map(HandoutAudience::User);
        let mut named = [everyone, group, user].into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(to), None) => check_audience(&to).map(|()| to),
            _ => Err(
                "A handout has one audience: everyone=true, group=NAME or user=NAME.".to_owned(),
            ),
        }
    }
}

/// `POST /api/handouts/file`: 201 with the handout.
#[utoipa::path(post, path = "/handouts/file", tag = "errands", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file as it is"),
    summary = "Hand a file out to everyone, a group of the Hub or one participant",
    description = "It appears as a new file in each home, also for participants who come later, \
        until it is taken back. A file whose name ends in .ipynb is a notebook, and loses its \
        private cells.",
    responses((status = CREATED, body = Handout)))]
async fn hand_out_file(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    Query(query): Query<UploadQuery>,
    body: UploadBody,
) -> Result<(StatusCode, Json<Handout>), AppError> {
    let folder = query.folder.as_deref().unwrap_or_default();
    let filename = upload_filename(folder, &query.filename).map_err(AppError::BadRequest)?;
    let to = query.audience().map_err(AppError::BadRequest)?;
    // Kept as long as the content is in memory.
    let _slot = state.limits.upload(&identity)?;
    let content = body.read().await?;
    let content = match is_notebook(&filename) {
        true => blocking(move || public_notebook(NotebookFile::from(content))).await?,
        false => content,
    };
    let draft = HandoutDraft {
        author: identity.user,
        source: HandoutSource::Upload,
        filename,
        to,
    };
    keep(state, draft, content).await
}

/// The bytes of a notebook without its private cells.
fn public_notebook(file: NotebookFile) -> Result<Vec<u8>, AppError> {
    let content = file.content();
    let parsed = content.and_then(|content| Notebook::parse(&content).map(|_| content));
    parsed.map_err(|error| AppError::Conflict(format!("This file is not a notebook: {error}.")))
}

/// The bytes of a copy as it is now, without its private cells.
async fn current_content(state: &AppState, copy: &CopyId) -> Result<Vec<u8>, AppError> {
    let missing = AppError::NotFound(format!("{} has no notebook {}.", copy.user, copy.filename));
    let (copies, owned) = (state.class.copies().clone(), copy.clone());
    in_lane_of(state, &copy.user, move |lanes| {
        let opened = match copies.open(&owned) {
            Ok(opened) => opened,
            Err(ReadError::Missing) => return Err(missing),
            Err(error) => return Err(AppError::Conflict(error.to_string())),
        };
        let size = opened.version().size();
        let content = lanes.in_turn(size, || opened.read(), public_notebook);
        content.map_err(|error| AppError::Conflict(error.to_string()))?
    })
    .await
}

/// `DELETE /api/handouts/{id}`: takes it back.
#[utoipa::path(delete, path = "/handouts/{id}", tag = "errands",
    params(("id" = i64, Path, description = "The handout")),
    summary = "Take a handout back: it is given to no other participant, and files that were \
        written stay",
    responses((status = NO_CONTENT)))]
async fn retract_handout(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let missing = || AppError::NotFound("There is no such handout.".to_owned());
    let Path(id) = id.map_err(|_| missing())?;
    let is_there = blocking(move || Ok(state.errands.retract(id)?)).await?;
    if !is_there {
        return Err(missing());
    }
    let by = loggable(&identity.user).to_string();
    tracing::info!(by, handout = id, "a handout was taken back");
    Ok(StatusCode::NO_CONTENT)
}
