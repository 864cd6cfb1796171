//! The dashboard, asked as its page asks it: who somebody is there, the class's list, tiles.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{HeaderName, Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use shared::{
    users::{UsersChange, UsersResponse},
    wire::{Role, SessionResponse, XSRF_HEADER},
};
use tokio::time::sleep;

use super::{
    browser::{Browser, Sent},
    reply::Reply,
    trouble::Trouble,
};
use crate::text::percent_encoded;

/// How often a tile is asked for that is not there yet, or still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// When it is asked again that has too much to do.
const LATER: Duration = Duration::from_secs(1);
/// Longest wait until the dashboard has forgotten a notebook that was deleted.
const FORGET_PATIENCE: Duration = Duration::from_secs(15);

/// The service, as one browser has it.
pub(super) struct Dashboard {
    browser: Arc<Browser>,
    /// Its path, with a slash at the end.
    path: String,
    /// What guards changes by a browser.
    xsrf: Mutex<Option<String>>,
}

impl Dashboard {
    pub(super) fn new(browser: Arc<Browser>, service: &str) -> Self {
        Self {
            path: browser.path(&format!("services/{}/", percent_encoded(service))),
            browser,
            xsrf: Mutex::default(),
        }
    }

    pub(super) fn address(&self, below: &str) -> String {
        format!("{}{below}", self.path)
    }

    /// Opens the page, by way of the Hub's sign-in.
    pub(super) async fn visit(&self) -> Result<(), Trouble> {
        let page = self.browser.visit(&self.path).await?;
        let is_there = page.status == StatusCode::OK && page.path.starts_with(&self.path);
        match is_there {
            true => Ok(()),
            false => Err(Trouble::answered("the dashboard does not open", &page)),
        }
    }

    /// Who asks, and what they may do.
    pub(super) async fn session(&self) -> Result<SessionResponse, Trouble> {
        let reply = self.browser.get(&self.address("api/session")).await?;
        let session = reply.json::<SessionResponse>();
        let Some(session) = session.filter(|_| reply.status == StatusCode::OK) else {
            return Err(Trouble::answered("the dashboard does not answer", &reply));
        };
        self.xsrf.lock().clone_from(&session.xsrf);
        Ok(session)
    }

    /// The class's list; what is said where there is none.
    pub(super) async fn users(&self) -> Result<UsersResponse, Trouble> {
        let reply = self.browser.get(&self.address("users")).await?;
        let users = reply.json::<UsersResponse>();
        users.ok_or_else(|| Trouble::answered("there is no list of users", &reply))
    }

    /// Adds these users to the class's list, with passwords that are made there.
    pub(super) async fn add_users(&self, names: &[String]) -> Result<UsersChange, Trouble> {
        let users: Vec<Value> = names.iter().map(|it| json!({"username": it})).collect();
        let path = self.address("users/import");
        let body = json!({"users": users});
        let reply = self.change(Method::POST, &path, &body).await?;
        let change = reply.json::<UsersChange>();
        change.ok_or_else(|| Trouble::answered("the class's list takes no users", &reply))
    }

    /// Takes a user off the list; whether there was one.
    pub(super) async fn remove_user(&self, name: &str) -> Result<bool, Trouble> {
        let path = self.address(&format!("users/{}", percent_encoded(name)));
        let begun = Instant::now();
        loop {
            let reply = self.change(Method::DELETE, &path, &Value::Null).await?;
            match reply.status {
                StatusCode::NOT_FOUND => return Ok(false),
                status if status.is_success() => return Ok(true),
                // Another change is made meanwhile.
                StatusCode::CONFLICT if begun.elapsed() < self.browser.patience() => {
                    sleep(LOOK_EVERY).await;
                }
                _ => return Err(Trouble::answered("the user stays in the list", &reply)),
            }
        }
    }

    /// Deletes the home that a removed user has left.
    pub(super) async fn delete_home(&self, name: &str) -> Result<(), Trouble> {
        let path = self.address(&format!("users/{}/home", percent_encoded(name)));
        let body = json!({"confirm": name});
        let reply = self.change(Method::DELETE, &path, &body).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(Trouble::answered("the home stays", &reply)),
        }
    }

    /// Waits until the tile of this notebook is there.
    pub(super) async fn await_tile(&self, user: &str, filename: &str) -> Result<(), Trouble> {
        let begun = Instant::now();
        loop {
            let reply = self.tile(user, filename).await?;
            match reply.status {
                StatusCode::OK => return Ok(()),
                StatusCode::NOT_FOUND => {}
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    sleep(LATER).await;
                }
                _ => return Err(Trouble::answered("the dashboard shows no tile", &reply)),
            }
            if begun.elapsed() > self.browser.patience() {
                return Err(Trouble::answered("the dashboard shows no tile", &reply));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the dashboard shows no tile of this notebook any more; whether it does not.
    pub(super) async fn forgets_tile(&self, user: &str, filename: &str) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < FORGET_PATIENCE {
            match self.tile(user, filename).await {
                Ok(reply) if reply.status == StatusCode::NOT_FOUND => return true,
                Ok(reply) if reply.status == StatusCode::OK => sleep(LOOK_EVERY).await,
                _ => sleep(LATER).await,
            }
        }
        false
    }

    async fn tile(&self, user: &str, filename: &str) -> Result<Reply, Trouble> {
        let (user, filename) = (percent_encoded(user), percent_encoded(filename));
        let path = self.address(&format!("api/tile?filename={filename}&user={user}"));
        self.browser.get(&path).await
    }

    async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Reply, Trouble> {
        let sent = match body {
            Value::Null => Sent::Nothing,
            body => Sent::Json(body),
        };
        let xsrf = self.xsrf.lock().clone().unwrap_or_default();
        let name = HeaderName::from_bytes(XSRF_HEADER.as_bytes()).expect("it is a header's name");
        let guard = [(name, xsrf.as_str())];
        self.browser.send(method, path, &sent, &guard).await
    }
}

/// What a role may, in words.
pub(super) fn role_words(role: Role) -> &'static str {
    match role {
        Role::Instructor => "an instructor",
        Role::Helper => "a helper",
        Role::Observer => "an observer",
        Role::Participant => "a participant",
    }
}
