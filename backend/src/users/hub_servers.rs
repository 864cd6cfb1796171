//! The servers of those in the list, which the Hub starts and stops for the steward, a few at a
//! time: a class that opens its laptops at once would have each wait for all.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use reqwest::{Method, StatusCode};
use tokio::time::{Instant, sleep};

use super::{
    hub_api::{HubServerModel, StewardHub},
    name::Username,
};
use crate::telemetry::loggable;

/// Servers that are started or stopped at once.
const AT_ONCE: usize = 4;
/// How often the Hub is asked whether one is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Longest wait for one: the Hub's own limit of starting is a minute, and can be more.
const PATIENCE: Duration = Duration::from_secs(300);
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
    hub: StewardHub,
    work: Arc<Mutex<WaitingWork>>,
}

#[derive(Default)]
struct WaitingWork {
    queue: VecDeque<(Username, ServerWork)>,
    busy: usize,
    /// Why the last start did not work, by user.
    failures: BTreeMap<String, String>,
}

impl HubServers {
    /// The servers of this Hub.
    pub(crate) fn new(hub: StewardHub) -> Self {
        Self {
            hub,
            work: Arc::default(),
        }
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
        self.hub
            .add(name)
            .await
            .map_err(|error| error.to_string())?;
        let asked = self.hub.change_server(Method::POST, name).await;
        let (status, said) = asked.map_err(|error| error.to_string())?;
        // 400 says that it runs or is starting; that shows below.
        if !status.is_success() && status != StatusCode::BAD_REQUEST {
            let said = said.unwrap_or_else(|| format!("the Hub does not start it ({status})"));
            return Err(self.spawn_failure(name).await.unwrap_or(said));
        }
        let started = self.wait(name, "start", |server| match server {
            Some(it) if it.ready => Some(Ok(())),
            Some(it) if it.pending.is_some() => None,
            _ => Some(Err(
                "the server did not start; the Hub's log says why".to_owned()
            )),
        });
        match started.await {
            Err(reason) => Err(self.spawn_failure(name).await.unwrap_or(reason)),
            done => done,
        }
    }

    /// The Hub's own words for the start that has just failed, if it has any.
    async fn spawn_failure(&self, name: &Username) -> Option<String> {
        self.hub.spawn_failure(name).await.ok().flatten()
    }

    async fn stop(&self, name: &Username) -> Result<(), String> {
        let asked = self.hub.change_server(Method::DELETE, name).await;
        let (status, said) = asked.map_err(|error| error.to_string())?;
        let is_gone = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&status);
        if !status.is_success() && !is_gone {
            return Err(said.unwrap_or_else(|| format!("the Hub does not stop it ({status})")));
        }
        self.wait(name, "stop", |server| match server {
            Some(it) if it.ready || it.pending.is_some() => None,
            _ => Some(Ok(())),
        })
        .await
    }

    /// Stops the server of somebody who was removed, and has the Hub forget them.
    pub(crate) async fn remove(&self, name: &Username) -> Result<(), String> {
        {
            let mut work = self.work.lock();
            work.queue.retain(|(waiting, _)| waiting != name);
            work.failures.remove(name.as_str());
        }
        let known = self.hub.knows(name).await;
        if !known.map_err(|error| error.to_string())? {
            // Who has never signed in is no user of the Hub.
            return Ok(());
        }
        self.stop(name).await?;
        let removed = self.hub.remove(name).await;
        removed.map_err(|error| error.to_string())
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
            let servers = self.hub.servers_of(name).await;
            let servers = servers.map_err(|error| error.to_string())?;
            if let Some(verdict) = judge(servers.get("")) {
                return verdict;
            }
            if Instant::now() > end {
                let seconds = PATIENCE.as_secs();
                return Err(format!("the server did not {what} within {seconds} s"));
            }
            sleep(LOOK_INTERVAL).await;
        }
    }
}
