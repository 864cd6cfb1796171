//! The page in the browser: the frontend's files, embedded in the binary, and its
//! `index.html` and `manage.html` with the prefix of this service written into it.
//!
//! One build serves every Hub, because the prefix is written into it only here.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, OriginalUri, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};
use shared::{render::escape::attribute, setup::MANAGE_PAGES};

use super::{
    error::AppError,
    extract::{PageVisitor, is_navigation},
    usage::{is_page, usage},
};
use crate::{app::AppState, auth::Auth, secret::Secret};

/// The files that `cargo xtask build` leaves there; a binary built without them says so when the
/// page is opened.
#[derive(Embed)]
#[folder = "../frontend/dist"]
#[allow_missing = true]
struct Dist;

const INDEX_FILE: &str = "index.html";
/// The app of the pages for running a class.
const MANAGE_FILE: &str = "manage.html";
/// Begins the element in which Trunk writes the address of the page.
const BASE_ELEMENT: &str = "<base ";
/// Trunk's placeholder for a nonce (`create_nonce` in Trunk.toml).
const NONCE_PLACEHOLDER: &str = "{{__TRUNK NONCE__}}";

/// Answers every path that is no other route's: with a file of the frontend, or with the page,
/// whose own router reads the path.
pub(super) async fn get_page(
    State(state): State<Arc<AppState>>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response, AppError> {
    let missing = || AppError::NotFound(format!("There is no {} here.", uri.path()));
    let path = uri.path().strip_prefix(&state.prefix).ok_or_else(missing)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(missing());
    }
    if !matches!(path, INDEX_FILE | MANAGE_FILE)
        && let Some(file) = Dist::get(path)
    {
        return Ok(file_response(path, &file, request.headers()));
    }
    let document = match MANAGE_PAGES.contains(&path) {
        true => MANAGE_FILE,
        false => INDEX_FILE,
    };
    // A path like those of the routes for programs is a program's mistake, and never the page.
    let is_for_programs = ["api/", "events/"]
        .iter()
        .any(|start| path.starts_with(start));
    if is_for_programs {
        return Err(missing());
    }
    if !is_navigation(request.headers()) {
        return match is_page(path) {
            true => Ok(usage(&state)),
            false => Err(missing()),
        };
    }
    if let Auth::Hub(_) = &state.auth {
        let (mut parts, _) = request.into_parts();
        // Without a Hub the page itself asks for the token.
        if let Err(refused) = PageVisitor::from_request_parts(&mut parts, &state).await {
            return Ok(refused);
        }
    }
    Ok(document_response(document, &state.prefix))
}

/// `GET /poll.js`: for anyone's own pages. Static, so open to everyone.
#[utoipa::path(get, path = "/poll.js", tag = "events", security(()),
    summary = "A script for pages of one's own: what happened, and when something does",
    responses((status = OK, body = String, content_type = "text/javascript")))]
pub(super) async fn get_poll_js() -> Response {
    let script = include_str!("../../assets/poll.js");
    (
        [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            NO_CACHE,
        ],
        script,
    )
        .into_response()
}

const NO_CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");

fn document_response(document: &str, prefix: &str) -> Response {
    let Some(document) = Dist::get(document) else {
        return Html(
            "<!doctype html><html lang=en><meta charset=utf-8><title>PipalHub</title>\
             <h1>This binary has no page in it</h1>\
             <p>Build it with <code>cargo xtask build</code>.</p></html>",
        )
        .into_response();
    };
    let nonce = Secret::random();
    let page = filled_in(
        &String::from_utf8_lossy(&document.data),
        prefix,
        nonce.reveal(),
    );
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{}' 'wasm-unsafe-eval'; style-src 'self'; \
         connect-src 'self'; img-src 'self' data:; media-src data:; font-src 'self'; frame-src 'self'; \
         base-uri 'self'; form-action 'self'; frame-ancestors 'none', {}",
        nonce.reveal(),
        frames(prefix)
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy.as_str()), NO_CACHE];
    (headers, Html(page)).into_response()
}

/// A second policy beside the page's own: of this origin, a frame may show outputs and builds,
/// and no participant's server below `/user/`. It is one of its own because both policies must
/// allow a frame, and because a source with a path needs a host beside it, which a proxy may not
/// tell.
fn frames(prefix: &str) -> String {
    // Parts of a policy end at these.
    let prefix = prefix.replace(';', "%3B").replace(',', "%2C");
    format!("frame-src *:*{prefix}api/output *:*{prefix}build/")
}

/// The page as Trunk wrote it, with this service's prefix and a nonce filled in.
fn filled_in(page: &str, prefix: &str, nonce: &str) -> String {
    let Some((before, rest)) = page.split_once(BASE_ELEMENT) else {
        return page.to_owned();
    };
    // Minified, the element has neither quotes nor a slash.
    let after = rest.split_once('>').map_or(rest, |(_, after)| after);
    let prefix = attribute(prefix);
    format!(r#"{before}<base href="{prefix}">{after}"#).replace(NONCE_PLACEHOLDER, nonce)
}

fn file_response(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    // Trunk names files after their content, so they never change under their name.
    let caching = if is_hashed(path) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == &etag)
    {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (encoding, data) = encoded(path, file, headers);
        // Not copied, so that a slow reader, who need not be signed in, keeps nothing in memory.
        let data = match data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => data.into(),
        };
        let mut response = Response::new(Body::from(data));
        let mime = HeaderValue::from_str(file.metadata.mimetype());
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            mime.unwrap_or(HeaderValue::from_static("application/octet-stream")),
        );
        if let Some(encoding) = encoding {
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&etag).expect("hex in quotes"),
    );
    response
}

/// The file; the compressed one when the browser takes brotli and the build has made it.
fn encoded(
    path: &str,
    file: &EmbeddedFile,
    headers: &HeaderMap,
) -> (Option<&'static str>, Cow<'static, [u8]>) {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let takes_brotli = accepted.is_some_and(|accepted| {
        accepted
            .split(',')
            .any(|coding| coding.split(';').next().is_some_and(|c| c.trim() == "br"))
    });
    match takes_brotli
        .then(|| Dist::get(&format!("{path}.br")))
        .flatten()
    {
        Some(compressed) => (Some("br"), compressed.data),
        None => (None, file.data.clone()),
    }
}

/// Whether the name holds a hash: `frontend-0123456789abcdef.js`,
/// `frontend-0123456789abcdef_bg.wasm`.
fn is_hashed(path: &str) -> bool {
    path.split(['-', '.', '_'])
        .any(|part| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_prefix_and_nonce() {
        for base in [r#"<base href="./" />"#, "<base href=./>"] {
            let index = format!(r#"<a>{base}<script nonce="{NONCE_PLACEHOLDER}">"#);
            let page = filled_in(&index, r#"/a"b/"#, "once");
            assert_eq!(page, r#"<a><base href="/a&quot;b/"><script nonce="once">"#);
        }
    }

    /// Runs where the page has been built.
    #[test]
    fn the_documents_of_trunk_hold_both_placeholders() {
        for document in [INDEX_FILE, MANAGE_FILE].into_iter().filter_map(Dist::get) {
            let document = String::from_utf8_lossy(&document.data);
            assert!(
                document.contains(BASE_ELEMENT) && document.contains(NONCE_PLACEHOLDER),
                "{document}"
            );
        }
    }

    #[test]
    fn a_hash_in_a_filename_is_recognised() {
        assert!(is_hashed("frontend-56f3e8a7c0d1b2e4.js"));
        assert!(is_hashed("frontend-56f3e8a7c0d1b2e4_bg.wasm"));
        assert!(!is_hashed("favicon.svg"));
        assert!(!is_hashed("frontend.js"));
    }
}
