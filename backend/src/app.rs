//! What every handler can reach.

use std::sync::Arc;

use shared::sharing::AboutResponse;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, LoginKind, SessionKey},
    builds::Builds,
    class::Class,
    error::AppError,
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
    /// What session cookies are encrypted with.
    pub session_key: SessionKey,
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
    /// What of others' participants may see.
    pub sharing: Arc<Sharing>,
    /// What is kept of participants, for them to know.
    pub about: AboutResponse,
    /// Cancelled when the service begins to end, so that streams do too.
    pub ending: CancellationToken,
    /// The port that is listened on, to tell the cookies of two services apart.
    pub port: u16,
}

impl AppState {
    /// What is built; not found, in words, where nothing is.
    pub(crate) fn builds(&self) -> Result<&Arc<Builds>, AppError> {
        let nothing =
            || AppError::NotFound("Nothing is built here: the service has --no-build.".to_owned());
        self.builds.as_ref().ok_or_else(nothing)
    }

    /// The name of a cookie. Browsers keep cookies by host and path but not by port, so
    /// two services on one machine, each at `/`, need names of their own.
    #[must_use]
    pub fn cookie_name(&self, name: &str) -> String {
        match self.auth.login_kind() {
            LoginKind::Hub => name.to_owned(),
            LoginKind::Token => format!("{name}-{}", self.port),
        }
    }
}
