//! A class at one handout: everyone's progress, the shortlist, the groups and the pace.
//!
//! Saves, requests for help and what was done about them come in the order of their times. Between
//! them the class looks at itself every ten seconds, at times that are multiples of ten: so it
//! comes to the same, however often somebody asks, and a replay to what was there live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    attention::{Attention, ClassView, Reason, Settled, Shortlist},
    groups::{ErrorGroup, error_groups},
    handout::AnchoredHandout,
    pace::Pace,
    progress::Progress,
    snapshot::Snapshot,
};

/// How often the class looks at itself.
pub const LOOK_INTERVAL_MS: i64 = 10_000;
/// Looks that are made up for after a longer pause; earlier ones would find the same.
const MAX_MISSED_LOOKS: i64 = 180;

/// Everyone who works on one handout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Classroom {
    handout: Option<AnchoredHandout>,
    people: BTreeMap<String, Progress>,
    /// The instructor's own copy.
    instructor: Progress,
    asked: BTreeMap<String, i64>,
    shortlist: Shortlist,
    /// The last look.
    looked_ms: Option<i64>,
    /// The class at that look.
    class: ClassView,
}

impl Classroom {
    /// A class that works on `handout`, or on one that is not known yet.
    #[must_use]
    pub fn new(handout: Option<AnchoredHandout>) -> Self {
        Self {
            handout,
            ..Self::default()
        }
    }

    /// The handout.
    #[must_use]
    pub fn handout(&self) -> Option<&AnchoredHandout> {
        self.handout.as_ref()
    }

    /// Takes another version of the handout, or one where there was none.
    pub fn set_handout(&mut self, handout: AnchoredHandout) {
        self.handout = Some(handout);
    }

    /// A version of a participant's copy was saved.
    pub fn save(&mut self, at_ms: i64, name: &str, snapshot: &Snapshot) {
        self.advance(at_ms);
        let handout = self.handout.as_ref();
        if !self.people.contains_key(name) {
            self.people.insert(name.to_owned(), Progress::default());
        }
        let Some(progress) = self.people.get_mut(name) else {
            return;
        };
        let failing = progress.open_episodes().len();
        progress.note(at_ms, snapshot, handout);
        let newest = progress.runs().next_back();
        let succeeded = newest.is_some_and(|run| run.at_ms == at_ms && run.error.is_none())
            && progress.open_episodes().len() < failing;
        self.look_at(name, succeeded, at_ms);
    }

    /// A version of the instructor's own copy was saved.
    pub fn save_of_instructor(&mut self, at_ms: i64, snapshot: &Snapshot) {
        self.instructor.note(at_ms, snapshot, self.handout.as_ref());
    }

    /// Somebody asks for help, or no longer does.
    pub fn ask(&mut self, at_ms: i64, name: &str, asks: bool) {
        self.advance(at_ms);
        match asks {
            true => {
                self.asked.entry(name.to_owned()).or_insert(at_ms);
            }
            false => {
                self.asked.remove(name);
            }
        }
        match self.people.contains_key(name) || asks {
            true => self.look_at(name, false, at_ms),
            // They had come because they asked, and nothing else is known of them.
            false => self.shortlist.forget(name),
        }
    }

    /// Somebody was helped, or is to be looked at later.
    pub fn settle(&mut self, at_ms: i64, name: &str, settled: Settled) {
        self.advance(at_ms);
        self.asked.remove(name);
        let error = self
            .attention(name, at_ms)
            .and_then(|attention| attention.error);
        self.shortlist.settle(name, settled, at_ms, error);
    }

    /// Somebody has left the class, or their copy was deleted.
    pub fn forget(&mut self, name: &str) {
        self.people.remove(name);
        self.asked.remove(name);
        self.shortlist.forget(name);
    }

    /// Time has passed: makes the looks that were due before `now_ms`.
    pub fn advance(&mut self, now_ms: i64) {
        let last_due = now_ms.saturating_sub(1).div_euclid(LOOK_INTERVAL_MS);
        let first = match self.looked_ms {
            Some(looked_ms) => looked_ms.div_euclid(LOOK_INTERVAL_MS) + 1,
            None => last_due,
        };
        for look in first.max(last_due - MAX_MISSED_LOOKS)..=last_due {
            self.look(look * LOOK_INTERVAL_MS);
        }
    }

    /// When the class has looked at itself last.
    #[must_use]
    pub fn looked_ms(&self) -> Option<i64> {
        self.looked_ms
    }

    fn look(&mut self, at_ms: i64) {
        self.looked_ms = Some(at_ms);
        self.class = ClassView::of(self.people.values(), at_ms);
        let known = self.people.keys().chain(self.asked.keys());
        let names: BTreeSet<String> = known.cloned().collect();
        for name in names {
            self.look_at(&name, false, at_ms);
        }
    }

    fn look_at(&mut self, name: &str, succeeded: bool, at_ms: i64) {
        let Some(attention) = self.attention(name, at_ms) else {
            return;
        };
        let asked_ms = self.asked.get(name).copied();
        self.shortlist
            .update(name, &attention, succeeded, asked_ms, at_ms);
    }

    /// Why somebody may need someone.
    #[must_use]
    pub fn attention(&self, name: &str, now_ms: i64) -> Option<Attention> {
        let handout = self.handout.as_ref();
        let empty = Progress::default();
        let asked_ms = self.asked.get(name);
        let progress = match self.people.get(name) {
            Some(progress) => progress,
            // Who has saved nothing yet may ask.
            None => asked_ms.map(|_| &empty)?,
        };
        let mut attention = Attention::of(progress, &self.class, handout, now_ms);
        if let Some(asked_ms) = asked_ms {
            let minutes = (now_ms - asked_ms) / 60_000;
            attention.reasons.insert(0, Reason::Asked { minutes });
        }
        Some(attention)
    }

    /// Whether somebody asks for help.
    #[must_use]
    pub fn has_asked(&self, name: &str) -> bool {
        self.asked.contains_key(name)
    }

    /// Who needs someone now.
    #[must_use]
    pub fn shortlist(&self) -> &Shortlist {
        &self.shortlist
    }

    /// One person's progress.
    #[must_use]
    pub fn progress(&self, name: &str) -> Option<&Progress> {
        self.people.get(name)
    }

    /// Everyone's progress, by name.
    pub fn people(&self) -> impl Iterator<Item = (&str, &Progress)> {
        self.people
            .iter()
            .map(|(name, progress)| (&**name, progress))
    }

    /// The errors that several people have.
    #[must_use]
    pub fn error_groups(&self, now_ms: i64) -> Vec<ErrorGroup> {
        error_groups(self.people(), now_ms)
    }

    /// The pace over the handout, once there is one.
    #[must_use]
    pub fn pace(&self, now_ms: i64) -> Option<Pace> {
        let instructor = self.instructor.saves_ms.map(|_| &self.instructor);
        let handout = self.handout.as_ref()?;
        Some(Pace::of(handout, self.people.values(), instructor, now_ms))
    }
}

#[cfg(test)]
mod tests;
