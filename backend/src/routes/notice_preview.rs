//! `/api/notices/preview`: how a notice would look, and who could be reached by it now.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, extract::State};
use shared::{
    notices::{Audience, NoticePreviewResponse, NoticeReach, NoticeRequest},
    setup::{ServerState, SetupResponse},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::AppError,
    extract::{Instructor, JsonBody, LightReads, RateLimited, limit_body},
    notices::{MAX_NOTICE_BYTES, participants},
    setup,
};
use crate::{
    app::AppState,
    notices::{NoticeDraft, brief, rendered},
    time,
};

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(preview_notice))
        .layer(limit_body(MAX_NOTICE_BYTES))
}

/// `POST /api/notices/preview`
#[utoipa::path(post, path = "/notices/preview", tag = "notices", request_body = NoticeRequest,
    summary = "How a notice would look, and whom it would reach now; sends nothing",
    responses((status = OK, body = NoticePreviewResponse)))]
async fn preview_notice(
    State(state): State<Arc<AppState>>,
    _: Instructor,
    _: RateLimited<LightReads>,
    JsonBody(request): JsonBody<NoticeRequest>,
) -> Result<Json<NoticePreviewResponse>, AppError> {
    let draft = NoticeDraft::read(request, time::now_ms()).map_err(AppError::BadRequest)?;
    let servers = setup::table(Arc::clone(&state)).await?;
    let html = rendered(&draft.text, "preview-");
    Ok(Json(NoticePreviewResponse {
        brief: brief(draft.title.as_deref(), &html),
        html,
        reach: reach(&state, &draft.to, &servers),
    }))
}

fn reach(state: &AppState, to: &Audience, servers: &SetupResponse) -> NoticeReach {
    let listening = state.notices.listeners().users();
    let running = servers.servers.iter();
    let running = running.filter(|row| row.state == ServerState::Running);
    let running: BTreeSet<&str> = running.map(|row| row.user.as_str()).collect();
    let recipients = recipients(state, to, &running);
    let among = |is_one: &dyn Fn(&str) -> bool| {
        let found = recipients.iter().filter(|user| is_one(user));
        found.count()
    };
    NoticeReach {
        recipients: recipients.len(),
        with_server: among(&|user| running.contains(user)),
        with_page: among(&|user| listening.contains(user)),
    }
}

/// The users whom a notice is for, as far as they are known: everyone is who has a notebook, or a
/// server that runs.
fn recipients(state: &AppState, to: &Audience, running: &BTreeSet<&str>) -> BTreeSet<String> {
    match to {
        Audience::User(user) => BTreeSet::from([user.clone()]),
        Audience::Users(users) => users.iter().cloned().collect(),
        Audience::Everyone(_) => {
            let mut everyone = participants(state);
            everyone.extend(running.iter().map(|user| (*user).to_owned()));
            everyone
        }
        Audience::Notebook(filename) => {
            let copies = state.class.copy_ids().into_iter();
            let copies = copies.filter(|key| key.filename == *filename);
            copies.map(|key| key.user).collect()
        }
    }
}
