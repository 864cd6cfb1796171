//! `GET /openapi.json`: every route, for programs that make clients of it. Each handler
//! says its own part in its `#[utoipa::path]`, and [`super::router`] puts the handlers and
//! the document together in one go, so that neither has what the other has not.
//!
//! Here is what is said once for all of them, and what handlers read by hand.

use axum::{
    Extension,
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    notices::NoticeNews,
    wire::{ErrorBody, StreamHello},
};
use utoipa::{
    IntoParams, Modify, OpenApi, ToSchema,
    openapi::{
        self, Content, Ref, ResponseBuilder, Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::extract::Participant;
use crate::{app::AppState, auth::SESSION_COOKIE};

/// Filters: equality on any field of an event.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the handlers take the pairs apart themselves")]
pub(super) struct EventQuery {
    /// The event's number.
    id: Option<i64>,
    /// What happened, such as `save-notebook`.
    #[param(rename = "type")]
    kind: Option<String>,
    /// The participant.
    user: Option<String>,
    /// The notebook's path below the participant's home.
    filename: Option<String>,
    /// The notebook's whole path.
    path: Option<String>,
    /// RFC 3339.
    timestamp: Option<String>,
}

/// An event to be stored.
#[derive(Serialize, ToSchema)]
pub(super) struct EventBody {
    /// What happened, such as `save-notebook`.
    #[serde(rename = "type")]
    kind: String,
    /// The participant; under a Hub, the token's owner.
    user: String,
    /// The notebook's path below the participant's home.
    filename: String,
    /// The notebook's whole path, in the participant's home.
    path: String,
    /// RFC 3339; now, when it is not given.
    timestamp: Option<String>,
    /// Of a `save-failed`: why, such as `disk-full`.
    reason: Option<String>,
}

/// The document as it is sent.
#[derive(Clone)]
pub(super) struct Document(Bytes);

impl From<openapi::OpenApi> for Document {
    fn from(mut document: openapi::OpenApi) -> Self {
        Refusals.modify(&mut document);
        Wildcards.modify(&mut document);
        let text = document.to_json().expect("the document is JSON");
        Self(text.into())
    }
}

/// `GET /openapi.json`
#[utoipa::path(get, path = "/openapi.json", tag = "service", summary = "This document",
    responses((status = OK, body = Object)))]
pub(super) async fn get_openapi(
    _: Participant,
    Extension(document): Extension<Document>,
) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], document.0).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "PipalHub", description = "See everyone's work as it happens.", license(name = "BSD-3-Clause", identifier = "BSD-3-Clause")),
    components(schemas(ErrorBody, NoticeNews, StreamHello)),
    security(("token" = []), ("session" = [])),
    modifiers(&Schemes)
)]
struct About;

/// The beginning of the document, to which the routes are added.
pub(super) fn about(state: &AppState) -> openapi::OpenApi {
    let mut about = About::openapi();
    let prefix = state.prefix.trim_end_matches('/');
    about.servers = Some(vec![Server::new(if prefix.is_empty() {
        "/"
    } else {
        prefix
    })]);
    about
}

/// How somebody says who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token of the Hub's or, without a Hub, the printed one. `token` is taken for \
                 `Bearer` too.",
            ))
            .build();
        let session = ApiKeyValue::with_description(
            SESSION_COOKIE,
            "What signing in left in the browser; for reading only.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// A route for every path below another, `{*path}`, is a parameter like others here.
struct Wildcards;

impl Modify for Wildcards {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let paths = std::mem::take(&mut document.paths.paths);
        document.paths.paths = paths
            .into_iter()
            .map(|(template, item)| (template.replace("{*", "{"), item))
            .collect();
    }
}

/// What every route answers when it does not answer what it was asked for.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let refusal = ResponseBuilder::new()
            .description("Refused, and why.")
            .content(
                "application/json",
                Content::new(Some(Ref::from_schema_name("ErrorBody"))),
            )
            .build();
        for item in document.paths.paths.values_mut() {
            let methods = [
                &mut item.get,
                &mut item.put,
                &mut item.post,
                &mut item.delete,
                &mut item.patch,
            ];
            for operation in methods.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                responses.insert("default".to_owned(), refusal.clone().into());
            }
        }
    }
}
