//! The wire types of what instructors share with participants, and of what the service keeps
//! about participants.

use serde::{Deserialize, Serialize};

/// `GET /api/sharing`: what participants may see beside their own notebooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharingResponse {
    /// The one notebook that participants follow, if there is one.
    pub followed: Option<FollowedNotebook>,
    /// The paths below a home of the notebooks whose summaries participants may read.
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
    /// The notebook's path below the instructor's home.
    pub filename: String,
}

/// The body of `PUT /api/sharing/followed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FollowRequest {
    /// The path of the instructor's notebook that participants follow; none ends following.
    pub filename: Option<String>,
}

/// The body of `PUT /api/sharing/summary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareSummaryRequest {
    /// The notebook's path below a home.
    pub filename: String,
    /// Whether participants may read its summary.
    pub shared: bool,
}

/// `GET /api/about`: what the service keeps about participants, which a page tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AboutResponse {
    /// How many of the newest events of the class are kept, beside the latest of each notebook.
    pub events: u32,
    /// The bounds of the kept versions; none when no versions are kept.
    pub history: Option<HistoryBounds>,
    /// The cell tag that makes a cell private.
    pub private_tag: String,
}

/// How long versions of notebooks are kept, and how much of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryBounds {
    /// The days for which a version is kept.
    pub days: u32,
    /// The most disk space that the versions of the class take, in MiB.
    pub mib: u64,
}
