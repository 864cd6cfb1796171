//! Where a room reads versions, handouts and what was done about people.

use std::sync::Arc;

use analytics::{signature::Names, snapshot::Snapshot};

use super::{InsightError, present::PresentCopies, sqlite::SqliteSettlements};
use crate::{
    class::CopyId,
    copies::Copies,
    errands::{ErrandDesk, ErrandError},
    help::HelpDesk,
    history::{HistoryError, HistoryStore},
    sharing::Sharing,
};

/// What the versions and the plan come from.
pub(super) struct InsightSources {
    pub(super) history: Arc<dyn HistoryStore>,
    pub(super) copies: Copies,
    pub(super) errands: Arc<ErrandDesk>,
    pub(super) sharing: Arc<Sharing>,
    pub(super) help: Arc<HelpDesk>,
    pub(super) present: Arc<PresentCopies>,
    pub(super) settlements: SqliteSettlements,
}

impl InsightSources {
    /// A version of somebody's copy; `None` when it is no longer kept, or is no notebook.
    pub(super) fn version(
        &self,
        filename: &str,
        user: &str,
        version: i64,
    ) -> Result<Option<Snapshot>, InsightError> {
        let key = CopyId {
            filename: filename.to_owned(),
            user: user.to_owned(),
        };
        let bytes = self.history.bytes(&key, version)?;
        Ok(bytes.and_then(|bytes| self.snapshot(bytes, user)))
    }

    /// Reads a notebook whose owner is `user`.
    pub(super) fn snapshot(&self, bytes: Vec<u8>, user: &str) -> Option<Snapshot> {
        let _turn = self.copies.lanes().turn(bytes.len() as u64);
        // The owner's name is kept out of what is derived.
        Snapshot::read(bytes, &Names::of(&[user])).ok()
    }
}

impl From<HistoryError> for InsightError {
    fn from(error: HistoryError) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<ErrandError> for InsightError {
    fn from(error: ErrandError) -> Self {
        Self::Engine(error.to_string())
    }
}
