//! `GET /openapi.json`: every route, for programs that make clients of it. Each handler
//! describes itself in its `#[utoipa::path]`, and [`super::router`] puts the handlers and
//! the document together in one go, so that both have the same routes.
//!
//! This module has the parts that are common to all routes, and the parameters and bodies that
//! handlers parse without a type of their own.

use axum::{
    Extension,
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    notices::NoticeAnnouncement,
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

/// Filters of events: equality on a field.
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

/// The JSON of the OpenAPI document, as it is sent.
#[derive(Clone)]
pub(super) struct OpenApiJson(Bytes);

impl From<openapi::OpenApi> for OpenApiJson {
    fn from(mut document: openapi::OpenApi) -> Self {
        AddErrorResponses.modify(&mut document);
        RenameWildcards.modify(&mut document);
        let text = document.to_json().expect("the document is JSON");
        Self(text.into())
    }
}

/// `GET /openapi.json`
#[utoipa::path(get, path = "/openapi.json", tag = "service", summary = "This document",
    responses((status = OK, body = Object)))]
pub(super) async fn get_openapi(
    _: Participant,
    Extension(document): Extension<OpenApiJson>,
) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], document.0).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "PipalHub", description = "See everyone's work as it happens.", license(name = "BSD-3-Clause", identifier = "BSD-3-Clause")),
    components(schemas(ErrorBody, NoticeAnnouncement, StreamHello)),
    security(("token" = []), ("session" = [])),
    modifiers(&AddSecuritySchemes)
)]
struct DocumentHead;

/// The document without routes, to which [`super::router`] adds them.
pub(super) fn document_head(state: &AppState) -> openapi::OpenApi {
    let mut head = DocumentHead::openapi();
    let prefix = state.prefix.trim_end_matches('/');
    head.servers = Some(vec![Server::new(if prefix.is_empty() {
        "/"
    } else {
        prefix
    })]);
    head
}

/// Adds the two ways to authenticate: a token and the session cookie.
struct AddSecuritySchemes;

impl Modify for AddSecuritySchemes {
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

/// Renames axum's wildcard `{*path}` to `{path}`, since OpenAPI has no wildcards.
struct RenameWildcards;

impl Modify for RenameWildcards {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let paths = std::mem::take(&mut document.paths.paths);
        document.paths.paths = paths
            .into_iter()
            .map(|(template, item)| (template.replace("{*", "{"), item))
            .collect();
    }
}

/// Adds the JSON error body to every operation as its `default` response.
struct AddErrorResponses;

impl Modify for AddErrorResponses {
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
