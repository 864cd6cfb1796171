//! Which copies there are. The history keeps the versions of a copy that was deleted, and whoever
//! deletes a notebook is no longer at work on it.

use std::collections::BTreeSet;

use parking_lot::RwLock;

use crate::class::CopyId;

/// The copies that were read and not deleted since.
#[derive(Default)]
pub(super) struct PresentCopies(RwLock<BTreeSet<CopyId>>);

impl PresentCopies {
    pub(super) fn add(&self, copy: &CopyId) {
        if !self.has(copy) {
            self.0.write().insert(copy.clone());
        }
    }

    pub(super) fn remove(&self, copy: &CopyId) {
        self.0.write().remove(copy);
    }

    pub(super) fn has(&self, copy: &CopyId) -> bool {
        self.0.read().contains(copy)
    }
}
