//! Addresses that are a page for a browser and a list for a program, as `/users`.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, OriginalUri, Request, State},
    http::request::Parts,
    response::Response,
};

use super::{
    error::AppError,
    extract::{LightReads, RateLimited, Viewer, is_navigation},
    page::get_page,
};
use crate::app::AppState;

/// Who has come.
pub(super) enum PageOrList {
    /// A browser, with its answer.
    Page(Response),
    /// A program of a helper's or an instructor's.
    List {
        parts: Box<Parts>,
        /// It holds its place among the reader's requests until the answer is made.
        turn: RateLimited<LightReads>,
    },
}

/// Gives a browser the page, and lets a program of a helper's or an instructor's go on.
pub(super) async fn page_or_list(
    state: &Arc<AppState>,
    uri: OriginalUri,
    request: Request,
) -> Result<PageOrList, AppError> {
    if is_navigation(request.headers()) {
        let page = get_page(State(Arc::clone(state)), uri, request).await?;
        return Ok(PageOrList::Page(page));
    }
    let (mut parts, _) = request.into_parts();
    Viewer::from_request_parts(&mut parts, state).await?;
    let turn = RateLimited::<LightReads>::from_request_parts(&mut parts, state).await?;
    Ok(PageOrList::List {
        parts: Box::new(parts),
        turn,
    })
}
