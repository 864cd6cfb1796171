//! What was done about people, and by them, between the versions of a notebook.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use analytics::attention::Settled;
use shared::insight::SettledKind;

use super::{MAX_AHEAD_MS, Room};
use crate::{
    insight::{
        InsightError, Settlement,
        sources::InsightSources,
        sqlite::{Deed, StoredDeed},
    },
    telemetry::loggable,
    time,
};

impl Room {
    /// Keeps who asks for help and who no longer does, after all versions that are known here. It
    /// is compared with what the help desk knows, and so comes to the same after any restart.
    pub(super) fn note_asks(&mut self, sources: &InsightSources) {
        let asking = sources.help.asking(&self.filename);
        // What is kept comes after the looks that were made, as it does in a replay.
        let after_look_ms = self.classroom.looked_ms().map_or(0, |at_ms| at_ms + 1);
        let latest_ms = time::now_ms() + MAX_AHEAD_MS;
        let deed = |user: &String, deed, at_ms: i64| StoredDeed {
            user: user.clone(),
            deed,
            at_ms: at_ms.max(after_look_ms).min(latest_ms),
            version: self.learnt,
        };
        let gone = self
            .asking
            .iter()
            .filter(|user| !asking.contains_key(*user));
        let gone = gone.map(|user| deed(user, Deed::AsksNoMore, self.latest_ms));
        let come = asking
            .iter()
            .filter(|(user, _)| !self.asking.contains(*user));
        let come = come.map(|(user, at_ms)| deed(user, Deed::Asks, *at_ms));
        let deeds: Vec<StoredDeed> = gone.chain(come).collect();
        if deeds.is_empty() {
            return;
        }
        // Reads go on while nothing can be kept; it is tried again with the next version.
        if !self.keep(&deeds, sources) {
            return;
        }
        for deed in deeds {
            self.add_deed(deed);
        }
        self.asking = asking.into_keys().collect();
        self.settle_until(self.replayed);
    }

    /// Keeps what was done, for which nobody waits; whether it was kept.
    fn keep(&self, deeds: &[StoredDeed], sources: &InsightSources) -> bool {
        let kept = sources.settlements.add(&self.filename, deeds);
        if let Err(error) = &kept {
            let filename = loggable(&self.filename);
            tracing::warn!(%filename, %error, "a replay will not know what was done");
        }
        kept.is_ok()
    }

    /// What was done after versions that there are. After a history that was lost or a clock that was
    /// ahead, there may be what never comes.
    pub(super) fn known_deeds(
        &mut self,
        sources: &InsightSources,
    ) -> Result<VecDeque<StoredDeed>, InsightError> {
        let mut deeds: VecDeque<StoredDeed> = sources.settlements.of(&self.filename)?.into();
        deeds.retain(|deed| deed.version <= self.learnt && self.has_come(deed.at_ms));
        Ok(deeds)
    }

    /// Keeps that the class had looked at itself when a version came late, so that a replay does so
    /// before it, too.
    pub(super) fn keep_look_before(&mut self, version: i64, at_ms: i64, sources: &InsightSources) {
        let latest_ms = time::now_ms() + MAX_AHEAD_MS;
        let late = self.look_by_time_ms.filter(|look_ms| *look_ms >= at_ms);
        let late = late.filter(|look_ms| *look_ms <= latest_ms);
        let Some(look_ms) = late else {
            return;
        };
        let deed = StoredDeed {
            user: String::new(),
            deed: Deed::Looked,
            // Looks are made before a time.
            at_ms: look_ms + 1,
            version: version - 1,
        };
        if self.keep(&[deed], sources) {
            self.look_by_time_ms = None;
        }
    }

    /// Keeps what was done about somebody, after all versions that are known here.
    pub(in crate::insight) fn settle(
        &mut self,
        settlement: &Settlement,
        sources: &InsightSources,
    ) -> Result<(), InsightError> {
        let deed = StoredDeed {
            user: settlement.copy.user.clone(),
            deed: Deed::Settled(settlement.settled),
            at_ms: settlement.at_ms,
            version: self.learnt,
        };
        sources
            .settlements
            .add(&self.filename, std::slice::from_ref(&deed))?;
        self.add_deed(deed);
        if self.is_up_to_date() {
            self.settle_until(self.replayed);
        }
        Ok(())
    }

    /// Notes what was done about people, and by them, before the version after this one.
    pub(super) fn settle_until(&mut self, version: i64) {
        while let Some(next) = self.deeds.pop_front_if(|it| it.version <= version) {
            let StoredDeed { user, at_ms, .. } = next;
            match next.deed {
                Deed::Settled(SettledKind::Helped) => {
                    self.classroom.settle(at_ms, &user, Settled::Helped);
                }
                Deed::Settled(SettledKind::Later) => {
                    self.classroom.settle(at_ms, &user, Settled::Later);
                }
                Deed::Asks if self.is_apart(&user) => {}
                Deed::Asks => self.classroom.ask(at_ms, &user, true),
                Deed::AsksNoMore => self.classroom.ask(at_ms, &user, false),
                Deed::Looked => {
                    self.classroom.advance(at_ms);
                    continue;
                }
            }
            self.latest_ms = self.latest_ms.max(at_ms);
            self.has_changed = true;
        }
    }

    /// Adds what was done, behind all that was done before a later version.
    pub(super) fn add_deed(&mut self, deed: StoredDeed) {
        let at = self.deeds.partition_point(|it| it.version <= deed.version);
        self.deeds.insert(at, deed);
    }
}

/// Who asks for help when all of this is done.
pub(super) fn asking_by(deeds: &VecDeque<StoredDeed>) -> BTreeSet<String> {
    let mut last = BTreeMap::new();
    for deed in deeds {
        match deed.deed {
            Deed::Asks => last.insert(&deed.user, true),
            Deed::AsksNoMore => last.insert(&deed.user, false),
            Deed::Settled(_) | Deed::Looked => None,
        };
    }
    let asking = last.into_iter().filter(|(_, asks)| *asks);
    asking.map(|(user, _)| user.clone()).collect()
}
