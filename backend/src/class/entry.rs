//! What is known of one participant's copy of one notebook.
//!
//! Its lock is held to look something up or to put something down and for nothing else, so
//! whoever answers a request may take it. What is put down comes from the lane of the
//! participant ([`crate::lanes`]), from one look at the file after another.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;

use shared::incremental::PreparedCells;

use super::Content;
use crate::{homes::Fingerprint, time};

/// How a look at a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A notebook, in this version.
    Good(Fingerprint),
    /// Not readable as a notebook, and why; no version when it could not even be read.
    Bad(Option<Fingerprint>, String),
    /// Half of a file that somebody is writing right now.
    BeingWritten(Fingerprint),
    /// No such file.
    Missing,
}

/// What observers were told: the version, and why it is no notebook.
pub(super) type Told = (Option<Fingerprint>, Option<String>);

/// See the module's words.
#[derive(Default)]
pub(super) struct Entry(Mutex<Known>);

#[derive(Clone, Default)]
pub(super) struct Known {
    /// It was on the disk once, whether or not anybody has read or reported it.
    pub(super) seen: bool,
    /// The version an event has told about.
    pub(super) reported: Option<Fingerprint>,
    /// The version that was read last, and why it is not a notebook, if it is not.
    pub(super) read: Option<(Fingerprint, Option<String>)>,
    /// The last version that was a notebook.
    pub(super) good: Option<Arc<Good>>,
    told: Option<Told>,
    /// Which version did not parse when it was looked at last, and when it was first.
    torn: Option<(Fingerprint, Instant)>,
    /// Somebody was shown what was there before, because reading it took too long.
    is_awaited: bool,
}

/// What a tile shows of a version.
pub(super) struct Good {
    pub(super) saved_at_ms: i64,
    pub(super) total_cells: usize,
    pub(super) ends_in_error: bool,
    pub(super) cells: Arc<PreparedCells>,
}

impl Good {
    pub(super) fn of(version: Fingerprint, content: &Content) -> Self {
        let end = content.end();
        Self {
            saved_at_ms: version.modified_ms(),
            total_cells: end.total_cells,
            ends_in_error: end.ends_in_error,
            cells: Arc::clone(content.prepared_end()),
        }
    }
}

impl Entry {
    /// As it is at this moment.
    pub(super) fn known(&self) -> Known {
        self.0.lock().clone()
    }

    pub(super) fn was_seen(&self) -> bool {
        self.0.lock().seen
    }

    /// The version that was read last.
    pub(super) fn version(&self) -> Option<Fingerprint> {
        self.0.lock().read.as_ref().map(|(version, _)| *version)
    }

    pub(super) fn set_seen(&self) {
        self.0.lock().seen = true;
    }

    pub(super) fn reported(&self) -> Option<Fingerprint> {
        self.0.lock().reported
    }

    /// The answer is what was reported before.
    pub(super) fn set_reported(&self, version: Option<Fingerprint>) -> Option<Fingerprint> {
        std::mem::replace(&mut self.0.lock().reported, version)
    }

    /// This version was read; `Err` is why it is no notebook.
    pub(super) fn set_read(&self, version: Fingerprint, content: Result<&Content, &str>) {
        // Made before, and what was there dropped after, the lock is held.
        let good = content
            .ok()
            .map(|content| Arc::new(Good::of(version, content)));
        let mut known = self.0.lock();
        known.read = Some((version, content.err().map(str::to_owned)));
        if let Some(good) = good {
            let _before = known.good.replace(good);
            drop(known);
        }
    }

    /// Since when this version is known not to parse: from now on, unless it was before.
    pub(super) fn torn_since(&self, version: Fingerprint, now: Instant) -> Instant {
        let mut known = self.0.lock();
        let before = known.torn.filter(|(torn, _)| *torn == version);
        known.torn.insert(before.unwrap_or((version, now))).1
    }

    /// What was read is not kept any more, and is read again.
    pub(super) fn let_go(&self) {
        // Dropped after the lock is.
        let _before = self.0.lock().good.take();
    }

    /// Whether this is not what the observers were told last; from now on it is.
    pub(super) fn is_news(&self, told: Told) -> bool {
        let mut known = self.0.lock();
        let is_news = known.told.as_ref() != Some(&told);
        known.told = Some(told);
        is_news
    }

    /// Somebody was shown what was there before; whether nobody was until now.
    pub(super) fn set_awaited(&self) -> bool {
        !std::mem::replace(&mut self.0.lock().is_awaited, true)
    }

    /// Whether somebody was since this was asked last.
    pub(super) fn take_awaited(&self) -> bool {
        std::mem::take(&mut self.0.lock().is_awaited)
    }

    /// When the last version was saved, by the file, as far as it is known.
    pub(super) fn saved_at_ms(&self) -> i64 {
        let known = self.0.lock();
        let version = known.read.as_ref().map(|(version, _)| *version);
        let version = version.or(known.reported);
        version
            .map_or(0, Fingerprint::modified_ms)
            .min(time::now_ms())
    }
}
