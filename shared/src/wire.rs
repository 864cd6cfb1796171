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

/// What someone may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everyone's notebooks.
    Instructor,
    /// Sees their own notebooks.
    Participant,
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
    /// Where participants' homes are, `/home/{user}`; for an instructor only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homes: Option<String>,
    /// The version of the service.
    pub version: String,
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
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What is wrong and, where there is one, the remedy.
    pub message: String,
}
