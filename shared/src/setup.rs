//! The wire types of the page *Setup*: how each participant's saves arrive, which version of the
//! package their servers have, and what to do where something is missing.

use serde::{Deserialize, Serialize};

use crate::errands::FILES_PAGE;
use crate::exercise::EXERCISE_PAGE;
use crate::help::QUEUE_PAGE;
use crate::packages::PACKAGES_PAGE;
use crate::users::USERS_PAGE;

/// The page, below the service's prefix.
pub const SETUP_PAGE: &str = "setup";

/// The pages for running a class, below the service's prefix. They are an app of their own, which
/// the service gives for these addresses.
pub const MANAGE_PAGES: [&str; 6] = [
    SETUP_PAGE,
    USERS_PAGE,
    PACKAGES_PAGE,
    EXERCISE_PAGE,
    QUEUE_PAGE,
    FILES_PAGE,
];

/// `GET /api/setup`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupResponse {
    /// What there is to do for the whole class, in one or two sentences.
    pub headline: String,
    /// The command that the headline means, to be run where the servers' Python is.
    pub command: Option<String>,
    /// The version of the service.
    pub version: String,
    /// When all this was so, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// What the service can know of the Hub's servers.
    pub hub: HubView,
    /// The numbers of servers.
    pub totals: SetupTotals,
    /// What needs attention first, then by participant and server.
    pub servers: Vec<SetupRow>,
    /// Whether these are all.
    pub is_complete: bool,
}

/// What the service can know of the Hub's servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HubView {
    /// Whether the Hub tells its users and servers.
    pub state: HubViewState,
    /// What cannot be known, and why; empty when nothing is missing.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Whether the Hub tells its users and servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HubViewState {
    /// It does.
    Known,
    /// It does not let this service list them.
    Refused,
    /// It does not answer.
    Unanswered,
    /// There is no Hub.
    None,
}

/// The numbers of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupTotals {
    /// Those that run.
    pub running: usize,
    /// Of those, the ones that report their saves.
    pub reporting: usize,
    /// Those that run and do not report.
    pub silent: usize,
    /// Of those, the ones whose saves are noticed in the home.
    pub watched: usize,
    /// Those that run, and report, with an older package than the service's.
    pub older: usize,
    /// Those on their way.
    pub starting: usize,
    /// Participants without a server.
    pub without_server: usize,
}

/// One participant, or one of their named servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupRow {
    /// The participant.
    pub user: String,
    /// The server's name among those of its participant, empty for the default one.
    pub server: String,
    /// Whether it runs.
    pub state: ServerState,
    /// How saves arrive.
    pub saves: SaveArrival,
    /// When a notebook was saved last, in milliseconds since the Unix epoch.
    pub saved_ms: Option<i64>,
    /// When the server was heard last, in milliseconds since the Unix epoch.
    pub heard_ms: Option<i64>,
    /// The version of its package, if it says one.
    pub version: Option<String>,
    /// Whether the package is older than the service.
    pub is_older: bool,
    /// Whether there is something to do.
    pub needs_attention: bool,
    /// How it is, in words.
    pub note: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The command that the remedy means, to be run where the server's Python is.
    pub command: Option<String>,
}

/// Whether a participant's server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// It does.
    Running,
    /// It is on its way.
    Starting,
    /// There is none.
    None,
    /// The Hub does not tell, and it was not heard.
    Unknown,
}

/// How the saves of a participant's server arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SaveArrival {
    /// The server pushes what was saved.
    Pushed,
    /// The server reports saves, and notebooks are read in the home.
    Reported,
    /// The service notices saves in the home by itself, some seconds later.
    Watched,
    /// Nothing was saved yet.
    Nothing,
    /// They do not.
    Not,
}

impl SaveArrival {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Reported => "reported",
            Self::Watched => "watched",
            Self::Nothing => "nothing yet",
            Self::Not => "not",
        }
    }
}

impl ServerState {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}
