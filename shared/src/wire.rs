//! The types that travel between the service, the browser and the command line.
//!
//! Times are milliseconds since the Unix epoch **by the service's clock**; a reader
//! that wants an age subtracts from the `now_ms` of the same answer, never from a
//! clock of its own.

use serde::{Deserialize, Serialize};

use crate::prepared::PreparedCell;

/// The `type` of the event that says a notebook was saved.
pub const SAVE_NOTEBOOK: &str = "save-notebook";
/// The `type` of the event that says a notebook is no longer there.
pub const DELETE_NOTEBOOK: &str = "delete-notebook";

/// The `type` of the event that says that saves of a notebook fail; its `reason` is the name of
/// a [`SaveProblem`].
pub const SAVE_FAILED: &str = "save-failed";
/// The `type` of the event that says that they do not any more.
pub const SAVE_WORKS: &str = "save-works";

/// The header that shows that a request was sent by a page of the service's own.
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

/// What `GET /events/stream` sends first, as the server-sent event `hello`, and
/// again as `reset` when the reader asked for a past that is no longer kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamHello {
    /// The sequence number of the newest committed event, 0 when there is none.
    pub cursor: i64,
    /// The service's clock.
    pub now_ms: i64,
}

/// The name of the server-sent event that says that a connection stands on which there was
/// nothing else to say. Its id is where in the events this reader is: up to there nothing more
/// was for it. Its data is a number: after so many milliseconds there is another at the latest. A proxy may keep a connection whose service has died, and a browser then hears
/// nothing more, for ever.
pub const BEAT: &str = "beat";

/// What someone may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everyone's notebooks, and changes the class.
    Instructor,
    /// Sees everyone's notebooks, and changes nothing but their own.
    Helper,
    /// Sees their own notebooks.
    Participant,
}

impl Role {
    /// Whether everyone's notebooks are theirs to see.
    #[must_use]
    pub fn sees_everyone(self) -> bool {
        matches!(self, Self::Instructor | Self::Helper)
    }

    /// Whether they may change what is not their own.
    #[must_use]
    pub fn changes_the_class(self) -> bool {
        self == Self::Instructor
    }
}

/// `GET /api/build`: what is built of a notebook at this moment.
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

/// `GET /api/session`: who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionResponse {
    /// The Hub's user name; `instructor` when there is no Hub.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// The address of the Hub's home page, when there is a Hub.
    pub hub_url: Option<String>,
    /// Where participants' homes are, `/home/{user}`; for those who see everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homes: Option<String>,
    /// The version of the service.
    pub version: String,
    /// What a page sends along, in the header [`XSRF_HEADER`], with a request that changes
    /// something; for who is signed in by a cookie only.
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
    /// Whether they may change what is `user`'s.
    #[must_use]
    pub fn may_change(&self, user: &str) -> bool {
        self.role.changes_the_class() || self.user == user
    }
}

/// The answer to `POST /api/logout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogoutResponse {
    /// Where a page goes now: to the Hub, to end the session there too, or to its own start.
    pub next: String,
}

/// `GET /api/notebooks`: every notebook of the class that the asker may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotebooksResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// By filename.
    pub notebooks: Vec<NotebookSummary>,
}

/// One notebook of the class, whoever has a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotebookSummary {
    /// Its path below each participant's home.
    pub filename: String,
    /// How many participants have a copy.
    pub participants: usize,
    /// When the newest copy was saved.
    pub saved_at_ms: i64,
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
    /// By user name.
    pub tiles: Vec<Tile>,
}

/// `GET /api/tile?filename=…&user=…`: one participant's tail, and
/// `GET /api/notebook?filename=…&user=…`: the same with every cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TileResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The one asked for.
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
    /// Why their saves of it fail, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_problem: Option<SaveProblem>,
    /// Why notebooks of theirs may be missing, if some may, in words for the instructor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_problem: Option<String>,
}

/// Why somebody's saves fail, as their own server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SaveProblem {
    /// There is no room on the disk.
    DiskFull,
    /// There is none for them.
    QuotaUsedUp,
    /// Nothing can be written to the disk.
    ReadOnly,
    /// The disk is broken.
    DiskFails,
    /// The file or its folder is not theirs to write.
    NotAllowed,
    /// Something else.
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

    /// By its name, as in `reason`; a name of later is something else.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|(_, known, _)| *known == name);
        known.map_or(Self::Other, |(problem, ..)| problem)
    }

    /// In words that follow "saves fail: ".
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
    /// Newest first.
    pub versions: Vec<VersionSummary>,
    /// There are older ones.
    pub more: bool,
    /// Why some of this participant's are missing, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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

/// `GET /api/history/version?filename=…&user=…&version=…`: a notebook as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// Which one.
    pub version: VersionSummary,
    /// The number of the version before it.
    pub older: Option<i64>,
    /// The number of the version after it.
    pub newer: Option<i64>,
    /// Every cell, ready to render.
    pub tile: Tile,
}

/// `GET /api/history/diff?filename=…&user=…&version=…`: what changed since the version
/// before, or since `from=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffResponse {
    /// The older one; none when `to` is the first.
    pub from: Option<VersionSummary>,
    /// The newer one.
    pub to: VersionSummary,
    /// The cells that differ, in the order of the newer; a removed one stands where it was. Of
    /// very many the first.
    pub cells: Vec<CellDiff>,
    /// How many more differ than are told.
    #[serde(default)]
    pub more: usize,
}

/// A cell that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CellDiff {
    /// Its place in the older, from 0; none when it was added.
    pub before: Option<usize>,
    /// Its place in the newer, from 0; none when it was removed.
    pub after: Option<usize>,
    /// Its type, such as `code`.
    pub kind: String,
    /// The source, line by line; empty when both have the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineDiff>,
    /// It was run again, or what it shows is another.
    pub outputs_changed: bool,
    /// Its metadata or its type is another.
    pub details_changed: bool,
}

/// A line of a cell's source in two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineDiff {
    /// Both have it.
    Same(String),
    /// Only the newer has it.
    Added(String),
    /// Only the older has it.
    Removed(String),
    /// So many lines are not shown.
    Skipped(usize),
}

/// The body of `POST /api/history/restore`: which version to write into the participant's
/// home, beside their own file.
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
    /// What is wrong and, where there is one, the remedy.
    pub message: String,
}
