//! What travels about notices: short texts of an instructor's that participants read where
//! they work. As in [`crate::wire`], times are by the service's clock.

use serde::{Deserialize, Serialize};

use crate::prepared::SafeHtml;

/// The name of the server-sent event that tells an open page that there is news for it
/// among the notices; its data is a [`NoticeAnnouncement`].
pub const NOTICE_ANNOUNCEMENT: &str = "notice";

/// The longest text, in characters.
pub const MAX_NOTICE_CHARS: usize = 4_000;

/// Whom a notice is for: one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everyone; always `true`.
    Everyone(bool),
    /// Those who have a copy of this notebook, or get one while the notice stands.
    Notebook(String),
    /// One person.
    User(String),
}

/// Where a notice leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeLink {
    /// The address, http or https.
    pub url: String,
    /// What it is called; the address, when nothing was said.
    #[serde(default)]
    pub label: String,
}

/// The body of `POST /api/notices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeRequest {
    /// Plain text or Markdown.
    pub text: String,
    /// Whom it is for.
    pub to: Audience,
    /// A line above the text.
    #[serde(default)]
    pub title: Option<String>,
    /// Something to open beside it.
    #[serde(default)]
    pub link: Option<NoticeLink>,
    /// A file below everyone's home, to open where they work.
    #[serde(default)]
    pub file: Option<String>,
    /// Until when it is shown; until it is taken back, when nothing is said.
    #[serde(default)]
    pub until_ms: Option<i64>,
}

/// One notice, as somebody it is for reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Its number, which is never given again.
    pub id: i64,
    /// Grows with every change; what to ask `after`.
    pub seq: i64,
    /// As it was written; empty when it was taken back.
    pub text: String,
    /// The text as a fragment of HTML, sanitised.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub html: SafeHtml,
    /// A line above it.
    pub title: Option<String>,
    /// Something to open beside it.
    pub link: Option<NoticeLink>,
    /// A file below the home, to open.
    pub file: Option<String>,
    /// The whole path of that file in the reader's home, for their own server, which need not
    /// begin where the homes do.
    #[serde(default)]
    pub path: Option<String>,
    /// When it was written.
    pub created_at_ms: i64,
    /// Until when it is shown.
    pub until_ms: Option<i64>,
    /// It was taken back, and is not to be shown any more.
    pub retracted: bool,
    /// The reader has had it.
    #[serde(default)]
    pub shown: bool,
    /// The reader has opened or dismissed it.
    #[serde(default)]
    pub opened: bool,
}

/// `GET /api/notices`: the notices meant for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticesResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// What to ask `after` next.
    pub cursor: i64,
    /// Oldest first; one that the reader has already, under a newer `seq`, takes its place.
    pub notices: Vec<Notice>,
}

/// What an open page is told when there is news for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeAnnouncement {
    /// The newest of [`Notice::seq`].
    pub cursor: i64,
}

/// `GET /api/notices/sent`: what was written, newest first, and who has read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// Newest first.
    pub notices: Vec<SentNotice>,
    /// There are older ones: ask with `before`.
    pub more: bool,
}

/// One notice as an instructor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentNotice {
    /// Its number.
    pub id: i64,
    /// As it was written, and so when it was taken back.
    pub text: String,
    /// The text as a fragment of HTML, sanitised.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub html: SafeHtml,
    /// A line above it.
    pub title: Option<String>,
    /// Something to open beside it.
    pub link: Option<NoticeLink>,
    /// A file below the home, to open.
    pub file: Option<String>,
    /// When it was written.
    pub created_at_ms: i64,
    /// Until when it is shown.
    pub until_ms: Option<i64>,
    /// It was taken back.
    pub retracted: bool,
    /// Who wrote it.
    pub author: String,
    /// Whom it is for.
    pub to: Audience,
    /// By name.
    pub recipients: Vec<Recipient>,
}

/// Somebody a notice is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// Who.
    pub user: String,
    /// When they had it first.
    pub shown_at_ms: Option<i64>,
    /// When they opened or dismissed it first.
    pub opened_at_ms: Option<i64>,
}

/// The body of `POST /api/notices/{id}/receipt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptRequest {
    /// What happened.
    pub state: ReceiptState,
}

/// How far a notice got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It is on the reader's screen.
    Shown,
    /// The reader has opened or dismissed it.
    Opened,
}
