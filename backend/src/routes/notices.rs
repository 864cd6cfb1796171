//! `/api/notices`: what an instructor tells participants, and who has read it.
//!
//! Everyone reads what is meant for them; instructors write, see all and take back. A
//! reader may wait here for news; an open page need not, since its event stream says when
//! there is some (`routes/stream.rs`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use serde::Deserialize;
use shared::notices::{
    Audience, Notice, NoticeRequest, NoticesResponse, ReceiptRequest, ReceiptState, Recipient,
    SentNotice, SentResponse,
};
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    aside::aside,
    error::AppError,
    extract::{Instructor, JsonBody, Participant, Query, body_max},
};
use crate::{
    app::AppState,
    copies::{Copies, CopyId},
    notices::{Board, Draft, News, Receipt, Sent},
    telemetry::loggable,
    time,
};

/// Four thousand characters, each written as JSON writes the longest, and the rest.
const LARGEST_NOTICE: usize = 64 << 10;

/// A proxy that is in a hurry cuts what is silent for 30 s.
const LONGEST_WAIT: u64 = 25;

/// How many are listed at once for who wrote them.
const PAGE: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_notices, post_notice))
        .routes(routes!(list_sent))
        .routes(routes!(retract_notice))
        .routes(routes!(note_receipt))
        .layer(body_max(LARGEST_NOTICE))
}

/// What a reader knows already.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NoticesQuery {
    /// Only what has changed since this cursor, notices that were taken back included.
    after: Option<i64>,
    /// Wait so many seconds for that, 0 to 25.
    wait: Option<u64>,
}

/// `GET /api/notices`
#[utoipa::path(get, path = "/notices", tag = "notices", params(NoticesQuery),
    summary = "The notices meant for whoever asks; waits for news, when asked to",
    description = "Keep notices by `id`: what comes again under a newer `seq`, as after a \
        restart of the service, takes the place of what there was. `shown` and `opened` are \
        what the asker's receipts have said.",
    responses((status = OK, body = NoticesResponse)))]
async fn list_notices(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    Query(query): Query<NoticesQuery>,
) -> Result<Json<NoticesResponse>, AppError> {
    let NoticesQuery { after, wait } = query;
    let wait = wait.unwrap_or(0);
    if wait > LONGEST_WAIT {
        return Err(AppError::BadRequest(format!(
            "wait is at most {LONGEST_WAIT} seconds."
        )));
    }
    // Who waits keeps a connection as a stream does, and counts as one.
    let _slot = match wait {
        0 => None,
        _ => Some(state.limits.stream(&identity)?),
    };
    let until = Instant::now() + Duration::from_secs(wait);
    let News {
        cursor,
        mut notices,
    } = news_by(&state, &identity.user, after, until).await;
    if !notices.is_empty() {
        place_files(&mut notices, state.class.copies(), &identity.user);
        let board = Arc::clone(&state.notices);
        let user = identity.user;
        let read = aside(move || Ok(board.store().read_by(&user)?)).await?;
        mark_read(&mut notices, read);
    }
    Ok(Json(NoticesResponse {
        now_ms: time::now_ms(),
        cursor,
        notices,
    }))
}

/// What is new for `user`; when there is nothing, as soon as there is, or `until` then.
async fn news_by(state: &AppState, user: &str, after: Option<i64>, until: Instant) -> News {
    // Before the board is looked at, so that nothing falls between the two.
    let mut changes = state.notices.changes();
    loop {
        changes.mark_unchanged();
        let news = state.notices.news(user, after);
        if !news.notices.is_empty() {
            return news;
        }
        let woken = tokio::select! {
            changed = timeout_at(until, changes.changed()) => matches!(changed, Ok(Ok(()))),
            () = state.ending.cancelled() => false,
        };
        if !woken {
            return news;
        }
    }
}

/// Says where the files are in the home of `user`.
fn place_files(notices: &mut [Notice], copies: &Copies, user: &str) {
    let path_of = |filename: &String| {
        copies.shown(&CopyId {
            filename: filename.clone(),
            user: user.to_owned(),
        })
    };
    for notice in notices {
        notice.path = notice.file.as_ref().and_then(path_of);
    }
}

fn mark_read(notices: &mut [Notice], read: Vec<(i64, Receipt)>) {
    let read: BTreeMap<_, _> = read.into_iter().collect();
    for notice in notices {
        let receipt = read.get(&notice.id).copied().unwrap_or_default();
        notice.shown = receipt.shown_at_ms.is_some();
        notice.opened = receipt.opened_at_ms.is_some();
    }
}

/// `POST /api/notices`: 201 with the notice.
#[utoipa::path(post, path = "/notices", tag = "notices", request_body = NoticeRequest,
    summary = "Tell everyone, a notebook's users or one person something",
    responses((status = CREATED, body = Notice)))]
async fn post_notice(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    body: Result<JsonBody<NoticeRequest>, AppError>,
) -> Result<(StatusCode, Json<Notice>), AppError> {
    let JsonBody(request) = body.map_err(|error| match error {
        AppError::TooLarge(_) => AppError::TooLarge(format!(
            "A notice has at most {LARGEST_NOTICE} bytes, and its text 4,000 characters."
        )),
        error => error,
    })?;
    let draft = Draft::read(request, time::now_ms()).map_err(AppError::BadRequest)?;
    state.limits.notice(&identity)?;
    let sent = aside(move || {
        let sent = state.notices.post(&draft, &identity.user, &state.class)?;
        tracing::info!(
            by = %loggable(&sent.author),
            notice = sent.notice.id,
            "a notice was sent"
        );
        Ok(sent)
    })
    .await?;
    metrics::counter!("pipalhub_notices_sent_total").increment(1);
    Ok((StatusCode::CREATED, Json(sent.notice)))
}

/// `DELETE /api/notices/{id}`: takes it back.
#[utoipa::path(delete, path = "/notices/{id}", tag = "notices",
    params(("id" = i64, Path, description = "The notice")),
    summary = "Take a notice back", responses((status = NO_CONTENT)))]
async fn retract_notice(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let Path(id) = id.map_err(|_| missing())?;
    let is_there = aside(move || Ok(state.notices.retract(id)?)).await?;
    if !is_there {
        return Err(missing());
    }
    let by = loggable(&identity.user).to_string();
    tracing::info!(by, notice = id, "a notice was taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// From where the list goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SentQuery {
    /// Only notices before this one.
    before: Option<i64>,
}

/// `GET /api/notices/sent`
#[utoipa::path(get, path = "/notices/sent", tag = "notices", params(SentQuery),
    summary = "The notices that were sent, newest first, and who has had and opened them",
    responses((status = OK, body = SentResponse)))]
async fn list_sent(
    State(state): State<Arc<AppState>>,
    Instructor(_): Instructor,
    Query(query): Query<SentQuery>,
) -> Result<Json<SentResponse>, AppError> {
    let SentQuery { before } = query;
    aside(move || {
        let class: BTreeSet<String> = state
            .class
            .copy_ids()
            .into_iter()
            .map(|key| key.user)
            .collect();
        let mut sent = state.notices.sent(before, PAGE + 1);
        let more = sent.len() > PAGE;
        sent.truncate(PAGE);
        let notices = sent
            .into_iter()
            .map(|sent| with_recipients(&state.notices, sent, &class));
        Ok(Json(SentResponse {
            now_ms: time::now_ms(),
            notices: notices.collect::<Result<_, AppError>>()?,
            more,
        }))
    })
    .await
}

/// Who it is known to be for, and whoever else has had it.
fn with_recipients(
    board: &Board,
    sent: Sent,
    class: &BTreeSet<String>,
) -> Result<SentNotice, AppError> {
    let known = match &sent.to {
        Audience::Everyone(_) => class.iter().cloned().collect(),
        Audience::Notebook(_) | Audience::User(_) => sent.members,
    };
    let mut receipts: BTreeMap<String, Receipt> = known
        .into_iter()
        .map(|user| (user, Receipt::default()))
        .collect();
    receipts.extend(board.store().readers_of(sent.notice.id)?);
    let recipients = receipts.into_iter().map(|(user, receipt)| Recipient {
        user,
        shown_at_ms: receipt.shown_at_ms,
        opened_at_ms: receipt.opened_at_ms,
    });
    let Notice {
        id,
        text,
        html,
        title,
        link,
        file,
        created_at_ms,
        until_ms,
        retracted,
        ..
    } = sent.notice;
    Ok(SentNotice {
        id,
        text,
        html,
        title,
        link,
        file,
        created_at_ms,
        until_ms,
        retracted,
        author: sent.author,
        to: sent.to,
        recipients: recipients.collect(),
    })
}

/// `POST /api/notices/{id}/receipt`: how far it got with whoever says so.
#[utoipa::path(post, path = "/notices/{id}/receipt", tag = "notices",
    params(("id" = i64, Path, description = "The notice")),
    request_body = ReceiptRequest,
    summary = "Say that a notice was shown or opened", responses((status = NO_CONTENT)))]
async fn note_receipt(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    id: Result<Path<i64>, PathRejection>,
    JsonBody(request): JsonBody<ReceiptRequest>,
) -> Result<StatusCode, AppError> {
    let Path(id) = id.map_err(|_| missing())?;
    if !state.notices.is_for(id, &identity.user) {
        return Err(missing());
    }
    let now_ms = Some(time::now_ms());
    let receipt = Receipt {
        // What was opened was shown.
        shown_at_ms: now_ms,
        opened_at_ms: now_ms.filter(|_| request.state == ReceiptState::Opened),
    };
    aside(move || Ok(state.notices.note(id, &identity.user, receipt)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same for one that is not there and for one that is not for the asker.
fn missing() -> AppError {
    AppError::NotFound("There is no such notice.".to_owned())
}
