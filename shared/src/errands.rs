//! The wire types of errands: files that a participant's own server writes into its home,
//! because the service cannot. An errand is a restored version or a handout. As in
//! [`crate::wire`], times are by the service's clock.

use serde::{Deserialize, Serialize};

/// The page from which files are handed out, below the service's prefix.
pub const FILES_PAGE: &str = "files";

/// The longest name of a file that an errand proposes, in bytes.
pub const LONGEST_FILENAME_BYTES: usize = 1_024;

/// The longest reason of a failure, in characters; a longer one is cut.
pub const LONGEST_REASON_CHARS: usize = 200;

/// The most bytes of one file that is handed out.
pub const MAX_HANDOUT_BYTES: usize = 32 << 20;

/// What an errand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrandKind {
    /// A version of a notebook comes back as a new file beside it.
    Restore,
    /// A notebook or another file of an instructor's comes as a new file.
    Handout,
}

/// The state of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrandState {
    /// It waits until the participant's server runs.
    Pending,
    /// The file is in the home.
    Done,
    /// The server could not write the file.
    Failed,
    /// It was taken back before the server had written the file.
    Retracted,
}

/// `GET /api/errands`: what the asking server has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrandsResponse {
    /// Oldest first, 100 at most.
    pub errands: Vec<PendingErrand>,
}

/// One errand, as the participant's server gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingErrand {
    /// Its number, which is never given again.
    pub id: i64,
    /// What it is for.
    pub kind: ErrandKind,
    /// The proposed path below the server's root folder; another suffix where it is taken.
    pub filename: String,
    /// Where the content is, below the service's prefix.
    pub url: String,
    /// The content's bytes.
    pub size: u64,
    /// The content's SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// The body of `POST /api/errands/{id}`: the report of a participant's server about an errand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrandReport {
    /// What happened.
    pub state: ErrandOutcome,
    /// Of `done`: the path of the new file below the server's root folder.
    #[serde(default)]
    pub filename: Option<String>,
    /// Of `failed`: why, in words for the participant and the instructor.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What a participant's server reports of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrandOutcome {
    /// The file is in the home.
    Done,
    /// The file could not be written.
    Failed,
    /// The participant has opened the file.
    Opened,
}

/// The answer to a restore that waits for the participant's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestorePending {
    /// The errand's number.
    pub errand: i64,
    /// Always `pending`.
    pub state: ErrandState,
}

/// `GET /api/errands/{id}`: one errand, for its participant and for readers of all notebooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrandResponse {
    /// Its number.
    pub id: i64,
    /// Whose home the file goes to.
    pub user: String,
    /// What it is for.
    pub kind: ErrandKind,
    /// Its state.
    pub state: ErrandState,
    /// The path of the new file as the copy is called here, once it is done; before, the path
    /// that is proposed to the server.
    pub filename: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// The name of the participant's server that does it, which is empty for the default one;
    /// not there while no server has asked for a handout.
    #[serde(default)]
    pub server: Option<String>,
    /// Of a restore: the number of the version.
    #[serde(default)]
    pub version: Option<i64>,
}

/// The data of an [`crate::announcements::ERRAND_KIND`]: an errand is done or has failed, or its file was
/// opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrandAnnouncement {
    /// The errand's number.
    pub errand: i64,
    /// Whose home the file goes to.
    pub user: String,
    /// Its state.
    pub state: ErrandState,
}

/// The recipients of a handout: one of the three, written as a notice's `to` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HandoutAudience {
    /// Every participant; always `true`.
    Everyone(bool),
    /// The members of this group of the Hub, also those that join it later.
    Group(String),
    /// One participant.
    User(String),
}

/// The body of `POST /api/handouts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandoutRequest {
    /// Whose copy is handed out.
    pub user: String,
    /// The notebook's path below that home. It is handed out as it is now.
    pub filename: String,
    /// Its recipients.
    pub to: HandoutAudience,
    /// Another path for the new files.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub proposed: Option<String>,
}

/// `GET /api/handouts`: the handouts, newest first, and the recipients to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandoutsResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// Newest first, 50 at once.
    pub handouts: Vec<Handout>,
    /// There are older ones: ask with `before`.
    pub more: bool,
    /// The names of the participants that the service knows.
    pub people: Vec<String>,
    /// The groups of the Hub that those participants are in.
    pub groups: Vec<HubGroup>,
}

/// A group of the Hub, as far as the service has seen its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HubGroup {
    /// Its name.
    pub name: String,
    /// Its members, by name: participants whose server has asked for errands.
    pub members: Vec<String>,
}

/// A notebook or another file that an instructor has handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Handout {
    /// Its number.
    pub id: i64,
    /// The instructor.
    pub author: String,
    /// Whose copy it was; not there for an uploaded file.
    pub user: Option<String>,
    /// That notebook's path.
    pub notebook: Option<String>,
    /// The path of the new files.
    pub filename: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Its recipients.
    pub to: HandoutAudience,
    /// When it was handed out.
    pub created_at_ms: i64,
    /// It was taken back, and no further participant gets it.
    pub retracted: bool,
    /// By name: each participant that it is known to be for.
    pub receivers: Vec<HandoutReceiver>,
}

/// A participant that a handout is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandoutReceiver {
    /// The participant.
    pub user: String,
    /// How far it is; pending where the participant's server has not run since.
    pub state: ErrandState,
    /// The file in the home, once it is there.
    pub filename: Option<String>,
    /// Why it is not there.
    pub reason: Option<String>,
    /// When the participant opened it first.
    pub opened_at_ms: Option<i64>,
}
