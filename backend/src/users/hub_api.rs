//! The Hub's API, asked with the steward's own token: what its role `pipalhub-steward` allows.
//!
//! Whatever fails is told in words for an instructor, without the Hub's address.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::name::Username;
use crate::{secret::Secret, spawn_progress, text::percent_encoded};

/// Longest wait for an answer of the Hub, which takes ten seconds for a slow start.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// Users of one page; a Hub gives 200 at most unless it is told otherwise.
const PAGE_USERS: usize = 200;
/// Pages of one list, which is beyond any class.
const MAX_PAGES: usize = 100;
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Longest reason of the Hub's that is told.
const MAX_REASON_CHARS: usize = 300;
/// How lists are asked for as pages.
const PAGINATION: &str = "application/jupyterhub-pagination+json";
/// Where the Hub sets passwords of NativeAuthenticator: `wheel/pipalhub/native.py`.
const NATIVE: &str = "pipalhub/native";

/// Why the Hub has not done what it was asked for, or has said nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HubError {
    #[error("the Hub does not answer in time")]
    Late,
    #[error("the Hub cannot be asked")]
    Unreachable,
    #[error("the Hub does not {0} ({1})")]
    Status(&'static str, StatusCode),
    #[error("the Hub does not {0}: {1}")]
    Said(&'static str, String),
    #[error(
        "the Hub sets no passwords of NativeAuthenticator for the steward: its configuration has \
         to call pipalhub.configure(c, steward=True), below the line that sets \
         c.JupyterHub.authenticator_class"
    )]
    NoNative,
}

impl From<reqwest::Error> for HubError {
    fn from(error: reqwest::Error) -> Self {
        match error.is_timeout() {
            true => Self::Late,
            false => Self::Unreachable,
        }
    }
}

/// A user as the Hub lists them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct HubPerson {
    pub(super) name: String,
    #[serde(default)]
    pub(super) admin: bool,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A group as the Hub lists it.
#[derive(Deserialize)]
struct ListedGroup {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// One page of a list.
#[derive(Deserialize)]
struct HubPage<T> {
    items: Vec<T>,
    #[serde(rename = "_pagination")]
    pagination: HubPagination,
}

#[derive(Deserialize)]
struct HubPagination {
    next: Option<HubNextPage>,
}

#[derive(Deserialize)]
struct HubNextPage {
    offset: usize,
}

/// A server of a user, as far as it says whether it is there.
#[derive(Deserialize)]
pub(super) struct HubServerModel {
    #[serde(default)]
    pub(super) ready: bool,
    #[serde(default)]
    pub(super) pending: Option<String>,
}

/// The Hub that has started this process, or whose service it is.
#[derive(Clone, Debug)]
pub(crate) struct StewardHub {
    client: Client,
    api_url: String,
    token: Secret,
}

impl StewardHub {
    /// The Hub that has started this process; `None` without one.
    pub(crate) fn from_env(get: impl Fn(&str) -> Option<String>) -> reqwest::Result<Option<Self>> {
        let (Some(api_url), Some(token)) = (
            get("JUPYTERHUB_API_URL").filter(|it| !it.is_empty()),
            get("JUPYTERHUB_API_TOKEN").filter(|it| !it.is_empty()),
        ) else {
            return Ok(None);
        };
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_PATIENCE)
            .build()?;
        Ok(Some(Self {
            client,
            api_url: api_url.trim_end_matches('/').to_owned(),
            token: Secret::new(token),
        }))
    }

    /// The class of the authenticator, with its module.
    pub(crate) async fn authenticator(&self) -> Result<String, HubError> {
        const WHAT: &str = "say how it signs people in";
        #[derive(Deserialize)]
        struct Info {
            authenticator: ClassInfo,
        }
        #[derive(Deserialize)]
        struct ClassInfo {
            class: String,
        }
        let info: Info = self.json(self.request(Method::GET, "info"), WHAT).await?;
        Ok(info.authenticator.class)
    }

    /// Everyone whom the Hub knows.
    pub(super) async fn people(&self) -> Result<Vec<HubPerson>, HubError> {
        self.list("users", "list its users").await
    }

    /// A user; `None` when the Hub knows none of the name.
    pub(super) async fn person(&self, name: &str) -> Result<Option<HubPerson>, HubError> {
        const WHAT: &str = "say who its users are";
        let path = format!("users/{}", percent_encoded(name));
        let answer = self.send(self.request(Method::GET, &path)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => read_json(answer, WHAT).await.map(Some),
        }
    }

    /// The groups that hold one of these roles.
    pub(super) async fn groups_with(
        &self,
        roles: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, HubError> {
        let groups: Vec<ListedGroup> = self.list("groups", "list its groups").await?;
        let holds = |group: &ListedGroup| group.roles.iter().any(|role| roles.contains(role));
        let groups = groups.into_iter().filter(holds);
        Ok(groups.map(|group| group.name).collect())
    }

    /// Makes a user. One that is there stays as it is.
    pub(super) async fn add(&self, name: &Username) -> Result<(), HubError> {
        const WHAT: &str = "add the user";
        let answer = self.send(self.request(Method::POST, &user(name))).await?;
        match answer.status() {
            StatusCode::CONFLICT => Ok(()),
            _ => done(answer, WHAT).await,
        }
    }

    /// Removes a user.
    pub(super) async fn remove(&self, name: &Username) -> Result<(), HubError> {
        const WHAT: &str = "remove the user";
        let answer = self.send(self.request(Method::DELETE, &user(name))).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(()),
            _ => done(answer, WHAT).await,
        }
    }

    /// Whether the Hub knows the user.
    pub(super) async fn knows(&self, name: &Username) -> Result<bool, HubError> {
        let answer = self.send(self.request(Method::GET, &user(name))).await?;
        Ok(answer.status() != StatusCode::NOT_FOUND)
    }

    /// The servers of a user by name, the default one's being empty; none of a user whom the Hub
    /// does not know.
    pub(super) async fn servers_of(
        &self,
        name: &Username,
    ) -> Result<BTreeMap<String, HubServerModel>, HubError> {
        const WHAT: &str = "say which servers there are";
        #[derive(Deserialize)]
        struct ServersModel {
            #[serde(default)]
            servers: BTreeMap<String, HubServerModel>,
        }
        let answer = self.send(self.request(Method::GET, &user(name))).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(BTreeMap::new()),
            _ => {
                let model: ServersModel = read_json(answer, WHAT).await?;
                Ok(model.servers)
            }
        }
    }

    /// Starts the user's server, or stops it; returns the status, and what the Hub says with it.
    pub(super) async fn change_server(
        &self,
        method: Method,
        name: &Username,
    ) -> Result<(StatusCode, Option<String>), HubError> {
        let answer = self.send(self.request(method, &server(name))).await?;
        let status = answer.status();
        Ok((status, message_of(answer).await))
    }

    /// Why the last start of the user's server failed, in the Hub's own words, if it did.
    pub(super) async fn spawn_failure(&self, name: &Username) -> Result<Option<String>, HubError> {
        let path = format!("{}/progress", server(name));
        let answer = self.send(self.request(Method::GET, &path)).await?;
        if answer.status() != StatusCode::OK {
            // The Hub has no failure to tell.
            return Ok(None);
        }
        Ok(spawn_progress::failure_in(&read_bytes(answer).await?))
    }

    /// Those whom NativeAuthenticator lets in.
    pub(super) async fn native_people(&self) -> Result<BTreeSet<String>, HubError> {
        const WHAT: &str = "say whom NativeAuthenticator lets in";
        #[derive(Deserialize)]
        struct NativeModel {
            users: BTreeSet<String>,
        }
        let answer = self.send(self.request(Method::GET, NATIVE)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Err(HubError::NoNative),
            _ => {
                let model: NativeModel = read_json(answer, WHAT).await?;
                Ok(model.users)
            }
        }
    }

    /// Gives a user this password of NativeAuthenticator, which lets them in from then on.
    pub(super) async fn set_native_password(
        &self,
        name: &Username,
        password: &Secret,
    ) -> Result<(), HubError> {
        const WHAT: &str = "set the password";
        let path = format!("{NATIVE}/{}", percent_encoded(name.as_str()));
        let body = json!({"password": password.reveal()});
        let request = self.request(Method::PUT, &path).json(&body);
        let answer = self.send(request).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Err(HubError::NoNative),
            _ => done(answer, WHAT).await,
        }
    }

    /// Has NativeAuthenticator forget a name.
    pub(super) async fn forget_native(&self, name: &Username) -> Result<(), HubError> {
        const WHAT: &str = "remove the password";
        let path = format!("{NATIVE}/{}", percent_encoded(name.as_str()));
        let answer = self.send(self.request(Method::DELETE, &path)).await?;
        done(answer, WHAT).await
    }

    async fn list<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        what: &'static str,
    ) -> Result<Vec<T>, HubError> {
        let mut all = Vec::new();
        let mut offset = 0;
        for _ in 0..MAX_PAGES {
            let path = format!("{path}?limit={PAGE_USERS}&offset={offset}");
            let request = self.request(Method::GET, &path);
            let page: HubPage<T> = self
                .json(request.header(header::ACCEPT, PAGINATION), what)
                .await?;
            let is_empty = page.items.is_empty();
            all.extend(page.items);
            match page.pagination.next {
                Some(next) if next.offset > offset && !is_empty => offset = next.offset,
                _ => break,
            }
        }
        Ok(all)
    }

    async fn json<T: for<'de> Deserialize<'de>>(
        &self,
        request: RequestBuilder,
        what: &'static str,
    ) -> Result<T, HubError> {
        read_json(self.send(request).await?, what).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, HubError> {
        Ok(request.send().await?)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{path}", self.api_url);
        let token = format!("token {}", self.token.reveal());
        let request = self.client.request(method, url);
        request.header("Authorization", token)
    }
}

fn user(name: &Username) -> String {
    format!("users/{}", percent_encoded(name.as_str()))
}

fn server(name: &Username) -> String {
    format!("{}/server", user(name))
}

/// Fails with the Hub's own words where it has not done it.
async fn done(answer: Response, what: &'static str) -> Result<(), HubError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    match message_of(answer).await {
        Some(said) => Err(HubError::Said(what, said)),
        None => Err(HubError::Status(what, status)),
    }
}

async fn read_json<T: for<'de> Deserialize<'de>>(
    answer: Response,
    what: &'static str,
) -> Result<T, HubError> {
    let status = answer.status();
    if !status.is_success() {
        return Err(HubError::Status(what, status));
    }
    let bytes = read_bytes(answer).await?;
    serde_json::from_slice(&bytes).map_err(|_| HubError::Status(what, status))
}

/// What the Hub says with an error.
async fn message_of(answer: Response) -> Option<String> {
    let bytes = read_bytes(answer).await.ok()?;
    let said: Value = serde_json::from_slice(&bytes).ok()?;
    let message = said.get("message")?.as_str()?;
    (!message.is_empty()).then(|| shortened(message))
}

async fn read_bytes(mut answer: Response) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(HubError::Unreachable);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn shortened(reason: &str) -> String {
    let words = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(MAX_REASON_CHARS).collect()
}
