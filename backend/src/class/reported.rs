//! Events that participants' servers report of their notebooks, and what the class notes of
//! them before and after they are committed.

use std::future::Future;

use shared::wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK};

use super::{Class, CopyId, copy::LookOutcome};
use crate::{store::CommittedEvent, telemetry::loggable};

impl Class {
    /// Commits, by `append`, an event of this `kind` of the copy `key`, so that the reporter does
    /// not report the same save again, and does report one whose event was not committed.
    ///
    /// # Errors
    /// The errors of `append`.
    pub async fn commit<E>(
        &self,
        key: &CopyId,
        kind: &str,
        append: impl Future<Output = Result<CommittedEvent, E>>,
    ) -> Result<CommittedEvent, E> {
        if kind == SAVE_NOTEBOOK {
            // Before the event is stored: the reporter may look at the file at any moment.
            self.note_reported(key).await;
        }
        let committed = append.await;
        match (kind, &committed) {
            // The participant's server may never try again.
            (SAVE_NOTEBOOK, Err(_)) => self.note_unreported(key),
            (DELETE_NOTEBOOK, Ok(_)) => self.remove(key).await,
            _ => {}
        }
        committed
    }

    /// Forgets a copy that is deleted, and what was pushed of it.
    async fn remove(&self, key: &CopyId) {
        self.forget(key);
        let Some(pushed) = self.copies().pushed().cloned() else {
            return;
        };
        let owned = key.clone();
        let removed = self.copies().lanes().submit(&key.user, move || {
            let Err(error) = pushed.remove(&owned) else {
                return;
            };
            let (user, filename) = (loggable(&owned.user), loggable(&owned.filename));
            // The next inventory of its server has it removed again.
            tracing::warn!(%user, %filename, %error, "a pushed copy cannot be removed");
        });
        // A lane that is held up removes it later.
        let _ = removed.answer().await;
    }

    /// Notes that a save of this copy was reported by its owner's server.
    pub(super) async fn note_reported(&self, key: &CopyId) {
        if !self.0.has_room_for(key) {
            return;
        }
        let record = self.0.record_or_new(key);
        // Which version a slow read would have found is unknown: the reporter looks at it later.
        if let Ok(LookOutcome::Good(version) | LookOutcome::Bad(Some(version), _)) =
            self.look(key, &record).answer().await
        {
            record.set_reported(Some(version));
        }
    }

    /// Notes that a report of this copy was not stored, so that the reporter reports it, if
    /// there is such a file at all.
    pub(super) fn note_unreported(&self, key: &CopyId) {
        let Some(record) = self.0.record(key) else {
            return;
        };
        record.set_reported(None);
        if record.version().is_none() {
            self.forget(key);
        }
    }
}
