//! What instructors share with participants beyond what is their own, and what is kept of
//! participants: the types that travel.

use serde::{Deserialize, Serialize};

/// `GET /api/sharing`: what everyone may see beyond what is their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharingResponse {
    /// The one notebook that participants follow.
    pub followed: Option<FollowedNotebook>,
    /// The notebooks, by their paths below a home, whose summaries of everyone's copies
    /// participants may read.
    pub summaries: Vec<String>,
}

impl SharingResponse {
    /// Whether participants follow this copy.
    #[must_use]
    pub fn is_followed(&self, filename: &str, user: &str) -> bool {
        let followed = self.followed.as_ref();
        followed.is_some_and(|it| it.filename == filename && it.user == user)
    }

    /// Whether participants may read the summary of this notebook.
    #[must_use]
    pub fn shows_summary(&self, filename: &str) -> bool {
        self.summaries.iter().any(|shared| shared == filename)
    }
}

/// An instructor's notebook that participants follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FollowedNotebook {
    /// The instructor.
    pub user: String,
    /// Its path below their home.
    pub filename: String,
}

/// The body of `PUT /api/sharing/followed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FollowRequest {
    /// Which notebook of one's own participants follow from now on; none ends it.
    pub filename: Option<String>,
}

/// The body of `PUT /api/sharing/summary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareSummaryRequest {
    /// The notebook's path below a home.
    pub filename: String,
    /// Whether participants may read the summary of everyone's copies.
    pub shared: bool,
}

/// `GET /api/about`: what is kept of participants, so that a page can tell them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AboutResponse {
    /// So many of the newest events are kept, of the whole class, and the latest of each
    /// notebook.
    pub events: u32,
    /// What is kept of notebooks as they were, unless nothing is.
    pub history: Option<HistoryBounds>,
    /// The cell tag that keeps a cell out of sight.
    pub private_tag: String,
}

/// Bounds of the versions of notebooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryBounds {
    /// They are kept for so many days.
    pub days: u32,
    /// And take up so much at most, of the whole class.
    pub mib: u64,
}
