//! The wire types of notices: short texts of an instructor's that participants read where they
//! work. As in [`crate::wire`], times are by the service's clock.

use serde::{Deserialize, Serialize};

use crate::{help::MyNote, prepared::SafeHtml};

/// The name of the server-sent event that announces changed notices to an open page; its data
/// is a [`NoticeAnnouncement`].
pub const NOTICE_ANNOUNCEMENT: &str = "notice";

/// The longest text of a notice, in characters.
pub const MAX_NOTICE_CHARS: usize = 4_000;

/// The users a notice is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// All users; always `true`.
    Everyone(bool),
    /// The participants with a copy of this notebook, also one made while the notice stands.
    Notebook(String),
    /// One user.
    User(String),
    /// These users.
    Users(Vec<String>),
}

/// The link of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeLink {
    /// The address, http or https.
    pub url: String,
    /// The text of the link; the address, when it is empty.
    #[serde(default)]
    pub label: String,
}

/// The body of `POST /api/notices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeRequest {
    /// Plain text or Markdown.
    pub text: String,
    /// The users it is for.
    pub to: Audience,
    /// A line above the text.
    #[serde(default)]
    pub title: Option<String>,
    /// Something to open beside it.
    #[serde(default)]
    pub link: Option<NoticeLink>,
    /// A file below each recipient's home, which their JupyterLab opens.
    #[serde(default)]
    pub file: Option<String>,
    /// When it stops being shown; without one it is shown until it is retracted.
    #[serde(default)]
    pub until_ms: Option<i64>,
}

/// One notice as a recipient reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Its number, which is never reused.
    pub id: i64,
    /// A number that grows with every change; a reader asks for newer ones with `after`.
    pub seq: i64,
    /// The text as it was written; empty when the notice was retracted.
    pub text: String,
    /// The text as a fragment of HTML, sanitised.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub html: SafeHtml,
    /// Its beginning as plain text, in 140 characters at most, for a notification in JupyterLab.
    #[serde(default)]
    pub brief: String,
    /// A line above it.
    pub title: Option<String>,
    /// Something to open beside it.
    pub link: Option<NoticeLink>,
    /// A file below the home, to open.
    pub file: Option<String>,
    /// The absolute path of that file in the reader's home, because the root folder of their
    /// Jupyter server need not be that home.
    #[serde(default)]
    pub path: Option<String>,
    /// When it was written.
    pub created_at_ms: i64,
    /// When it stops being shown.
    pub until_ms: Option<i64>,
    /// It was retracted, so no page shows it any more.
    pub retracted: bool,
    /// It was on the reader's screen.
    #[serde(default)]
    pub shown: bool,
    /// The reader has opened or dismissed it.
    #[serde(default)]
    pub opened: bool,
}

/// `GET /api/notices`: the notices for the user who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticesResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The value of `after` in the next request.
    pub cursor: i64,
    /// The notices, oldest first; a changed one has a newer `seq` and replaces the one of its id.
    pub notices: Vec<Notice>,
    /// What `GET /api/help/mine` says, when the request asks for it and it is news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<MyNote>,
}

/// The data of the server-sent event [`NOTICE_ANNOUNCEMENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeAnnouncement {
    /// The newest of [`Notice::seq`].
    pub cursor: i64,
}

/// `GET /api/notices/sent`: the notices that were written, and which recipients have read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The notices, newest first.
    pub notices: Vec<SentNotice>,
    /// Whether there are older notices, which a request with `before` returns.
    pub more: bool,
}

/// One notice as an instructor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentNotice {
    /// Its number.
    pub id: i64,
    /// The text as it was written, also after the notice was retracted.
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
    /// When it stops being shown.
    pub until_ms: Option<i64>,
    /// It was retracted.
    pub retracted: bool,
    /// The instructor who wrote it.
    pub author: String,
    /// The users it is for.
    pub to: Audience,
    /// The recipients, in the order of their user names.
    pub recipients: Vec<Recipient>,
}

/// A user whom a notice is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// The user name.
    pub user: String,
    /// When it was first on the user's screen.
    pub shown_at_ms: Option<i64>,
    /// When the user first opened or dismissed it.
    pub opened_at_ms: Option<i64>,
}

/// The answer to `POST /api/notices/preview`: how a notice would look, and whom it would reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticePreviewResponse {
    /// The text as a fragment of HTML, sanitised.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub html: SafeHtml,
    /// What a notification in JupyterLab says of it.
    pub brief: String,
    /// How many of those whom it is for can be reached.
    pub reach: NoticeReach,
}

/// How many of those whom a notice is for can be reached at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeReach {
    /// The users whom it is for, as far as they are known.
    pub recipients: usize,
    /// Those whose server runs.
    pub with_server: usize,
    /// Those who have a page open, JupyterLab or one of the service, and see it at once.
    pub with_page: usize,
}

/// The body of `POST /api/notices/{id}/receipt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptRequest {
    /// The new state.
    pub state: ReceiptState,
}

/// How far a notice has reached its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It is on the reader's screen.
    Shown,
    /// The reader has opened or dismissed it.
    Opened,
}
