//! The state of one participant's copy of one notebook.
//!
//! A record's lock is held to read or write a field and for nothing else, so that a request
//! handler may take it. The writes come from the participant's lane ([`crate::lanes`]), from one
//! look at the file after another.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;

use shared::incremental::PreparedCells;

use super::NotebookContent;
use crate::{homes::Fingerprint, time};

/// How a look at a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LookOutcome {
    /// A notebook, in this version.
    Good(Fingerprint),
    /// Not readable as a notebook, and why; no version when it could not even be read.
    Bad(Option<Fingerprint>, String),
    /// Half of a file that is being written.
    BeingWritten(Fingerprint),
    /// No such file.
    Missing,
}

/// The version that observers were told of, and why it is no notebook.
pub(super) type ObservedVersion = (Option<Fingerprint>, Option<String>);

/// The record of one copy: its state, behind a lock.
#[derive(Default)]
pub(super) struct CopyRecord(Mutex<CopyState>);

/// The state of one copy.
#[derive(Clone, Default)]
pub(super) struct CopyState {
    /// The file was on the disk once, whether or not it was read or reported.
    pub(super) was_on_disk: bool,
    /// The version that an event was committed for.
    pub(super) reported: Option<Fingerprint>,
    /// The version that was read last, and why it is not a notebook, if it is not.
    pub(super) read: Option<(Fingerprint, Option<String>)>,
    /// The last version that was a notebook.
    pub(super) good: Option<Arc<TileContent>>,
    observed: Option<ObservedVersion>,
    /// The version that did not parse at the last look, and the time of the first look at it.
    unparsed: Option<(Fingerprint, Instant)>,
    /// A reader was shown an earlier version, because reading the file took too long.
    is_read_awaited: bool,
}

/// The cells and other data that a tile shows of a version.
pub(super) struct TileContent {
    pub(super) saved_at_ms: i64,
    pub(super) total_cells: usize,
    pub(super) ends_in_error: bool,
    pub(super) cells: Arc<PreparedCells>,
}

impl TileContent {
    pub(super) fn of(version: Fingerprint, content: &NotebookContent) -> Self {
        let end = content.end();
        Self {
            saved_at_ms: version.modified_ms(),
            total_cells: end.total_cells,
            ends_in_error: end.ends_in_error,
            cells: Arc::clone(content.prepared_end()),
        }
    }
}

impl CopyRecord {
    /// The state at this moment.
    pub(super) fn state(&self) -> CopyState {
        self.0.lock().clone()
    }

    pub(super) fn was_on_disk(&self) -> bool {
        self.0.lock().was_on_disk
    }

    /// The version that was read last.
    pub(super) fn version(&self) -> Option<Fingerprint> {
        self.0.lock().read.as_ref().map(|(version, _)| *version)
    }

    pub(super) fn set_on_disk(&self) {
        self.0.lock().was_on_disk = true;
    }

    pub(super) fn reported(&self) -> Option<Fingerprint> {
        self.0.lock().reported
    }

    /// Sets the reported version and returns the one before.
    pub(super) fn set_reported(&self, version: Option<Fingerprint>) -> Option<Fingerprint> {
        std::mem::replace(&mut self.0.lock().reported, version)
    }

    /// Sets the version that was read last; `Err` is why it is no notebook.
    pub(super) fn set_read(&self, version: Fingerprint, content: Result<&NotebookContent, &str>) {
        // The new content is made before the lock is taken, and the old dropped after.
        let good = content
            .ok()
            .map(|content| Arc::new(TileContent::of(version, content)));
        let mut state = self.0.lock();
        state.read = Some((version, content.err().map(str::to_owned)));
        if let Some(good) = good {
            let _before = state.good.replace(good);
            drop(state);
        }
    }

    /// The time since when this version is known not to parse: `now` for a new version.
    pub(super) fn unparsed_since(&self, version: Fingerprint, now: Instant) -> Instant {
        let mut state = self.0.lock();
        let before = state.unparsed.filter(|(unparsed, _)| *unparsed == version);
        state.unparsed.insert(before.unwrap_or((version, now))).1
    }

    /// Drops the cached tile; the file is read again for the next one.
    pub(super) fn drop_tile(&self) {
        // Dropped after the lock is released.
        let _before = self.0.lock().good.take();
    }

    /// Whether this differs from what the observers were told last; remembers it.
    pub(super) fn is_new_to_observers(&self, observed: ObservedVersion) -> bool {
        let mut state = self.0.lock();
        let is_new = state.observed.as_ref() != Some(&observed);
        state.observed = Some(observed);
        is_new
    }

    /// Notes that a reader was shown an earlier version; false when that was noted already.
    pub(super) fn await_read(&self) -> bool {
        !std::mem::replace(&mut self.0.lock().is_read_awaited, true)
    }

    /// Whether [`Self::await_read`] was called since the last call of this.
    pub(super) fn take_read_awaited(&self) -> bool {
        std::mem::take(&mut self.0.lock().is_read_awaited)
    }

    /// The modification time of the last version that is known.
    pub(super) fn saved_at_ms(&self) -> i64 {
        let state = self.0.lock();
        let version = state.read.as_ref().map(|(version, _)| *version);
        let version = version.or(state.reported);
        version
            .map_or(0, Fingerprint::modified_ms)
            .min(time::now_ms())
    }
}
