//! Announcements: what the event stream sends beside the events, without a sequence number, to
//! say that something has changed and where a page asks for it. A page that reconnects asks
//! for everything anew.
//!
//! Each kind is the name of a server-sent event. A page listens to [`ANNOUNCEMENT_KINDS`] and
//! ignores all other kinds.

use serde::{Deserialize, Serialize};

/// A file at `/build/` was built anew; the data is a [`BuildAnnouncement`].
pub const BUILT_KIND: &str = "built";

/// A version of a notebook was added to the history; the data is a [`CopyAnnouncement`].
pub const RECORDED_KIND: &str = "recorded";

/// A notebook that could not be read in time was read after all, and its tile has changed; the
/// data is a [`CopyAnnouncement`].
pub const READ_KIND: &str = "read";

/// The instructor shares other notebooks with participants; the data is `null`, and a page asks
/// `GET /api/sharing`.
pub const SHARING_KIND: &str = "sharing";

/// The notebook that participants follow has new cells; the data is `null`, and a page asks
/// `GET /api/followed`.
pub const FOLLOWED_KIND: &str = "followed";

/// An errand is done or has failed, or its file was opened; the data is an
/// [`crate::errands::ErrandAnnouncement`].
pub const ERRAND_KIND: &str = "errand";

/// A notebook was handed out or taken back; the data is `null`, and a page asks
/// `GET /api/handouts`.
pub const HANDOUTS_KIND: &str = "handouts";

/// What the saves of a notebook say is something else now; the data is an
/// [`InsightAnnouncement`].
pub const INSIGHT_KIND: &str = "insight";

/// The help queue, a note or whether the class is asked if it is done is another now; the data is
/// `null`. Who sees everyone asks `GET /api/help`, and a participant `GET /api/help/mine`.
pub const HELP_KIND: &str = "help";

/// The kinds of announcements.
pub const ANNOUNCEMENT_KINDS: [&str; 9] = [
    BUILT_KIND,
    RECORDED_KIND,
    READ_KIND,
    SHARING_KIND,
    FOLLOWED_KIND,
    ERRAND_KIND,
    HANDOUTS_KIND,
    INSIGHT_KIND,
    HELP_KIND,
];

/// The data of a [`BUILT_KIND`] announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildAnnouncement {
    /// The notebook's path below a home, as in its events.
    pub filename: String,
    /// The participant whose export was built; `None` for the summary of all participants.
    pub user: Option<String>,
}

/// The data of a [`RECORDED_KIND`] and of a [`READ_KIND`] announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyAnnouncement {
    /// The notebook's path below a home.
    pub filename: String,
    /// The participant whose copy it is.
    pub user: String,
}

/// The data of an [`INSIGHT_KIND`] announcement; a page asks `GET /api/insight`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsightAnnouncement {
    /// The notebook's path below a home.
    pub filename: String,
}
