//! The Hub's users and the state of their servers, asked for with the service's own token.
//!
//! A Hub lets a service list them only by a role, which `pipalhub.configure` gives; without it this
//! answers that it may not. Whoever asks, the Hub is asked once in some seconds, within a bound of
//! pages, bytes and time, and nobody waits for a slow one for long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use moka::future::Cache;
use parking_lot::Mutex;
use reqwest::{StatusCode, header};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    answer_cache::{HubAnswerCache, cache},
    turns::HubCaller,
};
use crate::{spawn_progress, telemetry::loggable, text::percent_encoded, time};

/// How long an answer is used before the Hub is asked again, a failure as well.
const FRESH: Duration = Duration::from_secs(5);
/// How long somebody waits for the Hub before they get its last answer.
const PROMPT: Duration = Duration::from_secs(3);
/// How long all pages of one answer may take together.
const PATIENCE: Duration = Duration::from_secs(20);
/// Users of one page; a Hub gives 200 at most unless it is told otherwise.
const PAGE_USERS: usize = 200;
/// Pages of one answer.
const MAX_PAGES: usize = 20;
/// The largest page, in bytes: what users have chosen for their servers is in it too.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// Servers that failed between two answers, and of which the Hub is asked why.
const MAX_ASKED_WHY: usize = 20;
/// The most that the Hub tells of one start, in bytes.
const MAX_PROGRESS_BYTES: usize = 256 << 10;
/// Servers of one user that are taken.
const MAX_SERVERS_OF_ONE: usize = 16;

/// How the Hub's pages are asked for as pages.
const PAGINATION: &str = "application/jupyterhub-pagination+json";

/// The state of a server, as the Hub has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubServerState {
    /// It answers.
    Ready,
    /// It is on its way.
    Starting,
    /// It is being stopped.
    Stopping,
}

/// A server that the Hub has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubServer {
    /// Its state.
    pub state: HubServerState,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
}

/// The Hub's users, with their servers by name; the default one's is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// By user.
    pub users: BTreeMap<String, BTreeMap<String, HubServer>>,
    /// Why the default server did not start the last time, in the Hub's words, by user: of those
    /// that were seen to start, whoever has started them.
    pub failures: BTreeMap<String, String>,
    /// Who administers the Hub.
    pub admins: BTreeSet<String>,
    /// Whether there are no other users.
    pub is_complete: bool,
    /// When the Hub said so, in milliseconds since the Unix epoch.
    pub asked_ms: i64,
}

/// What is known of the Hub's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterAnswer {
    /// The Hub has answered a moment ago.
    Known(Arc<Roster>),
    /// The Hub does not let this service list them.
    Refused,
    /// The Hub does not answer; what it said before, if it ever did.
    Unanswered(Option<Arc<Roster>>),
}

/// What came of asking the Hub, for all who ask within some seconds.
#[derive(Clone)]
enum Asked {
    Known(Arc<Roster>),
    Refused,
    Failed,
}

/// Asks the Hub for its users, one question at a time.
#[derive(Clone)]
pub(super) struct RosterCache {
    answers: Arc<HubAnswerCache>,
    fresh: Cache<(), Asked>,
    last: Arc<Mutex<Option<Arc<Roster>>>>,
    /// The last question was not answered, which was logged.
    is_failing: Arc<AtomicBool>,
}

impl RosterCache {
    pub(super) fn new(answers: Arc<HubAnswerCache>) -> Self {
        Self {
            answers,
            fresh: cache(1, FRESH),
            last: Arc::default(),
            is_failing: Arc::default(),
        }
    }

    pub(super) async fn current(&self) -> RosterAnswer {
        let this = self.clone();
        // A task of its own: the question goes on when nobody waits for it any more.
        let asking = tokio::spawn(async move { this.fresh.get_with((), this.ask()).await });
        match timeout(PROMPT, asking).await {
            Ok(Ok(Asked::Known(roster))) => RosterAnswer::Known(roster),
            Ok(Ok(Asked::Refused)) => RosterAnswer::Refused,
            Ok(Ok(Asked::Failed) | Err(_)) | Err(_) => {
                RosterAnswer::Unanswered(self.last.lock().clone())
            }
        }
    }

    async fn ask(&self) -> Asked {
        let asked = timeout(PATIENCE, self.read()).await;
        let asked = asked.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {PATIENCE:?}")));
        let was_failing = self.is_failing.swap(asked.is_err(), Ordering::Relaxed);
        match asked {
            Ok(Some(mut roster)) => {
                let before = self.last.lock().clone();
                if let Some(before) = before {
                    self.note_failures(&before, &mut roster).await;
                }
                let roster = Arc::new(roster);
                *self.last.lock() = Some(Arc::clone(&roster));
                Asked::Known(roster)
            }
            Ok(None) => {
                *self.last.lock() = None;
                Asked::Refused
            }
            Err(error) => {
                if !was_failing {
                    let error = format!("{error:#}");
                    tracing::warn!(error = %loggable(&error), "the Hub does not list its users");
                }
                Asked::Failed
            }
        }
    }

    /// Asks why those servers failed that were starting before and are not there now; what failed
    /// before that is kept until there is a server.
    async fn note_failures(&self, before: &Roster, roster: &mut Roster) {
        let has_none = |user: &str| {
            let servers = roster.users.get(user);
            servers.is_some_and(|servers| !servers.contains_key(""))
        };
        let kept = before.failures.iter().filter(|(user, _)| has_none(user));
        let mut failures: BTreeMap<_, _> = kept
            .map(|(user, why)| (user.clone(), why.clone()))
            .collect();
        let was_starting = |servers: &BTreeMap<String, HubServer>| {
            servers.get("").map(|it| it.state) == Some(HubServerState::Starting)
        };
        let ended = before.users.iter().filter(|(_, it)| was_starting(it));
        let ended = ended.map(|(user, _)| user).filter(|user| has_none(user));
        for user in ended.take(MAX_ASKED_WHY) {
            if let Ok(Some(why)) = self.spawn_failure(user).await {
                failures.insert(user.clone(), why);
            }
        }
        roster.failures = failures;
    }

    /// Why the user's server did not start, if the Hub says so.
    async fn spawn_failure(&self, user: &str) -> anyhow::Result<Option<String>> {
        let api = self.answers.api();
        let path = format!("users/{}/server/progress", percent_encoded(user));
        let asking = async {
            let mut response = api.send(api.of_service(&path)).await?;
            if response.status() != StatusCode::OK {
                return Ok(None);
            }
            let mut events = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                events.extend_from_slice(&chunk);
                ensure!(events.len() <= MAX_PROGRESS_BYTES, "the Hub tells too much");
            }
            Ok(spawn_progress::failure_in(&events))
        };
        api.in_time(HubCaller::Roster, asking).await
    }

    /// The Hub's users, those with a server first; `None` when the Hub does not let this service
    /// list them.
    async fn read(&self) -> anyhow::Result<Option<Roster>> {
        let mut roster = Roster {
            is_complete: true,
            asked_ms: time::now_ms(),
            ..Roster::default()
        };
        let mut pages = 0;
        for state in ["active", "inactive"] {
            let mut offset = 0;
            loop {
                if pages == MAX_PAGES {
                    roster.is_complete = false;
                    return Ok(Some(roster));
                }
                pages += 1;
                let query = format!("state={state}&limit={PAGE_USERS}&offset={offset}");
                let Some(page) = self.page(&query).await? else {
                    return Ok(None);
                };
                let users = page.items.len();
                for user in page.items {
                    let Some(servers) = user.servers else {
                        // It may list users and not see their servers.
                        return Ok(None);
                    };
                    if user.admin {
                        roster.admins.insert(user.name.clone());
                    }
                    // A server that was started between two pages is in the first answer or in
                    // neither; one that ended is in both.
                    let entry = roster.users.entry(user.name);
                    entry.or_insert_with(|| servers_of(servers));
                }
                match page.pagination.next {
                    Some(next) if next.offset > offset && users > 0 => offset = next.offset,
                    _ => break,
                }
            }
        }
        Ok(Some(roster))
    }

    /// One page; `None` when the Hub refuses it.
    async fn page(&self, query: &str) -> anyhow::Result<Option<UsersPage>> {
        let api = self.answers.api();
        let page = async {
            let request = api.of_service(&format!("users?{query}"));
            let mut response = api.send(request.header(header::ACCEPT, PAGINATION)).await?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => return Ok(None),
                other => bail!("the Hub answered {other} to a question for its users"),
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                ensure!(
                    body.len() + chunk.len() <= MAX_PAGE_BYTES,
                    "a page of the Hub's users has more than {MAX_PAGE_BYTES} bytes"
                );
                body.extend_from_slice(&chunk);
            }
            let page = serde_json::from_slice(&body);
            page.map(Some)
                .context("the Hub's users are not as expected")
        };
        api.in_time(HubCaller::Roster, page).await
    }
}

fn servers_of(servers: BTreeMap<String, ServerModel>) -> BTreeMap<String, HubServer> {
    let servers = servers.into_iter().take(MAX_SERVERS_OF_ONE);
    let servers = servers.filter_map(|(name, server)| {
        let state = match (server.pending.as_deref(), server.ready) {
            (Some("stop"), _) => HubServerState::Stopping,
            (_, true) => HubServerState::Ready,
            (Some(_), false) => HubServerState::Starting,
            (None, false) => return None,
        };
        let started = server.started.as_deref().and_then(time::parse);
        let started_ms = started.map(jiff::Timestamp::as_millisecond);
        Some((name, HubServer { state, started_ms }))
    });
    servers.collect()
}

/// A page of the Hub's users.
#[derive(Deserialize)]
struct UsersPage {
    items: Vec<RosterUser>,
    #[serde(rename = "_pagination", default)]
    pagination: Pagination,
}

#[derive(Default, Deserialize)]
struct Pagination {
    next: Option<NextPage>,
}

#[derive(Deserialize)]
struct NextPage {
    offset: usize,
}

/// A user among others. Their servers are missing where the service may not see them.
#[derive(Deserialize)]
struct RosterUser {
    name: String,
    #[serde(default)]
    admin: bool,
    servers: Option<BTreeMap<String, ServerModel>>,
}

#[derive(Deserialize)]
struct ServerModel {
    #[serde(default)]
    ready: bool,
    pending: Option<String>,
    started: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_jupyterhub_is_read() {
        let page = r#"{"items": [
            {"kind": "user", "name": "ana", "admin": false, "servers": {
                "": {"name": "", "ready": true, "pending": null, "stopped": false,
                     "started": "2026-11-29T17:00:00.500000Z", "user_options": {"a": 1}},
                "gpu": {"name": "gpu", "ready": false, "pending": "spawn", "started": null},
                "old": {"name": "old", "ready": true, "pending": "stop"},
                "gone": {"name": "gone", "ready": false, "pending": null}}},
            {"kind": "user", "name": "bob", "servers": {}}],
            "_pagination": {"offset": 0, "limit": 2, "total": 3,
                "next": {"offset": 2, "limit": 2, "url": "http://hub/"}}}"#;
        let page: UsersPage = serde_json::from_str(page).unwrap();
        assert_eq!(page.pagination.next.unwrap().offset, 2);
        let [ana, bob] = page.items.try_into().ok().unwrap();
        assert_eq!(bob.servers.unwrap().len(), 0);
        let servers = servers_of(ana.servers.unwrap());
        let states: Vec<_> = servers
            .iter()
            .map(|(name, it)| (&**name, it.state))
            .collect();
        assert_eq!(
            states,
            [
                ("", HubServerState::Ready),
                ("gpu", HubServerState::Starting),
                ("old", HubServerState::Stopping)
            ]
        );
        assert_eq!(servers[""].started_ms, Some(1_795_971_600_500));
    }
}
