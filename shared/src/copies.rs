//! What participants' servers and the service say to each other about copies: see
//! `PUT /api/copies` in `docs/http.md`.

use serde::{Deserialize, Serialize};

/// The media type of a push: a [`PushHead`] on one line, and the deflated middle of the content.
pub const PUSH_MEDIA_TYPE: &str = "application/vnd.pipalhub.copy";

/// The longest head of a push, in bytes.
pub const PUSH_HEAD_MAX: usize = 16 << 10;

/// The first line of a push.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushHead {
    /// The notebook's path below the folder that the server shows.
    pub filename: String,
    /// The notebook's absolute path on the server, which is shown and proves nothing.
    pub path: String,
    /// The name of a named server; empty for the default one.
    #[serde(default)]
    pub server: String,
    /// When the file was saved, milliseconds since the Unix epoch by the server's clock.
    pub saved_at_ms: i64,
    /// Bytes of the whole content.
    pub size: usize,
    /// The SHA-256 of the whole content in hexadecimal digits; none when it is withheld.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The SHA-256 of the content that this one is put together from, which was the last that
    /// was acknowledged; none when all of the content is here.
    #[serde(default)]
    pub base: Option<String>,
    /// How many bytes the content and the base begin with alike.
    #[serde(default)]
    pub prefix: usize,
    /// How many bytes the content and the base end with alike.
    #[serde(default)]
    pub suffix: usize,
    /// Why there is no content: `too-large` or `unreadable`.
    #[serde(default)]
    pub withheld: Option<WithheldReason>,
}

/// Why a server keeps a notebook's content to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WithheldReason {
    /// It has more bytes than are taken.
    TooLarge,
    /// It may have private cells, and cannot be parsed to take them out.
    Unreadable,
}

/// The answer to a push: the content and its event are on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushResponse {
    /// The sequence number of the event; none when the content was there already.
    pub seq: Option<i64>,
    /// The server pushes this notebook once in so many milliseconds at most.
    pub pace_ms: u64,
}

/// The answer, 409, to a push that was made for another version than the one that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NeedsWhole {
    /// What is wrong and the remedy.
    pub message: String,
    /// `whole`: all of the content is to be pushed.
    pub need: String,
}

impl Default for NeedsWhole {
    fn default() -> Self {
        Self {
            message: "The push does not fit the version that is kept; push all of the notebook."
                .to_owned(),
            need: "whole".to_owned(),
        }
    }
}

/// Every notebook of a server: `POST /api/copies/inventory`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InventoryRequest {
    /// The name of a named server; empty for the default one.
    #[serde(default)]
    pub server: String,
    /// Whether these are all notebooks, so that what is not among them is gone.
    pub complete: bool,
    /// The notebooks.
    pub files: Vec<InventoryFile>,
}

/// One notebook of an inventory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InventoryFile {
    /// The path below the folder that the server shows.
    pub filename: String,
    /// Bytes of the content.
    pub size: u64,
    /// The SHA-256 of what would be pushed; none when the content is withheld.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// The answer to an inventory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InventoryResponse {
    /// Notebooks that are to be pushed, of those that were named.
    pub wanted: Vec<String>,
    /// How many copies were not among them and were deleted.
    pub gone: usize,
}

/// A copy that was pushed and is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptCopy {
    /// The participant.
    pub user: String,
    /// The notebook's path below their home.
    pub filename: String,
    /// When it was saved, milliseconds since the Unix epoch.
    pub saved_at_ms: i64,
    /// Bytes of its content.
    pub size: u64,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}
