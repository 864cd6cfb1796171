//! `/users`: the class's list, which the steward changes for the service.
//!
//! `POST /users` is for a client of old, so its answers are those of the original, word for word.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, OriginalUri, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::users::{
    AuditResponse, ImportRequest, NewUser, PreviewRequest, PreviewResponse, RefusalKind,
    RefusedUser, ServersRequest, UserCredentials, UsersChange, UsersResponse,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blocking::blocking,
    error::AppError,
    extract::{Instructor, JsonBody, JsonObject, LightReads, RateLimited, Viewer, limit_body},
    page_or_list::{PageOrList, page_or_list},
    steward,
};
use crate::{
    app::AppState,
    auth::{Auth, RosterAnswer},
    steward::protocol::{StewardReply, StewardRequest},
    time,
};

/// The largest list that is imported, in bytes; the steward takes no larger request.
const MAX_LIST_BYTES: usize = 1 << 20;
/// Changes in one answer.
const LISTED_CHANGES: usize = 200;

const NO_STEWARD: &str = "Users cannot be changed here, since no steward runs. With \
                          configure(c, steward=True) the Hub starts one; docs/users.md says more.";

pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    let lists = OpenApiRouter::new()
        .routes(routes!(import_users))
        .routes(routes!(preview_users))
        .layer(limit_body(MAX_LIST_BYTES));
    OpenApiRouter::new()
        .merge(lists)
        .routes(routes!(list_users, add_user))
        .routes(routes!(list_changes))
        .routes(routes!(change_servers))
        .routes(routes!(remove_user))
        .routes(routes!(delete_home))
        .routes(routes!(reset_password))
}

/// `GET /users`
#[utoipa::path(get, path = "/users", tag = "users",
    summary = "Who is in the class's list, and whether their accounts are there",
    description = "A browser that opens this address gets the page.",
    responses((status = OK, body = UsersResponse)))]
async fn list_users(
    State(state): State<Arc<AppState>>,
    uri: OriginalUri,
    request: Request,
) -> Result<Response, AppError> {
    let (mut parts, _turn) = match page_or_list(&state, uri, request).await? {
        PageOrList::Page(page) => return Ok(page),
        PageOrList::List { parts, turn } => (parts, turn),
    };
    let instructor = Instructor::from_request_parts(&mut parts, &state).await;
    let mut users = list(&state).await?;
    if instructor.is_err() {
        // Helpers see, and are given no password.
        users.accounts.shared_password = None;
    }
    Ok(Json(users).into_response())
}

async fn list(state: &AppState) -> Result<UsersResponse, AppError> {
    match ask(state, StewardRequest::ListUsers {}).await? {
        StewardReply::Users(mut users) => {
            add_failures(state, &mut users).await;
            Ok(users)
        }
        _ => steward::unexpected(),
    }
}

/// Adds why servers did not start that the steward has not started.
async fn add_failures(state: &AppState, list: &mut UsersResponse) {
    let Auth::Hub(hub) = &state.auth else {
        return;
    };
    let roster = match hub.client.roster().await {
        RosterAnswer::Known(roster) | RosterAnswer::Unanswered(Some(roster)) => roster,
        RosterAnswer::Refused | RosterAnswer::Unanswered(None) => return,
    };
    for user in &mut list.users {
        if user.server_failure.is_none() {
            user.server_failure = roster.failures.get(&user.username).cloned();
        }
    }
}

/// The answer of `POST /users`.
#[derive(Serialize, ToSchema)]
struct AddedUserResponse {
    username: String,
}

/// The body of `POST /users`, for the document.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "the document describes it; the handler reads a JSON object"
)]
struct AddUserRequest {
    username: String,
    password: String,
}

/// `POST /users`
#[utoipa::path(post, path = "/users", tag = "users", summary = "Add a user with a password",
    request_body = AddUserRequest,
    responses((status = CREATED, body = AddedUserResponse)))]
async fn add_user(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<AddedUserResponse>), AppError> {
    let text = |name: &str, refusal: &str| match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(AppError::BadRequest(refusal.to_owned())),
    };
    let username = text("username", "Username is invalid")?;
    let user = NewUser {
        username: username.clone(),
        password: Some(text("password", "Password is invalid")?),
    };
    let request = StewardRequest::AddUsers {
        by: who.user,
        users: vec![user],
        as_root: false,
    };
    let change = change_of(ask(&state, request).await?)?;
    let own = change
        .refused
        .into_iter()
        .find(|it| it.username == username);
    match own {
        None => Ok((StatusCode::CREATED, Json(AddedUserResponse { username }))),
        Some(RefusedUser { kind, reason, .. }) => Err(match kind {
            RefusalKind::Username => AppError::BadRequest("Username is invalid".to_owned()),
            RefusalKind::Password => AppError::BadRequest("Password is invalid".to_owned()),
            RefusalKind::Exists => AppError::BadRequest("User already exists".to_owned()),
            RefusalKind::Account => AppError::Unavailable {
                message: "The system could not make the account; the service's log says why.",
                cause: reason,
            },
        }),
    }
}

/// `POST /users/import`
#[utoipa::path(post, path = "/users/import", tag = "users", summary = "Add a class",
    description = "Users without a password get a new one. Passwords are in this answer and in \
        no later one. Those who cannot be added are named; the others are added.",
    request_body = ImportRequest, responses((status = OK, body = UsersChange)))]
async fn import_users(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    JsonBody(ImportRequest { users }): JsonBody<ImportRequest>,
) -> Result<Json<UsersChange>, AppError> {
    let request = StewardRequest::AddUsers {
        by: who.user,
        users,
        as_root: false,
    };
    change_of(ask(&state, request).await?).map(Json)
}

/// `POST /users/import/preview`
#[utoipa::path(post, path = "/users/import/preview", tag = "users",
    summary = "Read a pasted list, and say what is wrong with which line",
    request_body = PreviewRequest, responses((status = OK, body = PreviewResponse)))]
async fn preview_users(
    State(state): State<Arc<AppState>>,
    _: Instructor,
    JsonBody(PreviewRequest { text }): JsonBody<PreviewRequest>,
) -> Result<Json<PreviewResponse>, AppError> {
    match ask(&state, StewardRequest::ReadList { text }).await? {
        StewardReply::List(list) => Ok(Json(list)),
        _ => steward::unexpected(),
    }
}

/// `GET /users/audit`
#[utoipa::path(get, path = "/users/audit", tag = "users",
    summary = "Who has changed which user, newest first",
    responses((status = OK, body = AuditResponse)))]
async fn list_changes(
    State(state): State<Arc<AppState>>,
    _: Viewer,
    _: RateLimited<LightReads>,
) -> Result<Json<AuditResponse>, AppError> {
    let request = StewardRequest::Audit {
        most: LISTED_CHANGES,
    };
    match ask(&state, request).await? {
        StewardReply::Audit { entries } => Ok(Json(AuditResponse { entries })),
        _ => steward::unexpected(),
    }
}

/// `POST /users/servers`
#[utoipa::path(post, path = "/users/servers", tag = "users",
    summary = "Start the servers of the class, or stop them, a few at a time",
    request_body = ServersRequest, responses((status = ACCEPTED)))]
async fn change_servers(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    JsonBody(ServersRequest { start, usernames }): JsonBody<ServersRequest>,
) -> Result<StatusCode, AppError> {
    let request = StewardRequest::Servers {
        by: who.user,
        start,
        usernames,
    };
    match ask(&state, request).await? {
        StewardReply::Done {} => Ok(StatusCode::ACCEPTED),
        _ => steward::unexpected(),
    }
}

/// `DELETE /users/{username}`
#[utoipa::path(delete, path = "/users/{username}", tag = "users",
    summary = "Remove a user; their home stays",
    params(("username" = String, Path)), responses((status = NO_CONTENT)))]
async fn remove_user(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    Path(username): Path<String>,
) -> Result<StatusCode, AppError> {
    let request = StewardRequest::RemoveUser {
        by: who.user,
        username: username.clone(),
        as_root: false,
    };
    match ask(&state, request).await? {
        StewardReply::Done {} => {
            // Whoever asked for help and is gone waits for nobody.
            let help = Arc::clone(&state.help);
            let user = username.clone();
            blocking(move || Ok(help.forget(&user, time::now_ms())?)).await?;
            if let Some(insight) = &state.insight {
                insight.forget(&username);
            }
            Ok(StatusCode::NO_CONTENT)
        }
        _ => steward::unexpected(),
    }
}

/// The body of `DELETE /users/{username}/home`.
#[derive(Deserialize, ToSchema)]
struct DeleteHomeRequest {
    /// The user's name, once more.
    confirm: String,
}

/// `DELETE /users/{username}/home`
#[utoipa::path(delete, path = "/users/{username}/home", tag = "users",
    summary = "Delete the home that a removed user has left",
    params(("username" = String, Path)), request_body = DeleteHomeRequest,
    responses((status = NO_CONTENT)))]
async fn delete_home(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    Path(username): Path<String>,
    JsonBody(DeleteHomeRequest { confirm }): JsonBody<DeleteHomeRequest>,
) -> Result<StatusCode, AppError> {
    if confirm != username {
        return Err(AppError::BadRequest(
            "To delete a home, `confirm` has to be the user's name: nothing is deleted.".to_owned(),
        ));
    }
    let request = StewardRequest::DeleteHome {
        by: who.user,
        username,
        as_root: false,
    };
    match ask(&state, request).await? {
        StewardReply::Done {} => Ok(StatusCode::NO_CONTENT),
        _ => steward::unexpected(),
    }
}

/// The body of `POST /users/{username}/password`.
#[derive(Deserialize, ToSchema)]
struct ResetPasswordRequest {
    /// The password; a new one is made where there is none.
    #[serde(default)]
    password: Option<String>,
}

/// `POST /users/{username}/password`
#[utoipa::path(post, path = "/users/{username}/password", tag = "users",
    summary = "Give a user another password",
    params(("username" = String, Path)), request_body = ResetPasswordRequest,
    responses((status = OK, body = UserCredentials)))]
async fn reset_password(
    State(state): State<Arc<AppState>>,
    Instructor(who): Instructor,
    Path(username): Path<String>,
    JsonBody(ResetPasswordRequest { password }): JsonBody<ResetPasswordRequest>,
) -> Result<Json<UserCredentials>, AppError> {
    let request = StewardRequest::ResetPassword {
        by: who.user,
        username,
        password,
        as_root: false,
    };
    match ask(&state, request).await? {
        StewardReply::Credentials(credentials) => Ok(Json(credentials)),
        _ => steward::unexpected(),
    }
}

/// The steward's answer.
async fn ask(state: &AppState, request: StewardRequest) -> Result<StewardReply, AppError> {
    steward::ask(&state.steward, &request, NO_STEWARD).await
}

fn change_of(answer: StewardReply) -> Result<UsersChange, AppError> {
    match answer {
        StewardReply::Change(change) => Ok(change),
        _ => steward::unexpected(),
    }
}
