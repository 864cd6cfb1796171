//! The Hub, asked as browsers and programs ask it: signing in, servers, and, where somebody may,
//! users.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    browser::{Browser, Sent},
    trouble::Trouble,
};
use crate::{
    secret::Secret,
    spawn_progress,
    text::{form_encoded, percent_encoded},
};

/// How often the Hub is asked whether a server is there.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// When the Hub is asked again that starts as many servers as it does at once.
const LATER: Duration = Duration::from_secs(1);
/// How long a participant's token is good that an admin's rights have made.
const TOKEN_SECONDS: u64 = 3_600;

/// Somebody as the Hub tells them of themselves.
#[derive(Deserialize)]
pub(super) struct HubSelf {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) admin: bool,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    servers: BTreeMap<String, OwnServer>,
}

#[derive(Deserialize)]
struct OwnServer {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    pending: Option<String>,
}

impl HubSelf {
    /// Whether users can be made and given tokens with these rights.
    pub(super) fn may_make_users(&self) -> bool {
        let has = |scope: &str| self.scopes.iter().any(|it| it == scope);
        self.admin || (has("admin:users") && has("tokens") && has("access:servers"))
    }

    pub(super) fn has_server(&self) -> bool {
        self.servers.contains_key("")
    }
}

/// The Hub's version.
pub(super) async fn version(browser: &Browser) -> Result<String, Trouble> {
    #[derive(Deserialize)]
    struct HubVersion {
        version: String,
    }
    let reply = browser.get(&browser.path("hub/api/")).await?;
    let told: Option<HubVersion> = reply.json();
    match told {
        Some(told) if reply.status == StatusCode::OK => Ok(told.version),
        _ => Err(Trouble::answered("no JupyterHub answers here", &reply)),
    }
}

/// Signs in by the form of the Hub's page, as people do.
pub(super) async fn sign_in(
    browser: &Browser,
    name: &str,
    password: &Secret,
) -> Result<(), Trouble> {
    let page = browser.visit(&browser.path("hub/login")).await?;
    if page.status != StatusCode::OK {
        return Err(Trouble::answered("the page to sign in", &page));
    }
    if !page.text().contains("name=\"password\"") {
        return Err(Trouble::new(
            "the Hub's page to sign in asks for no password: another provider signs people in",
            "Make a token on the Hub's page Token, and give it in PIPALHUB_CHECK_TOKEN.",
        ));
    }
    let home = browser.path("hub/home");
    // Without it the Hub would go on to start a server.
    let path = browser.path(&format!("hub/login?next={}", percent_encoded(&home)));
    let fields = [
        ("username", name),
        ("password", password.reveal()),
        ("_xsrf", &browser.xsrf(&path).unwrap_or_default()),
    ];
    let form = Sent::Form(form_encoded(&fields));
    let html = [(header::ACCEPT, "text/html")];
    let reply = browser.send(Method::POST, &path, &form, &html).await?;
    if reply.status.is_redirection() {
        // The page brings the cookies that later requests need.
        let page = browser.visit(&home).await?;
        return match page.status {
            StatusCode::OK if page.path == home => Ok(()),
            _ => Err(Trouble::answered("the Hub's page after signing in", &page)),
        };
    }
    // The Hub shows the page again, with 403 or 401 for what is wrong.
    match reply.status {
        StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            if reply.text().contains("name=\"password\"") =>
        {
            Err(Trouble::new(
                format!("the Hub does not let {name} in with this password"),
                "See whether name and password are right, by signing in with a browser; for a user \
                 of the class's list `pipalhub users reset NAME` makes another password.",
            ))
        }
        _ => Err(Trouble::answered("signing in", &reply)),
    }
}

/// Who the Hub takes this browser for.
pub(super) async fn whoami(browser: &Browser) -> Result<HubSelf, Trouble> {
    let reply = browser.get(&browser.path("hub/api/user")).await?;
    match (reply.status, reply.json::<HubSelf>()) {
        (StatusCode::OK, Some(own)) => Ok(own),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) if browser.has_token() => {
            Err(Trouble::new(
                "the Hub does not know the token",
                "Make a new one on the Hub's page Token, and give it in PIPALHUB_CHECK_TOKEN.",
            ))
        }
        _ => Err(Trouble::answered(
            "the Hub does not say who signed in",
            &reply,
        )),
    }
}

/// Starts the user's own server, and waits until it is ready.
pub(super) async fn start_server(browser: &Browser, user: &str) -> Result<Duration, Trouble> {
    let begun = Instant::now();
    let model = user_path(browser, user);
    let server = format!("{model}/server");
    loop {
        let reply = browser.post(&server, &json!({})).await?;
        match reply.status {
            // 201: it is there; 202: it is on its way.
            status if status.is_success() => break,
            // As many start as the Hub starts at once: a browser is told to wait, too.
            StatusCode::TOO_MANY_REQUESTS if begun.elapsed() < browser.patience() => {
                sleep(LATER).await;
            }
            _ => return Err(Trouble::answered("its server does not start", &reply)),
        }
    }
    while begun.elapsed() < browser.patience() {
        let reply = browser.get(&model).await?;
        let Some(user) = reply.json::<HubSelf>() else {
            return Err(Trouble::answered(
                "the Hub says nothing of the server",
                &reply,
            ));
        };
        match user.servers.get("") {
            Some(server) if server.ready => return Ok(begun.elapsed()),
            Some(OwnServer {
                pending: Some(_), ..
            }) => {}
            _ => return Err(spawn_failure(browser, &server).await),
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Trouble::late("the start of a server", browser.patience()))
}

async fn spawn_failure(browser: &Browser, server: &str) -> Trouble {
    let said = browser.get(&format!("{server}/progress")).await;
    let said = said
        .ok()
        .and_then(|it| spawn_progress::failure_in(&it.body));
    Trouble::new(
        format!(
            "its server does not start: {}",
            said.as_deref().unwrap_or("the Hub does not say why")
        ),
        "The Hub's log has the reason, and so may that of the server itself (journalctl -u \
         jupyterhub, docker logs jupyter-NAME).",
    )
}

/// Stops the user's server, and waits until it is gone.
pub(super) async fn stop_server(browser: &Browser, user: &str) -> Result<(), Trouble> {
    let begun = Instant::now();
    let model = user_path(browser, user);
    browser.delete(&format!("{model}/server")).await?;
    while begun.elapsed() < browser.patience() {
        let reply = browser.get(&model).await?;
        match reply.json::<HubSelf>() {
            Some(user) if user.has_server() => {}
            _ => return Ok(()),
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Trouble::late("the stop of a server", browser.patience()))
}

/// Makes a user of the Hub and a token for them, with an admin's rights.
pub(super) async fn make_user(admin: &Browser, user: &str) -> Result<Secret, Trouble> {
    let path = user_path(admin, user);
    let reply = admin.post(&path, &json!({})).await?;
    if reply.status != StatusCode::CREATED {
        return Err(Trouble::answered("the Hub adds no user", &reply));
    }
    let wanted = json!({"note": "pipalhub check", "expires_in": TOKEN_SECONDS});
    let reply = admin.post(&format!("{path}/tokens"), &wanted).await?;
    let made: Option<Value> = reply.json();
    match made.as_ref().and_then(|it| it.get("token")?.as_str()) {
        Some(token) if reply.status.is_success() => Ok(Secret::new(token)),
        _ => Err(Trouble::answered(
            "the Hub gives no token for a new user",
            &reply,
        )),
    }
}

/// Removes a user of the Hub; whether there was one.
pub(super) async fn remove_user(admin: &Browser, user: &str) -> Result<bool, Trouble> {
    let path = user_path(admin, user);
    let begun = Instant::now();
    loop {
        let reply = admin.delete(&path).await?;
        match reply.status {
            StatusCode::NOT_FOUND => return Ok(false),
            status if status.is_success() => return Ok(true),
            // Its server is on its way, and is stopped when it is there.
            StatusCode::BAD_REQUEST if begun.elapsed() < admin.patience() => {
                sleep(LOOK_EVERY).await;
            }
            _ => return Err(Trouble::answered("the Hub keeps the user", &reply)),
        }
    }
}

/// The names of all users, where an admin asks.
pub(super) async fn user_names(admin: &Browser) -> Vec<String> {
    const PAGE: usize = 200;
    #[derive(Deserialize)]
    struct NamedUser {
        name: String,
    }
    let mut names = Vec::new();
    // More pages than any class has; what is beyond them is found another time.
    for page in 0..50 {
        let path = format!("hub/api/users?limit={PAGE}&offset={}", page * PAGE);
        let Ok(reply) = admin.get(&admin.path(&path)).await else {
            break;
        };
        let Some(users) = reply.json::<Vec<NamedUser>>() else {
            break;
        };
        let is_last = users.len() < PAGE;
        names.extend(users.into_iter().map(|user| user.name));
        if is_last {
            break;
        }
    }
    names
}

fn user_path(browser: &Browser, user: &str) -> String {
    browser.path(&format!("hub/api/users/{}", percent_encoded(user)))
}
