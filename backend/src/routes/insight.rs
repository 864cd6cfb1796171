//! `/api/insight`: what the saves of a class say of a notebook, for who sees everyone; and that
//! somebody in the lane was seen to, which changes nothing of theirs.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::{
    exercise::ExerciseResponse,
    insight::{InsightResponse, SettleRequest, SettledKind},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    api::WallQuery,
    blocking::blocking,
    error::AppError,
    extract::{
        EventPosts, Helper, JsonBody, LightReads, NotebookReads, Query, RateLimited, Viewer,
    },
    json::{JSON_CONTENT, to_json},
};
use crate::{
    app::AppState,
    auth::Auth,
    class::CopyId,
    filename::plain_filename,
    insight::{ExerciseChoice, Insight, InsightError, Settlement},
    telemetry::loggable,
    time,
};

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(get_insight))
        .routes(routes!(get_exercise))
        .routes(routes!(settle))
}

/// `GET /api/insight`
#[utoipa::path(get, path = "/insight", tag = "class", params(WallQuery),
    summary = "Who needs someone now, which errors several have, and how far everyone is",
    description = "For who sees everyone. It is derived of the versions in the history; the \
        stream says `insight` when there is another answer.",
    responses((status = OK, body = InsightResponse)))]
async fn get_insight(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
    Query(WallQuery { filename }): Query<WallQuery>,
) -> Result<Json<InsightResponse>, AppError> {
    let insight = insight_of(&state)?;
    check_notebook(&state, &filename)?;
    let answer = insight.answer(&filename, staff(&state).await).await?;
    Ok(Json(InsightResponse {
        now_ms: time::now_ms(),
        ..(*answer).clone()
    }))
}

/// A cell of a notebook's handout, or an error.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExerciseQuery {
    /// The notebook's path below a home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The cell of the handout, as `GET /api/insight` numbers it.
    anchor: Option<u32>,
    /// The signature of an error, as `GET /api/insight` has it.
    error: Option<String>,
}

/// `GET /api/insight/exercise`
#[utoipa::path(get, path = "/insight/exercise", tag = "class", params(ExerciseQuery),
    summary = "Everyone's cells for one of the handout, or those with one error",
    description = "For who sees everyone; either `anchor` or `error` is given. The same results are \
        together, and answers that differ in names and comments alone are one.",
    responses((status = OK, body = ExerciseResponse)))]
async fn get_exercise(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    RateLimited { slot, .. }: RateLimited<NotebookReads>,
    Query(query): Query<ExerciseQuery>,
) -> Result<Response, AppError> {
    let insight = insight_of(&state)?;
    let history = state.history.as_ref().ok_or_else(no_history)?;
    check_notebook(&state, &query.filename)?;
    let (choice, what) = match (query.anchor, query.error) {
        (Some(anchor), None) => (ExerciseChoice::Anchor(anchor), format!("cell {anchor}")),
        (None, Some(error)) => (ExerciseChoice::Error(error), "error".to_owned()),
        _ => {
            return Err(AppError::BadRequest(
                "Give either `anchor`, a cell of the handout, or `error`, a signature.".to_owned(),
            ));
        }
    };
    let answer = insight.exercise(
        query.filename.clone(),
        choice,
        staff(&state).await,
        Arc::clone(history),
        state.class.copies().lanes().clone(),
        slot,
    );
    let (answer, slot) = answer.await?.ok_or_else(|| {
        AppError::NotFound(format!(
            "There is no such {what} in {} now; GET /api/insight says which there are.",
            query.filename
        ))
    })?;
    let answer = ExerciseResponse {
        now_ms: time::now_ms(),
        ..answer
    };
    Ok((JSON_CONTENT, slot.hold(to_json(&answer)?)).into_response())
}

/// `POST /api/insight/settled`
#[utoipa::path(post, path = "/insight/settled", tag = "class", request_body = SettleRequest,
    summary = "Say that somebody in the lane was helped, or is to be looked at later",
    description = "For helpers and instructors. They leave the lane, for five minutes, or with the \
        same error for ten; another error brings them back at once. Who was helped has no open \
        ticket at this notebook any more.",
    responses((status = NO_CONTENT)))]
async fn settle(
    State(state): State<Arc<AppState>>,
    Helper(identity): Helper,
    _: RateLimited<EventPosts>,
    JsonBody(request): JsonBody<SettleRequest>,
) -> Result<StatusCode, AppError> {
    let insight = insight_of(&state)?;
    let filename = plain_filename(&request.filename)
        .map_err(|error| AppError::BadRequest(format!("The notebook {error}.")))?;
    let copy = CopyId {
        filename,
        user: request.user,
    };
    if !state.class.has_copy(&copy) {
        return Err(AppError::NotFound(format!(
            "{} has no notebook {}; GET /api/insight says who has it.",
            copy.user, copy.filename
        )));
    }
    let settlement = Settlement {
        copy,
        settled: request.settled,
        at_ms: time::now_ms(),
    };
    tracing::info!(
        by = %loggable(&identity.user),
        user = %loggable(&settlement.copy.user),
        settled = ?settlement.settled,
        "somebody was seen to"
    );
    if settlement.settled == SettledKind::Helped {
        let (help, by) = (Arc::clone(&state.help), identity.user);
        let CopyId { user, filename } = settlement.copy.clone();
        let at_ms = settlement.at_ms;
        blocking(move || Ok(help.help_at(&user, &filename, &by, at_ms)?)).await?;
    }
    insight.settle(settlement, staff(&state).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a notebook that nobody has.
fn check_notebook(state: &AppState, filename: &str) -> Result<(), AppError> {
    match state.class.has_notebook(filename) {
        true => Ok(()),
        false if filename.is_empty() => Err(AppError::BadRequest(
            "No notebook is named: open a cell by a click on the Wall's strip, or give `filename`, \
             one of GET /api/notebooks."
                .to_owned(),
        )),
        false => Err(AppError::NotFound(format!(
            "Nobody has a notebook {filename}; GET /api/notebooks lists those that there are."
        ))),
    }
}

fn insight_of(state: &AppState) -> Result<&Insight, AppError> {
    state.insight.as_deref().ok_or_else(no_history)
}

fn no_history() -> AppError {
    AppError::NotFound(
        "What saves say is not known here, because no versions are kept: history is \
         switched off."
            .to_owned(),
    )
}

/// Who is no participant.
pub(super) async fn staff(state: &AppState) -> BTreeSet<String> {
    match &state.auth {
        Auth::Hub(hub) => hub.client.staff_with_admins().await,
        Auth::Standalone { .. } => BTreeSet::new(),
    }
}

impl From<InsightError> for AppError {
    fn from(error: InsightError) -> Self {
        Self::Unavailable {
            message: "What the saves say cannot be read right now; try again in a moment.",
            cause: error.to_string(),
        }
    }
}
