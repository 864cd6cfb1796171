//! `GET /metrics`: the work and the health of the service, for Prometheus. The numbers of
//! notebooks and events are the class's own, so only requesters who see the class get them: an
//! instructor, a helper, or a service of the Hub that holds their scopes.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics::gauge;

use super::{error::AppError, extract::Viewer};
use crate::{app::AppState, telemetry::render_metrics};

/// `GET /metrics`
#[utoipa::path(get, path = "/metrics", tag = "service",
    summary = "Metrics for Prometheus; for who sees the class",
    responses((status = OK, body = String, content_type = "text/plain")))]
pub(super) async fn get_metrics(
    State(state): State<Arc<AppState>>,
    _: Viewer,
) -> Result<Response, AppError> {
    let text = tokio::task::spawn_blocking(move || {
        report_class(&state);
        render_metrics()
    })
    .await
    .map_err(AppError::internal)?
    .map_err(AppError::internal)?;
    let kind = (
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    );
    Ok(([kind], text).into_response())
}

/// Sets the gauges that are counted only when `/metrics` is read.
fn report_class(state: &AppState) {
    let keys = state.class.copy_ids();
    let notebooks: HashSet<_> = keys.iter().map(|key| &key.filename).collect();
    let participants: HashSet<_> = keys.iter().map(|key| &key.user).collect();
    gauge!("pipalhub_class_notebooks").set(notebooks.len() as f64);
    gauge!("pipalhub_class_participants").set(participants.len() as f64);
    if let Some(builds) = &state.builds {
        builds.gauge();
    }
    let healthy = state.store.trouble().is_none();
    gauge!("pipalhub_store_healthy").set(if healthy { 1.0 } else { 0.0 });
}
