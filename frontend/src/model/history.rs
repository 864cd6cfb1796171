//! The loaded versions of one notebook, and navigation from one to the next.

use shared::wire::VersionSummary;

/// The loaded versions, newest first. The newest is the current notebook, so it has no address of
/// its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The versions, newest first, without gaps.
    pub versions: Vec<VersionSummary>,
    /// The service has older versions.
    pub more: bool,
}

impl Timeline {
    /// Takes the newest versions from an answer; older loaded versions stay when they follow
    /// without a gap.
    pub fn renew(&mut self, newest: Vec<VersionSummary>, more: bool) {
        let oldest = newest.last().map(|oldest| oldest.version);
        let overlaps = self
            .versions
            .iter()
            .any(|known| Some(known.version) == oldest);
        let before = std::mem::replace(&mut self.versions, newest);
        if overlaps {
            let older = before
                .into_iter()
                .filter(|known| Some(known.version) < oldest);
            self.versions.extend(older);
        } else {
            self.more = more;
        }
    }

    /// Adds versions older than the oldest loaded one.
    pub fn extend(&mut self, older: Vec<VersionSummary>, more: bool) {
        let oldest = self.oldest();
        let older = older
            .into_iter()
            .filter(|version| oldest.is_none_or(|oldest| version.version < oldest));
        self.versions.extend(older);
        self.more = more;
    }

    /// The number of the oldest loaded version.
    pub fn oldest(&self) -> Option<i64> {
        self.versions.last().map(|version| version.version)
    }

    /// The number of the newest version.
    pub fn newest(&self) -> Option<i64> {
        self.versions.first().map(|version| version.version)
    }

    /// A loaded version by its number.
    pub fn get(&self, version: i64) -> Option<&VersionSummary> {
        self.versions.iter().find(|known| known.version == version)
    }

    /// The version's number in an address: `None` for the newest, which is the current notebook.
    pub fn address(&self, version: i64) -> Option<i64> {
        Some(version).filter(|version| self.newest() != Some(*version))
    }

    /// How many versions were saved from `since_ms` on.
    pub fn count_since(&self, since_ms: i64) -> usize {
        self.since(since_ms).count()
    }

    /// The address of the version that a replay from `since_ms` on begins with: the last before.
    pub fn replay_start(&self, since_ms: i64) -> Option<i64> {
        let first = self.since(since_ms).last()?.version;
        self.older(Some(first)).flatten().or(self.address(first))
    }

    fn since(&self, since_ms: i64) -> impl Iterator<Item = &VersionSummary> {
        let versions = self.versions.iter();
        versions.take_while(move |version| version.saved_at_ms >= since_ms)
    }

    /// The address of the version before the shown one; the outer `None` when no older version is
    /// loaded.
    pub fn older(&self, shown: Option<i64>) -> Option<Option<i64>> {
        let shown = shown.or(self.newest())?;
        let next = self.versions.iter().find(|known| known.version < shown);
        next.map(|version| Some(version.version))
    }

    /// The address of the version after the shown one; the outer `None` when the newest is shown.
    pub fn newer(&self, shown: Option<i64>) -> Option<Option<i64>> {
        let shown = shown?;
        let next = self
            .versions
            .iter()
            .rev()
            .find(|known| known.version > shown);
        // From a version that is not loaded, go to the newest.
        Some(next.and_then(|version| self.address(version.version)))
    }
}

/// The changes of a version in words: `1 cell added, 2 changed`.
pub fn describe(version: &VersionSummary) -> String {
    let parts = [
        (version.added, "added"),
        (version.changed, "changed"),
        (version.removed, "removed"),
    ];
    let mut text = String::new();
    for (count, verb) in parts.into_iter().filter(|(count, _)| *count > 0) {
        let noun = match (text.is_empty(), count) {
            (false, _) => "",
            (true, 1) => " cell",
            (true, _) => " cells",
        };
        let comma = if text.is_empty() { "" } else { ", " };
        text.push_str(&format!("{comma}{count}{noun} {verb}"));
    }
    if text.is_empty() {
        text.push_str("no cell changed");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(numbers: &[i64]) -> Vec<VersionSummary> {
        let version = |number: &i64| VersionSummary {
            version: *number,
            saved_at_ms: 0,
            cells: 1,
            added: 0,
            changed: 0,
            removed: 0,
        };
        numbers.iter().map(version).collect()
    }

    fn numbers(timeline: &Timeline) -> Vec<i64> {
        let versions = timeline.versions.iter().map(|version| version.version);
        versions.collect()
    }

    #[test]
    fn a_replay_begins_with_the_version_before_it() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.replay_start(0), None);
        timeline.renew(versions(&[9, 7, 5]), false);
        for (version, saved_at_ms) in timeline.versions.iter_mut().zip([90, 70, 50]) {
            version.saved_at_ms = saved_at_ms;
        }
        assert_eq!(
            (timeline.count_since(60), timeline.replay_start(60)),
            (2, Some(5))
        );
        assert_eq!(
            (timeline.count_since(0), timeline.replay_start(0)),
            (3, Some(5))
        );
        assert_eq!(
            (timeline.count_since(91), timeline.replay_start(91)),
            (0, None)
        );
        timeline.renew(versions(&[3]), false);
        assert_eq!(timeline.replay_start(-1), None);
    }

    #[test]
    fn a_timeline_grows_at_both_ends() {
        let mut timeline = Timeline::default();
        timeline.renew(versions(&[9, 7]), true);
        timeline.extend(versions(&[7, 5, 3]), true);
        assert_eq!(numbers(&timeline), [9, 7, 5, 3]);
        timeline.renew(versions(&[12, 9]), true);
        assert_eq!(numbers(&timeline), [12, 9, 7, 5, 3]);
        assert!(timeline.more);
        timeline.renew(versions(&[90, 80]), false);
        assert_eq!((numbers(&timeline), timeline.more), (vec![90, 80], false));
    }

    #[test]
    fn a_timeline_steps_to_older_versions_and_back_to_the_newest() {
        let mut timeline = Timeline::default();
        timeline.renew(versions(&[9, 7, 5]), false);
        assert_eq!(timeline.older(None), Some(Some(7)));
        assert_eq!(timeline.older(Some(7)), Some(Some(5)));
        assert_eq!(timeline.older(Some(5)), None);
        assert_eq!(timeline.newer(Some(5)), Some(Some(7)));
        assert_eq!(timeline.newer(Some(7)), Some(None));
        assert_eq!(timeline.newer(None), None);
        assert_eq!(timeline.newer(Some(8)), Some(None), "thinned out meanwhile");
        assert_eq!(Timeline::default().older(None), None);
        assert_eq!(Timeline::default().newer(Some(5)), Some(None));
    }

    #[test]
    fn changes_are_described_in_words() {
        let text = |added, changed, removed| {
            describe(&VersionSummary {
                added,
                changed,
                removed,
                ..versions(&[1])[0]
            })
        };
        assert_eq!(text(1, 2, 0), "1 cell added, 2 changed");
        assert_eq!(text(0, 2, 1), "2 cells changed, 1 removed");
        assert_eq!(text(0, 0, 0), "no cell changed");
    }
}
