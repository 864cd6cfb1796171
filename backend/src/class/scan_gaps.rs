//! The parts of homes that walks left out, by user: shown on the user's tiles, and logged once.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{homes::ScanGap, telemetry::loggable};

/// The gaps in the last walk of each home that had one.
#[derive(Default)]
pub(super) struct ScanGaps(Mutex<BTreeMap<String, ScanGap>>);

impl ScanGaps {
    /// Notes the part of the home of `user` that its last walk left out; true when it is logged, as the
    /// first gap of its kind.
    pub(super) fn note(&self, user: &str, gap: Option<ScanGap>) -> bool {
        let mut gaps = self.0.lock();
        let Some(gap) = gap else {
            gaps.remove(user);
            return false;
        };
        let words = gap.to_string();
        let before = gaps.insert(user.to_owned(), gap.clone());
        drop(gaps);
        let is_new = before.is_none_or(|before| !before.is_like(&gap));
        if is_new {
            let (user, gap) = (loggable(user), loggable(&words));
            tracing::warn!(%user, "a home was not walked to its end: {gap}");
        }
        is_new
    }

    /// The words for the tiles of `user`.
    pub(super) fn of(&self, user: &str) -> Option<String> {
        self.0.lock().get(user).map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_logged_once_and_goes_with_the_walk_that_has_none() {
        let gaps = ScanGaps::default();
        let entries = |folder: &str| Some(ScanGap::Entries(folder.to_owned()));
        assert!(gaps.note("ana", entries("data")));
        // The folder that has most entries may change from walk to walk.
        assert!(!gaps.note("ana", entries("sets")));
        assert!(gaps.note("bob", entries("data")));
        assert!(gaps.of("ana").unwrap().contains("sets"));
        assert!(!gaps.note("ana", None));
        assert_eq!(gaps.of("ana"), None);
        assert!(gaps.note("ana", Some(ScanGap::Depth("a".to_owned()))));
    }
}
