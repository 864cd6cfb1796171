//! The types that travel between the service, the browser and the command line.
//!
//! Times are milliseconds since the Unix epoch **by the service's clock**; a reader
//! that wants an age subtracts from the `now_ms` of the same answer, never from a
//! clock of its own.

use serde::{Deserialize, Serialize};

use crate::{
    errands::{ErrandResponse, HubGroup},
    prepared::PreparedCell,
};

/// The `type` of the event that says a notebook was saved.
pub const SAVE_NOTEBOOK: &str = "save-notebook";
/// The `type` of the event that says a notebook is no longer there.
pub const DELETE_NOTEBOOK: &str = "delete-notebook";

/// The `type` of the event that says that saves of a notebook fail; its `reason` is the name of
/// a [`SaveProblem`].
pub const SAVE_FAILED: &str = "save-failed";
/// The `type` of the event that says that saves of the notebook work again.
pub const SAVE_WORKS: &str = "save-works";

/// The request header by which a page of the service proves that it sent the request.
pub const XSRF_HEADER: &str = "X-XSRFToken";

/// One entry of `GET /events`: the latest event of its `(type, user, path)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Counts from 1 and is never reused; a repeated `(type, user, path)` keeps it.
    pub id: i64,
    /// What happened, such as [`SAVE_NOTEBOOK`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The participant it happened to.
    pub user: String,
    /// The notebook's path below the participant's home, `module1/day1.ipynb`.
    pub filename: String,
    /// The notebook's whole path on the participant's machine.
    pub path: String,
    /// RFC 3339 in UTC, `2022-11-14T16:00:00.511000+00:00`.
    pub timestamp: String,
}

/// The data of the first server-sent event of `GET /events/stream`, `hello`, and of `reset`,
/// which the stream sends when the reader asked for events that are no longer kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamHello {
    /// The sequence number of the newest committed event, 0 when there is none.
    pub cursor: i64,
    /// The service's clock.
    pub now_ms: i64,
}

/// The name of the server-sent event that shows that an idle connection still works, because a
/// proxy may keep the connection of a service that has died, and the browser would wait for ever.
///
/// Its id is this reader's sequence number: no event up to there is still to be sent to it. Its
/// data is the number of milliseconds after which the next beat comes at the latest.
pub const BEAT: &str = "beat";

/// The rights of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everyone's notebooks, and changes the class.
    Instructor,
    /// Sees everyone's notebooks, and helps: takes tickets of the help queue, sees to people in the
    /// lane, asks whether the class is done. Changes nothing else but their own.
    Helper,
    /// Sees everyone's notebooks, and changes nothing but their own.
    Observer,
    /// Sees their own notebooks.
    Participant,
}

impl Role {
    /// Whether this role may see the notebooks of all participants.
    #[must_use]
    pub fn sees_everyone(self) -> bool {
        matches!(self, Self::Instructor | Self::Helper | Self::Observer)
    }

    /// Whether this role may see to participants: take their tickets, and say that they were helped.
    #[must_use]
    pub fn helps(self) -> bool {
        matches!(self, Self::Instructor | Self::Helper)
    }

    /// Whether this role may change what belongs to other users.
    #[must_use]
    pub fn changes_the_class(self) -> bool {
        self == Self::Instructor
    }
}

/// `GET /api/build`: the newest built document of a notebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BuiltVersion {
    /// The service's clock.
    pub now_ms: i64,
    /// The `ETag` that the document has at its address: no two versions have the same.
    pub version: String,
    /// When it was written.
    pub built_at_ms: i64,
    /// Where the document is, relative to the service.
    pub address: String,
}

/// `GET /api/session`: the user who sent the request, and what the service offers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionResponse {
    /// The Hub's user name; `instructor` when there is no Hub.
    pub user: String,
    /// The user's rights.
    pub role: Role,
    /// The address of the Hub's home page, when there is a Hub.
    pub hub_url: Option<String>,
    /// The template of participants' homes, `/home/{user}`; only for instructors and helpers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homes: Option<String>,
    /// The version of the service.
    pub version: String,
    /// The token that a page sends in the header [`XSRF_HEADER`] of a request that changes
    /// something; only for a session that a cookie authenticates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xsrf: Option<String>,
    /// Versions of notebooks are kept here.
    #[serde(default)]
    pub history: bool,
    /// Exports and summaries are built here.
    #[serde(default)]
    pub builds: bool,
}

impl SessionResponse {
    /// Whether the user of the session may change what belongs to `user`.
    #[must_use]
    pub fn may_change(&self, user: &str) -> bool {
        self.role.changes_the_class() || self.user == user
    }
}

/// The answer to `POST /api/logout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogoutResponse {
    /// The address the page opens next: the Hub's, to end the session there too, or its own start.
    pub next: String,
}

/// `GET /api/notebooks`: every notebook of the class that the user may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotebooksResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The notebooks, in the order of their filenames.
    pub notebooks: Vec<NotebookSummary>,
}

/// One notebook of the class, of which several participants may have copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotebookSummary {
    /// Its path below each participant's home.
    pub filename: String,
    /// How many participants have a copy, without those who see everyone.
    pub participants: usize,
    /// When the newest copy was saved.
    pub saved_at_ms: i64,
    /// How many of the participants saved it in the ten minutes before the class's last save.
    #[serde(default)]
    pub at_work: usize,
}

/// `GET /api/people`: what is known of the class's people beside their notebooks, for instructors
/// and helpers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeopleResponse {
    /// Who sees everyone, as far as the service has seen them: they are no participants.
    pub staff: Vec<String>,
    /// The groups of the Hub that participants are in.
    pub groups: Vec<HubGroup>,
}

/// `GET /api/wall?filename=…`: the tail of every participant's copy of one notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WallResponse {
    /// The notebook's path below each participant's home.
    pub filename: String,
    /// The service's clock.
    pub now_ms: i64,
    /// The tiles are at least as new as this sequence number: a stream opened with
    /// `after=cursor` misses nothing.
    pub cursor: i64,
    /// The tiles, in the order of their user names.
    pub tiles: Vec<Tile>,
}

/// `GET /api/tile?filename=…&user=…`: one participant's tail, and
/// `GET /api/notebook?filename=…&user=…`: the same with every cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TileResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The requested tile.
    pub tile: Tile,
}

/// One participant's copy of a notebook, ready to render.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tile {
    /// The participant.
    pub user: String,
    /// The notebook's path below their home.
    pub filename: String,
    /// When they last saved it.
    pub saved_at_ms: i64,
    /// How many cells the whole notebook has; `cells` are the last of them.
    pub total_cells: usize,
    /// The last code cell that was run ended in an error.
    pub ends_in_error: bool,
    /// The cells, oldest first. When `problem` is set these are those of the last
    /// good version, and empty when there was none.
    pub cells: Vec<PreparedCell>,
    /// Why the file as it is now cannot be shown, in words for the instructor.
    pub problem: Option<String>,
    /// Why the participant's saves of it fail, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_problem: Option<SaveProblem>,
    /// Why notebooks of theirs may be missing, if some may, in words for the instructor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_problem: Option<String>,
}

/// Why a participant's saves fail, as their Jupyter server reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SaveProblem {
    /// The disk is full.
    DiskFull,
    /// The participant's disk quota is used up.
    QuotaUsedUp,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The disk is broken.
    DiskFails,
    /// The participant has no permission to write the file or its folder.
    NotAllowed,
    /// Any other reason, such as one that a newer package reports.
    Other,
}

impl SaveProblem {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::DiskFull, "disk-full", "disk full"),
        (Self::QuotaUsedUp, "quota-used-up", "disk quota used up"),
        (Self::ReadOnly, "read-only", "the disk is read-only"),
        (Self::DiskFails, "disk-fails", "the disk fails"),
        (
            Self::NotAllowed,
            "not-allowed",
            "not allowed to write the file",
        ),
        (Self::Other, "other", "the file cannot be written"),
    ];

    /// The problem of this `reason`; an unknown one is [`SaveProblem::Other`].
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|(_, known, _)| *known == name);
        known.map_or(Self::Other, |(problem, ..)| problem)
    }

    /// The words that a page shows after "saves fail: ".
    #[must_use]
    pub fn words(self) -> &'static str {
        let known = Self::ALL.into_iter().find(|(problem, ..)| *problem == self);
        known.map_or("", |(.., words)| words)
    }
}

/// `GET /api/history?filename=…&user=…`: the versions of a participant's notebook, the
/// newest, or those before `before=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The versions, newest first.
    pub versions: Vec<VersionSummary>,
    /// Whether there are older versions.
    pub more: bool,
    /// Why some of this participant's versions are missing, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The restores of this notebook that wait for its participant's server, and those that
    /// ended in the last day; newest first. Only in the answer that begins with the newest
    /// version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<ErrandResponse>,
    /// The number of the handout that this notebook is a copy of, which a version can be compared
    /// with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handout: Option<i64>,
}

/// One version of a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionSummary {
    /// Its number, which counts upwards through the versions of all notebooks.
    pub version: i64,
    /// When it was saved.
    pub saved_at_ms: i64,
    /// How many cells it has.
    pub cells: usize,
    /// Cells that were new when it was saved.
    pub added: usize,
    /// Cells that had changed.
    pub changed: usize,
    /// Cells that were gone.
    pub removed: usize,
}

/// `GET /api/history/version?filename=…&user=…&version=…`: one version of a notebook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The version.
    pub version: VersionSummary,
    /// The number of the version before it.
    pub older: Option<i64>,
    /// The number of the version after it.
    pub newer: Option<i64>,
    /// Every cell, ready to render.
    pub tile: Tile,
}

/// `GET /api/history/diff?filename=…&user=…&version=…`: the changes since the version
/// before, or since `from=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffResponse {
    /// The older version; none when `to` is the first, or is compared with a handout.
    pub from: Option<VersionSummary>,
    /// The number of the handout that `to` is compared with, instead of a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handout: Option<i64>,
    /// The newer version.
    pub to: VersionSummary,
    /// The cells that differ, in the order of the newer version; a removed cell stands where it
    /// was. Of very many cells only the first are listed.
    pub cells: Vec<CellDiff>,
    /// How many more cells differ than `cells` lists.
    #[serde(default)]
    pub more: usize,
}

/// A cell that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CellDiff {
    /// Its index in the older version, from 0; none when it was added.
    pub before: Option<usize>,
    /// Its index in the newer version, from 0; none when it was removed.
    pub after: Option<usize>,
    /// Its type, such as `code`.
    pub kind: String,
    /// The source, line by line; empty when both versions have the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineDiff>,
    /// Its outputs or its execution count differ.
    pub outputs_changed: bool,
    /// Its metadata or its type differs.
    pub details_changed: bool,
}

/// A line of a cell's source in two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineDiff {
    /// A line of both versions.
    Same(String),
    /// A line of the newer version only.
    Added(String),
    /// A line of the older version only.
    Removed(String),
    /// The number of lines that are left out here.
    Skipped(usize),
}

/// The body of `POST /api/history/restore`: the version to write into the participant's home,
/// beside their own file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestoreRequest {
    /// The participant.
    pub user: String,
    /// The notebook's path below their home.
    pub filename: String,
    /// The number of the version.
    pub version: i64,
}

/// The answer to a [`RestoreRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestoreResponse {
    /// The path below the home of the file that was written.
    pub filename: String,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The error and, where there is one, its remedy.
    pub message: String,
}
