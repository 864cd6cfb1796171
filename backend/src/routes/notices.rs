//! `/api/notices`: messages of instructors to participants, and the receipts of their readers.
//!
//! Participants read the notices meant for them; instructors write, see and retract all. A
//! reader may wait here for new notices; an open page need not, since its event stream announces
//! them (`routes/stream.rs`).

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
use shared::notices::{
    Audience, Notice, NoticeRequest, NoticesResponse, ReceiptRequest, ReceiptState, Recipient,
    SentNotice, SentResponse,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::blocking,
    error::AppError,
    extract::{Instructor, JsonBody, Participant, Query, limit_body},
    long_poll::LongPoll,
};
use crate::{
    app::AppState,
    copies::{Copies, CopyId},
    notices::{AddressedNotice, NoticeBoard, NoticeDraft, NoticeUpdate, Receipt},
    telemetry::loggable,
    time,
};

/// The largest request body of a notice: four thousand characters, each in JSON's longest
/// escape, and the other fields.
pub(super) const MAX_NOTICE_BYTES: usize = 64 << 10;

/// Most notices in one list of those sent.
const MAX_LISTED_NOTICES: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(list_notices, post_notice))
        .routes(routes!(list_sent))
        .routes(routes!(retract_notice))
        .routes(routes!(note_receipt))
        .layer(limit_body(MAX_NOTICE_BYTES))
}

/// The notices that a reader has already, and how long to wait for newer ones.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NoticesQuery {
    /// Only what has changed since this cursor, notices that were taken back included.
    after: Option<i64>,
    /// Wait so many seconds for that, 0 to 25.
    wait: Option<u64>,
    /// Also the asker's own note, ticket and place, when they have changed since this `cursor` of
    /// theirs: one request waits for both.
    help: Option<i64>,
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
    let NoticesQuery { after, wait, help } = query;
    let poll = LongPoll::begin(&state, &identity, wait)?;
    // Who waits has a page open, which shows what comes.
    let _listener = wait
        .filter(|wait| *wait > 0)
        .map(|_| state.notices.listeners().listen(&identity.user));
    let NoticeUpdate {
        cursor,
        mut notices,
    } = wait_for_news(&state, &identity.user, after, help, &poll).await;
    let has_news = help.is_some_and(|help| state.help.has_news(&identity.user, help));
    let help = has_news.then(|| state.help.mine(&identity.user, time::now_ms()));
    if !notices.is_empty() {
        place_files(&mut notices, state.class.copies(), &identity.user);
        let board = Arc::clone(&state.notices);
        let user = identity.user;
        let read = blocking(move || Ok(board.store().read_by(&user)?)).await?;
        mark_read(&mut notices, read);
    }
    Ok(Json(NoticesResponse {
        now_ms: time::now_ms(),
        cursor,
        notices,
        help,
    }))
}

/// The notices for `user` that changed since `after`. While there are none, and no news of their
/// note since `help`, it waits for either, as long as `poll` lasts.
async fn wait_for_news(
    state: &AppState,
    user: &str,
    after: Option<i64>,
    help: Option<i64>,
    poll: &LongPoll,
) -> NoticeUpdate {
    // Before the board is read, so that no change falls between the two.
    let mut changes = state.notices.changes();
    let mut help_changes = state.help.changes();
    let has_help = || help.is_some_and(|help| state.help.has_news(user, help));
    loop {
        changes.mark_unchanged();
        help_changes.mark_unchanged();
        let news = state.notices.updates(user, after);
        if !news.notices.is_empty() || has_help() {
            return news;
        }
        let is_changed = loop {
            let is_changed = tokio::select! {
                is_changed = poll.changed(state, &mut changes) => break is_changed,
                is_changed = poll.changed(state, &mut help_changes), if help.is_some() => is_changed,
            };
            // What is of others in the help queue is no reason to read the notices again.
            if !is_changed || has_help() {
                break is_changed;
            }
        };
        if !is_changed {
            return news;
        }
    }
}

/// Gives each notice with a file the path of that file in the home of `user`.
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
            "A notice has at most {MAX_NOTICE_BYTES} bytes, and its text 4,000 characters."
        )),
        error => error,
    })?;
    let draft = NoticeDraft::read(request, time::now_ms()).map_err(AppError::BadRequest)?;
    state.limits.notice(&identity)?;
    let sent = blocking(move || {
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

/// `DELETE /api/notices/{id}`: retracts a notice.
#[utoipa::path(delete, path = "/notices/{id}", tag = "notices",
    params(("id" = i64, Path, description = "The notice")),
    summary = "Take a notice back", responses((status = NO_CONTENT)))]
async fn retract_notice(
    State(state): State<Arc<AppState>>,
    Instructor(identity): Instructor,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, AppError> {
    let Path(id) = id.map_err(|_| missing())?;
    let is_there = blocking(move || Ok(state.notices.retract(id)?)).await?;
    if !is_there {
        return Err(missing());
    }
    let by = loggable(&identity.user).to_string();
    tracing::info!(by, notice = id, "a notice was taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// The place in the list of sent notices to go on from.
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
    blocking(move || {
        let class = participants(&state);
        let mut sent = state.notices.sent(before, MAX_LISTED_NOTICES + 1);
        let more = sent.len() > MAX_LISTED_NOTICES;
        sent.truncate(MAX_LISTED_NOTICES);
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

/// Everyone who has a notebook.
pub(super) fn participants(state: &AppState) -> BTreeSet<String> {
    let copies = state.class.copy_ids().into_iter();
    copies.map(|key| key.user).collect()
}

/// A sent notice with its recipients: the participants that it is known to be for, and all others
/// with a receipt.
fn with_recipients(
    board: &NoticeBoard,
    sent: AddressedNotice,
    class: &BTreeSet<String>,
) -> Result<SentNotice, AppError> {
    let known = match &sent.to {
        Audience::Everyone(_) => class.iter().cloned().collect(),
        Audience::Notebook(_) | Audience::User(_) | Audience::Users(_) => sent.members,
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

/// `POST /api/notices/{id}/receipt`: the requester was shown the notice or opened it.
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
        // An opened notice was shown.
        shown_at_ms: now_ms,
        opened_at_ms: now_ms.filter(|_| request.state == ReceiptState::Opened),
    };
    blocking(move || Ok(state.notices.note(id, &identity.user, receipt)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same answer for a missing notice and for one that is not for the requester.
fn missing() -> AppError {
    AppError::NotFound("There is no such notice.".to_owned())
}
