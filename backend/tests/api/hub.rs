//! A Hub that knows a few tokens, and can be made to fail or to hang.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

/// The service's own token.
pub(crate) const SERVICE_TOKEN: &str = "service-token-canary";

/// A Hub for tests.
#[derive(Default)]
pub(crate) struct FakeHub {
    pub(crate) down: AtomicBool,
    /// The number of questions so far.
    pub(crate) asked: AtomicUsize,
    /// Whether the Hub answers nothing for now.
    pub(crate) hangs: watch::Sender<bool>,
    /// The number of questions that wait for their answer.
    pub(crate) waiting: AtomicUsize,
    /// The most that have waited at once.
    pub(crate) most_waiting: AtomicUsize,
    /// The tokens of all questions, in order.
    pub(crate) tokens: Mutex<Vec<String>>,
    /// Tokens that the Hub does not know any more.
    pub(crate) revoked: Mutex<HashSet<String>>,
    pub(crate) trades: Mutex<Vec<HashMap<String, String>>>,
    no_trades: AtomicBool,
    /// The groups that users are in, by the user's name.
    pub(crate) groups: Mutex<HashMap<String, Vec<String>>>,
    /// The codes that were traded, each with the verifier of its sign-in: one is good once.
    traded: Mutex<HashSet<(String, String)>>,
    /// The servers of each user, as the Hub lists them; none where the service may not list them.
    pub(crate) users: Mutex<Option<BTreeMap<String, Value>>>,
    /// The number of pages of users that were asked for.
    pub(crate) user_pages: AtomicUsize,
}

impl FakeHub {
    /// Starts a Hub; returns the address of its API as well.
    pub(crate) async fn start() -> (Arc<Self>, String) {
        let hub = Arc::new(Self::default());
        let routes = Router::new()
            .route("/hub/api/user", get(who))
            .route("/hub/api/users", get(list_users))
            .route("/hub/api/oauth2/token", post(trade))
            .with_state(Arc::clone(&hub));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (hub, format!("http://{address}/hub/api"))
    }

    /// Sets whether every code is refused from now on.
    pub(crate) fn refuses_trades(&self, refuses: bool) {
        self.no_trades.store(refuses, Ordering::SeqCst);
    }
}

/// Counts a question as waiting until it is dropped.
struct WaitingQuestion<'a>(&'a FakeHub);

impl<'a> WaitingQuestion<'a> {
    fn begin(hub: &'a FakeHub) -> Self {
        let waiting = hub.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        hub.most_waiting.fetch_max(waiting, Ordering::SeqCst);
        Self(hub)
    }
}

impl Drop for WaitingQuestion<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The token of this user's own server.
pub(crate) fn server_token(user: &str) -> String {
    format!("server-{}", utf8_percent_encode(user, NON_ALPHANUMERIC))
}

/// Which users are asked for.
#[derive(Deserialize)]
struct UsersQuery {
    state: String,
    offset: usize,
    limit: usize,
}

/// `GET /hub/api/users`, two users a page at most.
async fn list_users(
    State(hub): State<Arc<FakeHub>>,
    Query(UsersQuery {
        state,
        offset,
        limit,
    }): Query<UsersQuery>,
    headers: HeaderMap,
) -> Response {
    hub.user_pages.fetch_add(1, Ordering::SeqCst);
    let _waiting = WaitingQuestion::begin(&hub);
    let answers = hub.hangs.subscribe().wait_for(|hangs| !hangs).await.is_ok();
    assert!(answers, "the sender is the Hub's");
    if hub.down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    assert_eq!(headers["authorization"], format!("token {SERVICE_TOKEN}"));
    assert_eq!(headers["accept"], "application/jupyterhub-pagination+json");
    let users = hub.users.lock().unwrap();
    let Some(users) = &*users else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let is_active = |servers: &Value| servers.as_object().is_some_and(|it| !it.is_empty());
    let listed: Vec<_> = users
        .iter()
        .filter(|(_, servers)| is_active(servers) == (state == "active"))
        .map(|(name, servers)| json!({"kind": "user", "name": name, "servers": servers}))
        .collect();
    let end = (offset + limit.min(2)).min(listed.len());
    let next = (end < listed.len()).then(|| json!({"offset": end, "limit": limit, "url": ""}));
    Json(json!({
        "items": listed[offset.min(end)..end],
        "_pagination": {"offset": offset, "limit": limit, "total": listed.len(), "next": next},
    }))
    .into_response()
}

/// `GET /hub/api/user`: the owner of a token. `oauth-NAME` is a token for the service's pages,
/// `server-NAME` that of a participant's own server. `root` is a Hub admin, a name that begins
/// with `i` has the instructor's scopes, one with `h` the helper's, and `olga` the observer's.
/// `hubservice-NAME` is the token of a service of the Hub, with the scopes of such a name. A name may be percent-encoded,
/// because a header has only a few characters.
async fn who(State(hub): State<Arc<FakeHub>>, headers: HeaderMap) -> Response {
    hub.asked.fetch_add(1, Ordering::SeqCst);
    let token = headers["authorization"].to_str().unwrap();
    let token = token.trim_start_matches("token ").to_owned();
    hub.tokens.lock().unwrap().push(token.clone());
    let _waiting = WaitingQuestion::begin(&hub);
    let answers = hub.hangs.subscribe().wait_for(|hangs| !hangs).await.is_ok();
    assert!(answers, "the sender is the Hub's");
    if hub.down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if hub.revoked.lock().unwrap().contains(&token) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let kind = match token.starts_with("hubservice-") {
        true => "service",
        false => "user",
    };
    let token = percent_decode_str(&token).decode_utf8_lossy();
    let (name, scopes) = match token.split_once('-') {
        Some(("oauth" | "hubservice", name)) if name.starts_with('i') => (
            name,
            json!([
                "access:services!service=dashboard",
                "custom:pipalhub:read",
                "custom:pipalhub:help",
                "custom:pipalhub:write"
            ]),
        ),
        Some(("oauth" | "hubservice", name)) if name.starts_with('h') => (
            name,
            json!([
                "access:services!service=dashboard",
                "custom:pipalhub:help",
                "custom:pipalhub:read"
            ]),
        ),
        Some(("oauth" | "hubservice", "olga")) => (
            "olga",
            json!(["access:services!service=dashboard", "custom:pipalhub:read"]),
        ),
        Some(("oauth" | "hubservice", name)) => {
            (name, json!(["access:services!service=dashboard"]))
        }
        Some(("server", name)) => (name, json!([format!("access:servers!server={name}/")])),
        _ => {
            let body = json!({"status": 403, "message": null});
            return (StatusCode::FORBIDDEN, Json(body)).into_response();
        }
    };
    let groups = hub.groups.lock().unwrap().get(name).cloned();
    Json(json!({
        "kind": kind, "name": name, "admin": name == "root", "scopes": scopes,
        "groups": groups.unwrap_or_default(),
    }))
    .into_response()
}

async fn trade(
    State(hub): State<Arc<FakeHub>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let right = form["client_secret"] == SERVICE_TOKEN;
    let name = form["code"].clone();
    let code = (name.clone(), form["code_verifier"].clone());
    let is_new = hub.traded.lock().unwrap().insert(code);
    hub.trades.lock().unwrap().push(form);
    if !right || !is_new || hub.no_trades.load(Ordering::SeqCst) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({"access_token": format!("oauth-{name}"), "token_type": "Bearer"})).into_response()
}
