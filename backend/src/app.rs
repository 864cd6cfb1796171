//! What every handler can reach.

use std::sync::Arc;

use shared::sharing::AboutResponse;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, Sessions},
    builds::Builds,
    class::Class,
    errands::ErrandDesk,
    feed::{Asides, Feed},
    history::HistoryStore,
    limits::Limits,
    notices::Board,
    sharing::Sharing,
    store::EventStore,
};

/// The service's parts, put together once at the start by [`crate::cli`] or a test.
pub struct AppState {
    /// The path that every route lives below: begins and ends in a slash.
    pub prefix: String,
    /// Who may do what.
    pub auth: Auth,
    /// The sessions of its pages.
    pub sessions: Sessions,
    /// Where events are kept.
    pub store: Arc<dyn EventStore>,
    /// The newest events, for everyone who follows them.
    pub feed: Arc<Feed>,
    /// What open pages are told beside the events.
    pub asides: Asides,
    /// How much anyone may ask for.
    pub limits: Limits,
    /// Everyone's notebooks.
    pub class: Class,
    /// What is built of them, unless that is switched off.
    pub builds: Option<Arc<Builds>>,
    /// Every version of every notebook, unless that is switched off.
    pub history: Option<Arc<dyn HistoryStore>>,
    /// What instructors tell participants.
    pub notices: Arc<Board>,
    /// What participants' servers write into homes.
    pub errands: Arc<ErrandDesk>,
    /// What of others' participants may see.
    pub sharing: Arc<Sharing>,
    /// What is kept of participants, for them to know.
    pub about: AboutResponse,
    /// Cancelled when the service begins to end, so that streams do too.
    pub ending: CancellationToken,
}
