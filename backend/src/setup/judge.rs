//! How one server is: whether it runs, how its saves arrive, and what to do about it.

use shared::setup::{SaveArrival, ServerState, SetupRow};

use super::VERSION;
use crate::contacts::{Contact, SaveWay, is_older};

/// A server that asked for something so long ago is not heard any more: the package asks for
/// errands every half a minute, and after a failure within another.
const SILENT_AFTER_MS: i64 = 120_000;
/// A server that was started so recently need not have been heard yet.
const STARTING_UP_MS: i64 = 30_000;
/// The same for all servers when the service was started: they may be pausing.
const SERVICE_STARTING_UP_MS: i64 = 60_000;
/// How far the clocks of the Hub and of this service may be apart.
pub(super) const CLOCK_SLACK_MS: i64 = 5_000;
/// A save that was noticed in a home so recently is one of a server that runs.
const RECENT_MS: i64 = 600_000;

pub(super) const INSTALL: &str = "pip install pipalhub_singleuser-*.whl";
pub(super) const UPGRADE: &str = "pip install --upgrade pipalhub_singleuser-*.whl";

/// All that is known of one server.
pub(super) struct Evidence<'a> {
    /// Its state as the Hub has it and when it was started; `None` when the Hub does not tell.
    pub(super) in_hub: Option<(ServerState, Option<i64>)>,
    /// When the Hub told it.
    pub(super) hub_asked_ms: i64,
    pub(super) contact: Option<&'a Contact>,
    /// Since when contacts are remembered.
    pub(super) since_ms: i64,
    pub(super) saved_ms: Option<i64>,
    /// Whether notebooks that it has pushed are kept.
    pub(super) is_pushing: bool,
    /// When the service itself last noticed a save in the home.
    pub(super) watched_ms: Option<i64>,
    /// Whether the participant's notebooks are read in their home.
    pub(super) has_home_copies: bool,
    pub(super) now_ms: i64,
}

impl Evidence<'_> {
    fn started_ms(&self) -> Option<i64> {
        self.in_hub.and_then(|(_, started_ms)| started_ms)
    }

    /// Whether the package talks, of the server as it was started last.
    fn is_heard(&self) -> bool {
        self.contact.is_some_and(|contact| {
            let is_of_this_start = self.is_since_start(contact.heard_ms);
            // A server with the hook alone says something when it saves, and nothing between.
            let is_hook = contact.asked_ms.is_none() && self.started_ms().is_some();
            is_of_this_start && (is_hook || self.now_ms - contact.heard_ms < SILENT_AFTER_MS)
        })
    }

    fn is_since_start(&self, at_ms: i64) -> bool {
        let started_ms = self.started_ms();
        started_ms.is_none_or(|started_ms| at_ms + CLOCK_SLACK_MS >= started_ms)
    }

    fn state(&self) -> ServerState {
        let is_heard = self.is_heard();
        match self.in_hub {
            // The Hub's answer is some seconds old.
            Some((ServerState::None, _)) if is_heard && self.is_heard_after_hub() => {
                ServerState::Running
            }
            Some((ServerState::Starting, _)) if is_heard => ServerState::Running,
            Some((state, _)) => state,
            None if is_heard => ServerState::Running,
            None => ServerState::Unknown,
        }
    }

    fn is_heard_after_hub(&self) -> bool {
        let contact = self.contact;
        contact.is_some_and(|contact| contact.heard_ms > self.hub_asked_ms)
    }

    /// Whether it may be too early to have heard it.
    fn is_early(&self) -> bool {
        let early = |since_ms: i64, for_ms: i64| self.now_ms - since_ms < for_ms;
        self.started_ms()
            .is_some_and(|at| early(at, STARTING_UP_MS))
            || early(self.since_ms, SERVICE_STARTING_UP_MS)
    }

    fn is_watched(&self) -> bool {
        self.watched_ms.is_some() || self.has_home_copies
    }

    fn arrival(&self, is_heard: bool, state: ServerState) -> SaveArrival {
        let way = self.contact.and_then(|contact| contact.way);
        let is_on = is_heard || state != ServerState::Running;
        match way {
            Some(SaveWay::Pushed) if is_on => SaveArrival::Pushed,
            Some(SaveWay::Reported) if is_on => SaveArrival::Reported,
            None if is_on && self.is_pushing => SaveArrival::Pushed,
            _ if is_heard => SaveArrival::Nothing,
            _ if self.is_watched() => SaveArrival::Watched,
            _ if state == ServerState::Running => SaveArrival::Not,
            _ => SaveArrival::Nothing,
        }
    }
}

/// What is wrong, in words, and what to do.
struct Advice {
    note: String,
    remedy: Option<&'static str>,
    command: Option<&'static str>,
}

impl Advice {
    fn fine(note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            remedy: None,
            command: None,
        }
    }

    fn install(note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            remedy: Some(
                "Install the package in the server's Python or image, then restart the server. If \
                 it is installed, the server's log says, at PipalHub, why it cannot reach the \
                 service.",
            ),
            command: Some(INSTALL),
        }
    }
}

/// The row of one server.
pub(super) fn judge(user: &str, server: &str, evidence: &Evidence<'_>) -> SetupRow {
    let is_heard = evidence.is_heard();
    let state = evidence.state();
    let saves = evidence.arrival(is_heard, state);
    let version = evidence.contact.and_then(|contact| contact.version.clone());
    let is_older = match &version {
        Some(version) => is_older(version, VERSION),
        // A package of before it said its version.
        None => is_heard,
    };
    let advice = match state {
        ServerState::Starting => Advice::fine("The server is starting."),
        ServerState::None => Advice::fine("No server runs."),
        ServerState::Unknown => unknown(evidence),
        ServerState::Running if is_heard => heard(saves, version.as_deref(), is_older),
        ServerState::Running => silent(evidence, saves),
    };
    SetupRow {
        user: user.to_owned(),
        server: server.to_owned(),
        state,
        saves,
        saved_ms: evidence.saved_ms,
        heard_ms: evidence.contact.map(|contact| contact.heard_ms),
        is_older: is_older && state != ServerState::None,
        version,
        needs_attention: advice.remedy.is_some(),
        note: advice.note,
        remedy: advice.remedy.map(str::to_owned),
        command: advice.command.map(str::to_owned),
    }
}

/// Of a server whose package talks.
fn heard(saves: SaveArrival, version: Option<&str>, is_older: bool) -> Advice {
    if is_older {
        let package = match version {
            Some(version) => format!("The package is {version}"),
            None => "The package does not say its version, as old ones do not".to_owned(),
        };
        return Advice {
            note: format!("{package}; the service is {VERSION}."),
            remedy: Some(
                "Upgrade the package in the server's Python or image, then restart the server.",
            ),
            command: Some(UPGRADE),
        };
    }
    Advice::fine(match saves {
        SaveArrival::Pushed => "Saves arrive as they happen, with what is in them.",
        SaveArrival::Reported => "Saves arrive as they happen, and are read in the home.",
        _ => "The server reports; nothing has come from it yet.",
    })
}

/// Of a server that runs, and whose package does not talk.
fn silent(evidence: &Evidence<'_>, saves: SaveArrival) -> Advice {
    if evidence.is_early() {
        return Advice::fine("It has just been started, and may not have reported yet.");
    }
    let contact = evidence.contact;
    if let Some(contact) = contact.filter(|contact| evidence.is_since_start(contact.heard_ms)) {
        let minutes = (evidence.now_ms - contact.heard_ms) / 60_000;
        return Advice {
            note: format!("Its package has been silent for {minutes} min."),
            remedy: Some(
                "Restart the server. If it stays silent, the server's log says why: look for \
                 PipalHub in it.",
            ),
            command: None,
        };
    }
    Advice::install(match (contact, saves) {
        (Some(_), _) => "It has not reported since it was started.",
        (None, SaveArrival::Watched) => {
            "It does not report. Saves are noticed in the home, some seconds late."
        }
        (None, _) => "It does not report, and no saves are noticed in the home.",
    })
}

/// Of a server of which the Hub does not tell whether it runs, and which is not heard.
fn unknown(evidence: &Evidence<'_>) -> Advice {
    let is_recent = |at_ms: i64| evidence.now_ms - at_ms < RECENT_MS;
    match evidence.contact {
        Some(_) => Advice::fine("It is not heard any more; whether it runs is not known."),
        None if evidence.watched_ms.is_some_and(is_recent) && !evidence.is_early() => {
            Advice::install("A save was noticed in the home, and no server has reported it.")
        }
        None => Advice::fine("Whether a server runs is not known."),
    }
}
