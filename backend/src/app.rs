//! The state that every handler can reach.

use std::sync::Arc;

use shared::{packages::PackagePlace, sharing::AboutResponse};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, Sessions},
    builds::Builds,
    class::Class,
    errands::ErrandDesk,
    feed::{Announcements, Feed},
    help::HelpDesk,
    history::HistoryStore,
    insight::Insight,
    limits::Limits,
    notices::NoticeBoard,
    sharing::Sharing,
    steward::StewardClient,
    store::EventStore,
};

/// The service's parts, put together once at the start by [`crate::cli`] or a test.
pub struct AppState {
    /// The path that every route lives below: begins and ends in a slash.
    pub prefix: String,
    /// Authenticates requests.
    pub auth: Auth,
    /// The sessions of its pages.
    pub sessions: Sessions,
    /// The store of events.
    pub store: Arc<dyn EventStore>,
    /// The newest events, for all streams that follow them.
    pub feed: Arc<Feed>,
    /// Announcements to open pages, sent beside the events.
    pub announcements: Announcements,
    /// How much each person may ask for.
    pub limits: Limits,
    /// Everyone's notebooks.
    pub class: Class,
    /// The exports, copies and summaries of notebooks, unless building is switched off.
    pub builds: Option<Arc<Builds>>,
    /// Every version of every notebook, unless the history is switched off.
    pub history: Option<Arc<dyn HistoryStore>>,
    /// What the saves of the class say, unless the history is switched off.
    pub insight: Option<Arc<Insight>>,
    /// The notices of instructors to participants.
    pub notices: Arc<NoticeBoard>,
    /// The help queue and the notes of the class.
    pub help: Arc<HelpDesk>,
    /// The files that participants' servers write into homes.
    pub errands: Arc<ErrandDesk>,
    /// Which notebooks and summaries of others participants may see.
    pub sharing: Arc<Sharing>,
    /// Changes users for the service, where it runs.
    pub steward: StewardClient,
    /// Changes packages for the service, where it runs: the same one, or another.
    pub package_steward: StewardClient,
    /// The image that packages go into, where participants' servers are containers.
    pub image: Option<PackagePlace>,
    /// The answer that tells participants what is stored about them.
    pub about: AboutResponse,
    /// Cancelled when the service begins to end, so that streams do too.
    pub ending: CancellationToken,
}
