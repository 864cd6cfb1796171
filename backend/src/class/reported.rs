//! Events that participants' servers report of their notebooks, and what the class knows of them
//! before and after they are committed.

use std::future::Future;

use shared::wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK};

use super::{Class, Key, entry::Look};
use crate::store::Committed;

impl Class {
    /// Commits, by `append`, an event of this `kind` of the copy `key`, so that the reporter does
    /// not report the same save again, and does report one whose event was not committed.
    ///
    /// # Errors
    /// What `append` says.
    pub async fn commit<E>(
        &self,
        key: &Key,
        kind: &str,
        append: impl Future<Output = Result<Committed, E>>,
    ) -> Result<Committed, E> {
        if kind == SAVE_NOTEBOOK {
            // Before the event is stored: the reporter may look at the file at any moment.
            self.note_reported(key).await;
        }
        let committed = append.await;
        match (kind, &committed) {
            // The server may never try again.
            (SAVE_NOTEBOOK, Err(_)) => self.note_unreported(key),
            (DELETE_NOTEBOOK, Ok(_)) => self.forget(key),
            _ => {}
        }
        committed
    }

    /// A save of this notebook was reported by its owner's server.
    pub(super) async fn note_reported(&self, key: &Key) {
        if !self.0.has_room_for(key) {
            return;
        }
        let entry = self.0.entry_or_new(key);
        // Of one that takes too long nobody knows which version it was: the watcher looks at it.
        if let Ok(Look::Good(version) | Look::Bad(Some(version), _)) =
            self.look(key, &entry).answer().await
        {
            entry.set_reported(Some(version));
        }
    }

    /// A report of this notebook was not stored: the watcher is to report it, if there is
    /// such a file at all.
    pub(super) fn note_unreported(&self, key: &Key) {
        let Some(entry) = self.0.entry(key) else {
            return;
        };
        entry.set_reported(None);
        if entry.version().is_none() {
            self.forget(key);
        }
    }
}
