//! What a program gets that asks for the page, such as `curl` without a header: how to sign in, and
//! where the routes for programs are told.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use shared::setup::MANAGE_PAGES;

use crate::{app::AppState, auth::Auth};

/// The addresses of the page below the prefix, which the page's own router tells apart.
const PAGES: [&str; 5] = ["", "index.html", "notebook", "follow", "document"];

/// Whether the page is at this path below the prefix.
pub(super) fn is_page(path: &str) -> bool {
    PAGES.contains(&path) || MANAGE_PAGES.contains(&path)
}

/// The text for a program, which holds nothing of anyone.
pub(super) fn usage(state: &AppState) -> Response {
    let prefix = &state.prefix;
    let (sign_in, token) = match &state.auth {
        Auth::Hub(hub) => (
            "JupyterHub signs you in there".to_owned(),
            format!("Make one at {} on the Hub.", hub.oauth.token_url()),
        ),
        Auth::Standalone { .. } => (
            "the link that `pipalhub serve` has printed signs you in".to_owned(),
            "It stands in that link, after #token=.".to_owned(),
        ),
    };
    let text = format!(
        "PipalHub: a live page of each participant's last notebook cells.\n\
         \n\
         This address is a page for a browser: {sign_in}.\n\
         \n\
         A program sends a token:\n\
         \n\
         \x20   curl -H \"Authorization: token $TOKEN\" $HOST{prefix}api/session\n\
         \n\
         {token}\n\
         \n\
         {prefix}openapi.json   every route, as OpenAPI; needs the token too\n\
         {prefix}healthz        whether the service is well; needs none\n"
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
