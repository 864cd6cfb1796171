//! `/api/workshop`: what the panel in a participant's JupyterLab shows beside the notices, in one
//! answer, because a whole class has the panel open.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc, time::Instant};

use axum::{Json, extract::State};
use shared::{
    wire::NotebookSummary,
    workshop::{SeenNotebook, WorkshopResponse},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{LightReads, RateLimited};
use crate::{app::AppState, auth::Auth, class::CopyId, time};

/// The most notebooks of one answer.
const MAX_NOTEBOOKS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(get_workshop))
}

/// `GET /api/workshop`
#[utoipa::path(get, path = "/workshop", tag = "sharing",
    summary = "What whoever asks sees of the class and the class of them: for the panel in JupyterLab",
    description = "`notebooks` are the asker's own, also of an instructor, the newest 50 first.",
    responses((status = OK, body = WorkshopResponse)))]
async fn get_workshop(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, .. }: RateLimited<LightReads>,
) -> Json<WorkshopResponse> {
    let mut own = state
        .class
        .notebooks(Some(&identity.user), &BTreeSet::new());
    own.sort_by_key(|notebook| Reverse(notebook.saved_at_ms));
    let more = own.len().saturating_sub(MAX_NOTEBOOKS);
    own.truncate(MAX_NOTEBOOKS);
    let own = own.into_iter();
    Json(WorkshopResponse {
        now_ms: time::now_ms(),
        page: page(&state),
        sharing: state.sharing.current(),
        about: state.about.clone(),
        notebooks: own.map(|it| seen(&state, it, &identity.user)).collect(),
        more,
    })
}

/// Where a browser finds the page.
fn page(state: &AppState) -> String {
    match &state.auth {
        Auth::Hub(hub) => hub.oauth.page().to_owned(),
        Auth::Standalone { .. } => state.prefix.clone(),
    }
}

fn seen(state: &AppState, notebook: NotebookSummary, user: &str) -> SeenNotebook {
    let NotebookSummary {
        filename,
        saved_at_ms,
        ..
    } = notebook;
    let key = CopyId {
        filename,
        user: user.to_owned(),
    };
    let problem = state.class.save_failures().problem(&key, Instant::now());
    SeenNotebook {
        filename: key.filename,
        saved_at_ms,
        problem: problem.map(|problem| format!("saves fail: {}", problem.words())),
    }
}
