//! What the event stream says beside the events, without a number: that something is news,
//! and what to ask for. Whoever reconnects asks for it anew.
//!
//! Each kind is the name of a server-sent event. A page listens to [`KINDS`], and passes on
//! what it does not know itself to nobody.

use serde::{Deserialize, Serialize};

/// Something at `/build/` was built anew; its data is a [`Built`].
pub const BUILT: &str = "built";

/// A version of a notebook is in the history; its data is a [`Recorded`].
pub const RECORDED: &str = "recorded";

/// A notebook that could not be read in time was read after all, and its tile is another; its
/// data is a [`Recorded`].
pub const READ: &str = "read";

/// What the instructor shares with participants is another; its data is `null`, and
/// `GET /api/sharing` tells.
pub const SHARING: &str = "sharing";

/// The notebook that participants follow has new cells; its data is `null`, and
/// `GET /api/followed` has them.
pub const FOLLOWED: &str = "followed";

/// An errand is done or has failed, or its file was opened; its data is a
/// [`crate::errands::ErrandNews`].
pub const ERRAND: &str = "errand";

/// A notebook was handed out or taken back; its data is `null`, and `GET /api/handouts` tells.
pub const HANDOUTS: &str = "handouts";

/// All kinds.
pub const KINDS: [&str; 7] = [BUILT, RECORDED, READ, SHARING, FOLLOWED, ERRAND, HANDOUTS];

/// The data of a [`BUILT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The notebook's path below a home, as in its events.
    pub filename: String,
    /// Whose export; nobody's is the summary of everyone's.
    pub user: Option<String>,
}

/// The data of a [`RECORDED`] and of a [`READ`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The notebook's path below a home.
    pub filename: String,
    /// Whose.
    pub user: String,
}
