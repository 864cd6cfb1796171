//! The versions of one notebook: which are known, and the way from one to the next.

use shared::wire::VersionSummary;

/// The versions that were loaded, newest first. The newest is what the notebook is now, so
/// it has no address of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Without gaps.
    pub versions: Vec<VersionSummary>,
    /// There are older ones.
    pub more: bool,
}

impl Timeline {
    /// Takes in the newest versions; those that are older than all of these stay, when
    /// they follow without a gap.
    pub fn renew(&mut self, newest: Vec<VersionSummary>, more: bool) {
        let oldest = newest.last().map(|oldest| oldest.version);
        let meets = self
            .versions
            .iter()
            .any(|known| Some(known.version) == oldest);
        let before = std::mem::replace(&mut self.versions, newest);
        if meets {
            let older = before
                .into_iter()
                .filter(|known| Some(known.version) < oldest);
            self.versions.extend(older);
        } else {
            self.more = more;
        }
    }

    /// Adds those before the oldest.
    pub fn extend(&mut self, older: Vec<VersionSummary>, more: bool) {
        let oldest = self.oldest();
        let older = older
            .into_iter()
            .filter(|version| oldest.is_none_or(|oldest| version.version < oldest));
        self.versions.extend(older);
        self.more = more;
    }

    /// The number of the oldest that is known.
    pub fn oldest(&self) -> Option<i64> {
        self.versions.last().map(|version| version.version)
    }

    /// The number of the newest.
    pub fn newest(&self) -> Option<i64> {
        self.versions.first().map(|version| version.version)
    }

    /// One of them by its number.
    pub fn get(&self, version: i64) -> Option<&VersionSummary> {
        self.versions.iter().find(|known| known.version == version)
    }

    /// How a version is addressed: the newest by no number, for it is the living notebook.
    pub fn address(&self, version: i64) -> Option<i64> {
        Some(version).filter(|version| self.newest() != Some(*version))
    }

    /// The address of the version before the one shown; outer `None` when there is none,
    /// or none that is known.
    pub fn older(&self, shown: Option<i64>) -> Option<Option<i64>> {
        let shown = shown.or(self.newest())?;
        let next = self.versions.iter().find(|known| known.version < shown);
        next.map(|version| Some(version.version))
    }

    /// The address of the version after the one shown; outer `None` when it is the newest.
    pub fn newer(&self, shown: Option<i64>) -> Option<Option<i64>> {
        let shown = shown?;
        let next = self
            .versions
            .iter()
            .rev()
            .find(|known| known.version > shown);
        // The newest is the last resort of one that is not known at all.
        Some(next.and_then(|version| self.address(version.version)))
    }
}

/// What was new in a version, in words: `1 cell added, 2 changed`.
pub fn describe(version: &VersionSummary) -> String {
    let parts = [
        (version.added, "added"),
        (version.changed, "changed"),
        (version.removed, "removed"),
    ];
    let mut told = String::new();
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        let noun = match (told.is_empty(), count) {
            (false, _) => "",
            (true, 1) => " cell",
            (true, _) => " cells",
        };
        let comma = if told.is_empty() { "" } else { ", " };
        told.push_str(&format!("{comma}{count}{noun} {what}"));
    }
    if told.is_empty() {
        told.push_str("no cell changed");
    }
    told
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
    fn what_is_known_grows_at_both_ends() {
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
    fn one_steps_from_version_to_version_and_back_to_now() {
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
    fn changes_are_told_in_words() {
        let told = |added, changed, removed| {
            describe(&VersionSummary {
                added,
                changed,
                removed,
                ..versions(&[1])[0]
            })
        };
        assert_eq!(told(1, 2, 0), "1 cell added, 2 changed");
        assert_eq!(told(0, 2, 1), "2 cells changed, 1 removed");
        assert_eq!(told(0, 0, 0), "no cell changed");
    }
}
