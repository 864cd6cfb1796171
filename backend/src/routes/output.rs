//! One output that needs a script, as a document for a frame of the page.
//!
//! A script of a participant's kernel may do anything a page can, so the policy leaves it nothing
//! to do it to: the document has an origin of its own, no network, no frame but its own and no
//! way to move the page around it. The sandbox is in the answer and not only on the page's
//! `iframe`, so that the address opened by itself is as harmless.
//!
//! A content policy is about requests. Connections without a request (WebRTC, `preconnect`, the
//! first steps of a navigation that is then refused) are closed by `Connection-Allowlist`
//! where a browser knows it, Chromium since 2026, and by the code that `shared::prepare` puts
//! before the participant's script and around it.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use shared::{notebook::Notebook, prepare};
use utoipa::IntoParams;

use super::{
    blocking::in_lane_of,
    error::AppError,
    extract::{NotebookReads, Query, RateLimited},
};
use crate::{app::AppState, class::CopyId};

/// Allows inline scripts, inline styles and data in the document, and nothing from elsewhere.
const OUTPUT_POLICY: &str = "sandbox allow-scripts; default-src 'none'; \
                      script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; \
                      img-src data: blob:; font-src data:; base-uri 'none'; \
                      form-action 'none'; frame-src 'none'; child-src 'none'; \
                      worker-src 'none'; object-src 'none'; connect-src 'none'; \
                      webrtc 'block'; frame-ancestors 'self'";

/// The headers of the document: the policy, an empty allowlist of connections of any kind, and no
/// rights to devices.
const OUTPUT_HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, OUTPUT_POLICY),
    (HeaderName::from_static("connection-allowlist"), "()"),
    (header::X_DNS_PREFETCH_CONTROL, "off"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), \
         publickey-credentials-get=(), serial=(), usb=(), hid=(), bluetooth=(), web-share=()",
    ),
];

/// An output of a copy, or of a kept version of it; both numbers count from 0.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OutputQuery {
    /// A version that is kept; the notebook as it is now, when it is not given.
    version: Option<i64>,
    /// The notebook's path below the participant's home.
    #[serde(deserialize_with = "crate::filename::deserialize")]
    filename: String,
    /// The participant.
    user: String,
    /// The cell, from 0.
    cell: usize,
    /// The output of the cell, from 0.
    output: usize,
}

/// `GET /api/output`
#[utoipa::path(get, path = "/output", tag = "class", params(OutputQuery),
    summary = "One output that needs a script, as a document for a sandboxed frame",
    responses((status = OK, body = String, content_type = "text/html")))]
pub(super) async fn get_output(
    State(state): State<Arc<AppState>>,
    RateLimited { identity, slot, .. }: RateLimited<NotebookReads>,
    headers: HeaderMap,
    Query(query): Query<OutputQuery>,
) -> Result<Response, AppError> {
    // The same answer whether the notebook is not there or not for this participant.
    let missing = || AppError::NotFound("There is no such output to show.".to_owned());
    let is_followed =
        || query.version.is_none() && state.sharing.is_followed(&query.filename, &query.user);
    if !is_for_a_frame(&headers) || !(identity.may_see(&query.user) || is_followed()) {
        return Err(missing());
    }
    let document = document(&state, query).await?.ok_or_else(missing)?;
    let document = Html(slot.hold(document.into_bytes()));
    Ok((OUTPUT_HEADERS, document).into_response())
}

/// Whether the answer goes into a frame, as browsers say in a header. A request without the
/// header is from a script or an old browser, which obeys the policy all the same.
pub(super) fn is_for_a_frame(headers: &HeaderMap) -> bool {
    const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
    headers.get(DESTINATION).is_none_or(|to| to == "iframe")
}

async fn document(state: &AppState, query: OutputQuery) -> Result<Option<String>, AppError> {
    let OutputQuery { cell, output, .. } = query;
    let key = CopyId {
        filename: query.filename,
        user: query.user,
    };
    let find = move |notebook: &Notebook| prepare::frame_document(notebook, cell, output);
    let Some(version) = query.version else {
        // Only notebooks that the class shows, not any file of a home.
        return Ok(state.class.with_notebook(&key, find).await?.flatten());
    };
    let Some(history) = state.history.clone() else {
        return Ok(None);
    };
    in_lane_of(state, &key.user.clone(), move |lanes| {
        let Some(length) = history.length(&key, version)? else {
            return Ok(None);
        };
        let _turn = lanes.turn(length);
        let Some(bytes) = history.bytes(&key, version)? else {
            return Ok(None);
        };
        let parsed = Notebook::parse(&bytes).ok();
        Ok(parsed.and_then(|parsed| find(&parsed.notebook)))
    })
    .await
}
