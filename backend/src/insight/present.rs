//! Which copies there are. The history keeps the versions of a copy that was deleted, and whoever
//! deletes a notebook is no longer at work on it.

use std::sync::OnceLock;

use crate::class::CopyId;

type CopyLookup = Box<dyn Fn(&CopyId) -> bool + Send + Sync>;

/// Whether there is a copy; as long as nobody says so, there are all that were ever saved.
#[derive(Default)]
pub(super) struct PresentCopies(OnceLock<CopyLookup>);

impl PresentCopies {
    /// Asks this from now on; what was said first stays.
    pub(super) fn ask(&self, lookup: impl Fn(&CopyId) -> bool + Send + Sync + 'static) {
        // A service has one class.
        let _ = self.0.set(Box::new(lookup));
    }

    pub(super) fn has(&self, copy: &CopyId) -> bool {
        self.0.get().is_none_or(|is_there| is_there(copy))
    }
}
