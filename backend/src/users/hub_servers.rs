//! The servers of those in the list, which the Hub starts and stops for the steward, a few at a
//! time: a class that opens its laptops at once would have each wait for all.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::name::Username;
use crate::{secret::Secret, telemetry::loggable, text::percent_encoded};

/// Servers that are started or stopped at once.
const AT_ONCE: usize = 4;
/// How often the Hub is asked whether one is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Longest wait for one: the Hub's own limit of starting is a minute, and can be more.
const PATIENCE: Duration = Duration::from_secs(300);
/// Longest wait for an answer of the Hub, which takes ten seconds for a slow start.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// Longest reason that is kept of a server that has failed.
const MAX_REASON_CHARS: usize = 300;

/// What is done with servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerWork {
    Start,
    Stop,
}

/// The servers, and what is to be done with them.
#[derive(Clone)]
pub(crate) struct HubServers {
    client: Client,
    api_url: String,
    token: Secret,
    work: Arc<Mutex<WaitingWork>>,
}

#[derive(Default)]
struct WaitingWork {
    queue: VecDeque<(Username, ServerWork)>,
    busy: usize,
    /// Why the last start did not work, by user.
    failures: BTreeMap<String, String>,
}

/// Of a user, what says whether their server is there.
#[derive(Deserialize)]
struct HubUserModel {
    #[serde(default)]
    servers: BTreeMap<String, HubServerModel>,
}

#[derive(Deserialize)]
struct HubServerModel {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    pending: Option<String>,
}

impl HubServers {
    /// The servers of the Hub that has started this process; `None` without one.
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
            work: Arc::default(),
        }))
    }

    /// How many servers wait for their turn or are being started or stopped.
    pub(crate) fn waiting(&self) -> usize {
        let work = self.work.lock();
        work.queue.len() + work.busy
    }

    /// Why the server of this user did not start the last time, if it did not.
    pub(crate) fn failure_of(&self, name: &Username) -> Option<String> {
        self.work.lock().failures.get(name.as_str()).cloned()
    }

    /// Has the servers started or stopped, those that are asked for first first. Nobody waits.
    pub(crate) fn enqueue(&self, names: Vec<Username>, what: ServerWork) {
        let mut work = self.work.lock();
        // What was asked for before of the same people counts no more.
        work.queue.retain(|(name, _)| !names.contains(name));
        for name in names {
            work.failures.remove(name.as_str());
            work.queue.push_back((name, what));
        }
        while work.busy < AT_ONCE.min(work.queue.len() + work.busy) {
            work.busy += 1;
            let servers = self.clone();
            tokio::spawn(async move { servers.work().await });
        }
    }

    /// Does what waits until nothing does.
    async fn work(self) {
        loop {
            let next = {
                let mut work = self.work.lock();
                let next = work.queue.pop_front();
                if next.is_none() {
                    work.busy -= 1;
                }
                next
            };
            let Some((name, what)) = next else { return };
            let done = match what {
                ServerWork::Start => self.start(&name).await,
                ServerWork::Stop => self.stop(&name).await,
            };
            if let Err(reason) = done {
                let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
                tracing::warn!(user = %name, reason = %loggable(&reason), ?what, "a server failed");
                self.work.lock().failures.insert(name.to_string(), reason);
            }
        }
    }

    async fn start(&self, name: &Username) -> Result<(), String> {
        // Who has never signed in is no user of the Hub yet.
        let made = self.send(Method::POST, &user(name)).await?;
        if !made.is_success() && made != StatusCode::CONFLICT {
            return Err(format!("the Hub does not add the user ({made})"));
        }
        let asked = self.send(Method::POST, &server(name)).await?;
        // 400 says that it runs or is starting; that shows below.
        if !asked.is_success() && asked != StatusCode::BAD_REQUEST {
            return Err(format!("the Hub does not start the server ({asked})"));
        }
        self.wait(name, "start", |server| match server {
            Some(it) if it.ready => Some(Ok(())),
            Some(it) if it.pending.is_some() => None,
            _ => Some(Err(
                "the server did not start; the Hub's log says why".to_owned()
            )),
        })
        .await
    }

    async fn stop(&self, name: &Username) -> Result<(), String> {
        let asked = self.send(Method::DELETE, &server(name)).await?;
        let is_gone = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&asked);
        if !asked.is_success() && !is_gone {
            return Err(format!("the Hub does not stop the server ({asked})"));
        }
        self.wait(name, "stop", |server| match server {
            Some(it) if it.ready || it.pending.is_some() => None,
            _ => Some(Ok(())),
        })
        .await
    }

    /// Stops the server of somebody who was removed, and has the Hub forget them.
    pub(crate) async fn remove(&self, name: &Username) -> Result<(), String> {
        let work = |it: &mut WaitingWork| {
            it.queue.retain(|(waiting, _)| waiting != name);
            it.failures.remove(name.as_str());
        };
        work(&mut self.work.lock());
        if self.send(Method::GET, &user(name)).await? == StatusCode::NOT_FOUND {
            // Who has never signed in is no user of the Hub.
            return Ok(());
        }
        self.stop(name).await?;
        let asked = self.send(Method::DELETE, &user(name)).await?;
        match asked.is_success() || asked == StatusCode::NOT_FOUND {
            true => Ok(()),
            false => Err(format!("the Hub does not remove the user ({asked})")),
        }
    }

    /// Asks the Hub until `judge` has a verdict on the user's server.
    async fn wait(
        &self,
        name: &Username,
        what: &str,
        judge: impl Fn(Option<&HubServerModel>) -> Option<Result<(), String>>,
    ) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.request(Method::GET, &user(name)).send().await;
            let answer = answer.map_err(|error| unreachable(&error))?;
            let model = match answer.status() {
                StatusCode::NOT_FOUND => HubUserModel {
                    servers: BTreeMap::new(),
                },
                _ => answer.json().await.map_err(|error| unreachable(&error))?,
            };
            if let Some(verdict) = judge(model.servers.get("")) {
                return verdict;
            }
            if Instant::now() > end {
                let seconds = PATIENCE.as_secs();
                return Err(format!("the server did not {what} within {seconds} s"));
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn send(&self, method: Method, path: &str) -> Result<StatusCode, String> {
        let answer = self.request(method, path).send().await;
        answer
            .map(|answer| answer.status())
            .map_err(|error| unreachable(&error))
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

/// The words for an answer that did not come, without the address, which is the Hub's own affair.
fn unreachable(error: &reqwest::Error) -> String {
    match error.is_timeout() {
        true => "the Hub does not answer in time".to_owned(),
        false => "the Hub cannot be asked".to_owned(),
    }
}
