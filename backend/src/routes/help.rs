//! `/api/help`: the help queue and the notes of a class. A participant sets their own note and is
//! told of that alone; who sees everyone sees the queue; helpers take tickets from it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use serde::Deserialize;
use shared::{
    help::{
        ActiveCell, ClaimRequest, ClaimResponse, DoneRound, HelpQueue, HelpTicket,
        MAX_HELP_TEXT_CHARS, MyNote, NoteKind, NoteRequest, RoundRequest,
    },
    insight::SettledKind,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::blocking,
    error::AppError,
    extract::{EventPosts, Helper, JsonBody, LightReads, NotePresses, Query, RateLimited, Viewer},
    insight::staff,
    long_poll::LongPoll,
};
use crate::{
    app::AppState,
    class::CopyId,
    filename::plain_filename,
    help::{Attended, HelpDesk, HelpError, Press, Pressed},
    insight::{Ask, Settlement},
    telemetry::loggable,
    time,
};

/// The longest id of a cell in nbformat.
const MAX_CELL_ID_CHARS: usize = 64;
/// Tickets that are claimed at once: more than a helper has in front of them.
const MAX_CLAIMED: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(get_queue))
        .routes(routes!(get_mine, put_mine))
        .routes(routes!(claim_some))
        .routes(routes!(begin_round, end_round))
        .routes(routes!(claim))
        .routes(routes!(release))
        .routes(routes!(end))
        .routes(routes!(undo))
}

/// `GET /api/help`
#[utoipa::path(get, path = "/help", tag = "help",
    summary = "Who asks for help, in order, who has whom, and who is done",
    description = "For who sees everyone. The stream says `help` when it is another.",
    responses((status = OK, body = HelpQueue)))]
async fn get_queue(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
) -> Json<HelpQueue> {
    Json(state.help.queue(time::now_ms()))
}

/// What a reader knows already, and how long to wait for something newer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MineQuery {
    /// The `cursor` of the answer that is known.
    after: Option<i64>,
    /// Wait so many seconds for another, 0 to 25.
    wait: Option<u64>,
}

/// `GET /api/help/mine`
#[utoipa::path(get, path = "/help/mine", tag = "help", params(MineQuery),
    summary = "The asker's own note, ticket and place; waits for a change, when asked to",
    responses((status = OK, body = MyNote)))]
async fn get_mine(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
    Query(MineQuery { after, wait }): Query<MineQuery>,
) -> Result<Json<MyNote>, AppError> {
    let poll = LongPoll::begin(&state, &identity, wait)?;
    // Before the desk is asked, so that no change falls between the two.
    let mut changes = state.help.changes();
    loop {
        changes.mark_unchanged();
        let has_news = after.is_none_or(|after| state.help.has_news(&identity.user, after));
        if has_news || !poll.changed(&state, &mut changes).await {
            return Ok(Json(state.help.mine(&identity.user, time::now_ms())));
        }
    }
}

/// `PUT /api/help/mine`
#[utoipa::path(put, path = "/help/mine", tag = "help", request_body = NoteRequest,
    summary = "Ask for help, say that one is done, or take that back",
    description = "It is kept when the answer comes. Whoever asks again keeps their place, and so \
        does whoever takes a ticket back and asks again within 20 seconds. What the ticket is \
        about, the service finds out of what was saved.",
    responses((status = OK, body = MyNote)))]
async fn put_mine(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<NotePresses>,
    JsonBody(request): JsonBody<NoteRequest>,
) -> Result<Json<MyNote>, AppError> {
    let NoteRequest {
        note,
        text,
        paused,
        filename,
        cell,
    } = request;
    let asks = note == Some(NoteKind::Help);
    let text = text.filter(|_| asks).map(|text| plain_text(&text));
    let press = Press {
        user: identity.user.clone(),
        note,
        text: text.transpose()?,
        paused: paused && asks,
        filename: own_copy(&state, &identity.user, filename)?,
    };
    check_cell(cell.as_ref())?;
    let help = Arc::clone(&state.help);
    let user = loggable(&press.user).to_string();
    let opened = press.filename.clone();
    let now_ms = time::now_ms();
    let pressed = blocking(move || Ok(help.press(&press, now_ms)?)).await?;
    tracing::debug!(user, ?note, "a note was changed");
    let Pressed {
        mine,
        filenames,
        ticket,
        attended,
    } = pressed;
    if let Some(insight) = &state.insight {
        for filename in &filenames {
            insight.note_asks(filename);
        }
    }
    if let Some(attended) = attended {
        settle_later(&state, attended);
    }
    if let Some((ticket, filename)) = ticket {
        let ask = Ask {
            ticket,
            user: identity.user,
            // Of another notebook it says nothing here.
            cell: cell.filter(|_| opened.as_ref() == Some(&filename)),
            at_ms: now_ms,
        };
        place_later(&state, filename, ask);
    }
    Ok(Json(mine))
}

/// The text of a ticket on one line; an error when it is too long.
fn plain_text(text: &str) -> Result<String, AppError> {
    if text.chars().count() > MAX_HELP_TEXT_CHARS {
        return Err(AppError::BadRequest(format!(
            "The text has more than {MAX_HELP_TEXT_CHARS} characters."
        )));
    }
    let is_space = |one: char| one.is_whitespace() || one.is_control();
    let words = text.split(is_space).filter(|word| !word.is_empty());
    Ok(words.collect::<Vec<_>>().join(" "))
}

fn check_cell(cell: Option<&ActiveCell>) -> Result<(), AppError> {
    let id = cell.and_then(|cell| cell.id.as_deref()).unwrap_or_default();
    match id.chars().count() > MAX_CELL_ID_CHARS {
        true => Err(AppError::BadRequest(format!(
            "A cell's id has at most {MAX_CELL_ID_CHARS} characters."
        ))),
        false => Ok(()),
    }
}

/// The plain name of a notebook that this user has a copy of; none of any other, because a ticket
/// says nothing that is not known here.
fn own_copy(
    state: &AppState,
    user: &str,
    filename: Option<String>,
) -> Result<Option<String>, AppError> {
    let Some(filename) = filename else {
        return Ok(None);
    };
    let filename = plain_filename(&filename)
        .map_err(|error| AppError::BadRequest(format!("The notebook {error}.")))?;
    let copy = CopyId {
        filename,
        user: user.to_owned(),
    };
    Ok(state.class.has_copy(&copy).then_some(copy.filename))
}

/// Has the insight find out what a ticket is about, for which nobody waits.
fn place_later(state: &Arc<AppState>, filename: String, ask: Ask) {
    let Some(insight) = state.insight.clone() else {
        return;
    };
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let ticket = ask.ticket;
        if let Err(error) = insight.place(filename, ask, staff(&state).await) {
            tracing::warn!(ticket, %error, "it is not known what a ticket is about");
        }
    });
}

/// Has the insight know that somebody was helped, for which nobody waits.
fn settle_later(state: &Arc<AppState>, attended: Attended) {
    let (Some(insight), Some(filename)) = (state.insight.clone(), attended.filename) else {
        return;
    };
    let state = Arc::clone(state);
    let settlement = Settlement {
        copy: CopyId {
            filename,
            user: attended.user,
        },
        settled: SettledKind::Helped,
        at_ms: time::now_ms(),
    };
    tokio::spawn(async move {
        let settled = insight.settle(settlement, staff(&state).await).await;
        if let Err(error) = settled {
            tracing::warn!(%error, "the lane does not know that somebody was helped");
        }
    });
}

/// Has the insight look again who asks for help.
fn note_asks(state: &AppState, ticket: &HelpTicket) {
    if let (Some(insight), Some(filename)) = (&state.insight, &ticket.filename) {
        insight.note_asks(filename);
    }
}

/// Does something at the help desk in the name of this helper.
async fn at_desk<T: Send + 'static>(
    state: &AppState,
    Helper(helper): Helper,
    work: impl FnOnce(&HelpDesk, &str, i64) -> Result<T, HelpError> + Send + 'static,
) -> Result<T, AppError> {
    let help = Arc::clone(&state.help);
    blocking(move || Ok(work(&help, &helper.user, time::now_ms())?)).await
}

fn number(id: Result<Path<i64>, PathRejection>) -> Result<i64, AppError> {
    let Path(id) = id.map_err(|_| AppError::NotFound("There is no such ticket.".to_owned()))?;
    Ok(id)
}

/// `POST /api/help/{id}/claim`
#[utoipa::path(post, path = "/help/{id}/claim", tag = "help",
    params(("id" = i64, Path, description = "The ticket")),
    summary = "Take a ticket, or say again that one has it",
    description = "For helpers and instructors. It is theirs for five minutes from then on; 409 \
        names whoever has it already.",
    responses((status = OK, body = HelpTicket), (status = CONFLICT)))]
async fn claim(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<HelpTicket>, AppError> {
    let id = number(id)?;
    let claim = move |desk: &HelpDesk, by: &str, now_ms| desk.claim(id, by, now_ms);
    at_desk(&state, helper, claim).await.map(Json)
}

/// `POST /api/help/claim`
#[utoipa::path(post, path = "/help/claim", tag = "help", request_body = ClaimRequest,
    summary = "Take several tickets: those with these numbers, or that wait with the same error",
    description = "For helpers and instructors. Those that somebody else has are named, and no \
        error; one hundred at most.",
    responses((status = OK, body = ClaimResponse)))]
async fn claim_some(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    JsonBody(request): JsonBody<ClaimRequest>,
) -> Result<Json<ClaimResponse>, AppError> {
    let ClaimRequest { ids, error } = request;
    if ids.is_empty() == error.is_none() {
        return Err(AppError::BadRequest(
            "Give the numbers of tickets as ids, or an error, and not both.".to_owned(),
        ));
    }
    if ids.len() > MAX_CLAIMED {
        return Err(AppError::BadRequest(format!(
            "At most {MAX_CLAIMED} tickets are taken at once."
        )));
    }
    let claim =
        move |desk: &HelpDesk, by: &str, now_ms| desk.claim_some(&ids, error.as_ref(), by, now_ms);
    at_desk(&state, helper, claim).await.map(Json)
}

/// `POST /api/help/{id}/release`
#[utoipa::path(post, path = "/help/{id}/release", tag = "help",
    params(("id" = i64, Path, description = "The ticket")),
    summary = "Give a ticket back that one has",
    description = "For helpers and instructors. It waits again, for as long as it has.",
    responses((status = OK, body = HelpTicket), (status = CONFLICT)))]
async fn release(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<HelpTicket>, AppError> {
    let id = number(id)?;
    let release = move |desk: &HelpDesk, by: &str, now_ms| desk.release(id, by, now_ms);
    at_desk(&state, helper, release).await.map(Json)
}

/// `POST /api/help/{id}/done`
#[utoipa::path(post, path = "/help/{id}/done", tag = "help",
    params(("id" = i64, Path, description = "The ticket")),
    summary = "Say that somebody was helped: their ticket is over",
    description = "For helpers and instructors, whoever has the ticket.",
    responses((status = NO_CONTENT)))]
async fn end(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let id = number(id)?;
    let by = loggable(&helper.0.user).to_string();
    let end = move |desk: &HelpDesk, by: &str, now_ms| desk.help(id, by, now_ms);
    if let Some(attended) = at_desk(&state, helper, end).await? {
        tracing::info!(by, user = %loggable(&attended.user), ticket = id, "somebody was helped");
        settle_later(&state, attended);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/help/{id}/undo`
#[utoipa::path(post, path = "/help/{id}/undo", tag = "help",
    params(("id" = i64, Path, description = "The ticket")),
    summary = "Take back that one has ended a ticket or given it back",
    description = "For the helper or instructor who did it, within 20 seconds. A ticket that they \
        had is theirs again.",
    responses((status = OK, body = HelpTicket), (status = CONFLICT)))]
async fn undo(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<HelpTicket>, AppError> {
    let id = number(id)?;
    let undo = move |desk: &HelpDesk, by: &str, now_ms| desk.undo(id, by, now_ms);
    let ticket = at_desk(&state, helper, undo).await?;
    note_asks(&state, &ticket);
    Ok(Json(ticket))
}

/// `POST /api/help/round`
#[utoipa::path(post, path = "/help/round", tag = "help", request_body = RoundRequest,
    summary = "Ask the class whether it is done",
    description = "For helpers and instructors. The notes `done` of before are taken off.",
    responses((status = CREATED, body = DoneRound)))]
async fn begin_round(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
    JsonBody(RoundRequest { filename }): JsonBody<RoundRequest>,
) -> Result<(StatusCode, Json<DoneRound>), AppError> {
    let filename = match filename {
        None => None,
        Some(filename) => Some(
            plain_filename(&filename)
                .map_err(|error| AppError::BadRequest(format!("The notebook {error}.")))?,
        ),
    };
    if let Some(filename) = filename.as_ref().filter(|it| !state.class.has_notebook(it)) {
        return Err(AppError::NotFound(format!(
            "Nobody has a notebook {filename}; GET /api/notebooks lists those that there are."
        )));
    }
    state.limits.notice(&helper.0)?;
    let begin = move |desk: &HelpDesk, by: &str, now_ms| desk.begin_round(by, filename, now_ms);
    let round = at_desk(&state, helper, begin).await?;
    tracing::info!(by = %loggable(&round.by), "the class is asked whether it is done");
    Ok((StatusCode::CREATED, Json(round)))
}

/// `DELETE /api/help/round`
#[utoipa::path(delete, path = "/help/round", tag = "help",
    summary = "No longer ask the class whether it is done",
    description = "For helpers and instructors. The notes stay.",
    responses((status = NO_CONTENT)))]
async fn end_round(
    State(state): State<Arc<AppState>>,
    helper: Helper,
    _: RateLimited<EventPosts>,
) -> Result<StatusCode, AppError> {
    let end = |desk: &HelpDesk, by: &str, now_ms| desk.end_round(by, now_ms);
    at_desk(&state, helper, end).await?;
    Ok(StatusCode::NO_CONTENT)
}
