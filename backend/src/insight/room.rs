//! One notebook of the class: all its versions, replayed in their order and then followed.
//!
//! What it comes to depends on the versions, on what was done about people between them and on the
//! plan alone, and not on when somebody asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use analytics::{attention::Settled, classroom::Classroom, handout::Anchor};
use shared::insight::{HandoutOrigin, InsightResponse, SettledKind};

use super::{
    ExerciseChoice, ExercisePlaces, InsightError, Settlement, answer, places,
    plan::{Birth, KnownHandout, Plan},
    sources::InsightSources,
    sqlite::StoredSettlement,
};
use crate::history::{HistoryError, HistoryStore, Version};

/// Versions in one list.
const MAX_LISTED: usize = 1_000;
/// The class looks at itself so long after a time is over, so that what was saved by then has been
/// recorded: a replay has it before the look, too.
const SETTLING_MS: i64 = 5_000;

/// A notebook that is followed.
pub(super) struct Room {
    filename: String,
    /// Who is no participant, as far as anybody who asked knew.
    staff: BTreeSet<String>,
    /// The first version of each copy, in order.
    births: Vec<Birth>,
    /// The version up to which births are known.
    learnt: i64,
    /// `None` before the replay has begun.
    plan: Option<Plan>,
    classroom: Classroom,
    /// The texts of the handout's cells.
    texts: BTreeMap<Anchor, String>,
    /// The version of each copy that the classroom knows.
    newest: BTreeMap<String, i64>,
    /// The version up to which the classroom knows all.
    replayed: i64,
    /// What was done about people after versions that are not replayed yet.
    settlements: VecDeque<StoredSettlement>,
    /// The newest save, or thing that was done.
    latest_ms: i64,
    /// The last save of the instructor.
    instructor_ms: i64,
    /// Whether the classroom has changed since the last answer.
    has_changed: bool,
}

impl Room {
    pub(super) fn new(filename: String) -> Self {
        Self {
            filename,
            staff: BTreeSet::new(),
            births: Vec::new(),
            learnt: 0,
            plan: None,
            classroom: Classroom::default(),
            texts: BTreeMap::new(),
            newest: BTreeMap::new(),
            replayed: 0,
            settlements: VecDeque::new(),
            latest_ms: 0,
            instructor_ms: 0,
            has_changed: true,
        }
    }

    pub(super) fn filename(&self) -> &str {
        &self.filename
    }

    /// These are no participants; nobody becomes one by not being told once. Whether that is news.
    pub(super) fn add_staff(&mut self, staff: BTreeSet<String>) -> bool {
        let known = self.staff.len();
        self.staff.extend(staff);
        self.staff.len() > known
    }

    /// Whether all versions that are known are replayed.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.plan.is_some() && self.replayed == self.learnt
    }

    /// Whether an answer may say something else than the last one.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Replays at most `most` versions of those that have come; whether these were all.
    pub(super) fn catch_up(
        &mut self,
        sources: &InsightSources,
        most: usize,
    ) -> Result<bool, InsightError> {
        self.learn_births(&*sources.history)?;
        let plan = Plan::of(&self.filename, &self.births, &self.staff, sources)?;
        if self.plan.as_ref() != Some(&plan) {
            self.begin(plan, sources)?;
        }
        let found = sources
            .history
            .versions_of_all(&self.filename, self.replayed, most)?;
        let mut is_all = found.len() < most;
        for (user, version) in found {
            if version.id > self.learnt {
                // It came just now, and may be somebody's first.
                is_all = true;
                break;
            }
            self.settle_until(version.id - 1);
            self.replay(&user, &version, sources)?;
            self.replayed = version.id;
        }
        if is_all {
            self.settle_until(self.learnt);
            self.replayed = self.learnt;
        }
        Ok(is_all)
    }

    fn learn_births(&mut self, history: &dyn HistoryStore) -> Result<(), HistoryError> {
        let mut known: BTreeSet<String> =
            self.births.iter().map(|birth| birth.user.clone()).collect();
        loop {
            let newest = history.newest()?;
            let found = history.versions_of_all(&self.filename, self.learnt, MAX_LISTED)?;
            let is_all = found.len() < MAX_LISTED;
            let last = found.last().map_or(0, |(_, version)| version.id);
            for (user, version) in found {
                if known.insert(user.clone()) {
                    self.births.push(Birth {
                        user,
                        version: version.id,
                    });
                }
            }
            if is_all {
                self.learnt = self.learnt.max(newest).max(last);
                return Ok(());
            }
            self.learnt = last;
        }
    }

    /// Begins anew, by this plan.
    fn begin(&mut self, plan: Plan, sources: &InsightSources) -> Result<(), InsightError> {
        let known = plan.handout(&self.filename, sources)?;
        let (handout, texts) = known.map(KnownHandout::parts).unzip();
        self.classroom = Classroom::new(handout);
        self.texts = texts.unwrap_or_default();
        self.newest.clear();
        self.settlements = sources.settlements.of(&self.filename)?.into();
        self.replayed = 0;
        self.latest_ms = 0;
        self.instructor_ms = 0;
        self.has_changed = true;
        self.plan = Some(plan);
        Ok(())
    }

    fn replay(
        &mut self,
        user: &str,
        version: &Version,
        sources: &InsightSources,
    ) -> Result<(), InsightError> {
        let plan = self.plan.as_ref();
        let is_instructor = plan.is_some_and(|plan| plan.instructor.as_deref() == Some(user));
        if !is_instructor && plan.is_some_and(|plan| plan.apart.contains(user)) {
            return Ok(());
        }
        let Some(snapshot) = sources.version(&self.filename, user, version.id)? else {
            return Ok(());
        };
        metrics::counter!("pipalhub_insight_versions_total").increment(1);
        self.has_changed = true;
        if is_instructor {
            self.instructor_ms = self.instructor_ms.max(version.saved_at_ms);
            self.classroom
                .save_of_instructor(self.instructor_ms, &snapshot);
            self.latest_ms = self.latest_ms.max(self.instructor_ms);
            return Ok(());
        }
        // A file may come back with an older time than it had.
        let progress = self.classroom.progress(user);
        let last_ms = progress.and_then(|progress| progress.saves_ms);
        let at_ms = last_ms.map_or(version.saved_at_ms, |(_, last)| {
            last.max(version.saved_at_ms)
        });
        self.classroom.save(at_ms, user, &snapshot);
        self.newest.insert(user.to_owned(), version.id);
        self.latest_ms = self.latest_ms.max(at_ms);
        Ok(())
    }

    /// Keeps what was done about somebody, after all versions that are known here.
    pub(super) fn settle(
        &mut self,
        settlement: &Settlement,
        sources: &InsightSources,
    ) -> Result<(), InsightError> {
        sources.settlements.add(settlement, self.learnt)?;
        self.settlements.push_back(StoredSettlement {
            user: settlement.copy.user.clone(),
            settled: settlement.settled,
            at_ms: settlement.at_ms,
            version: self.learnt,
        });
        if self.is_up_to_date() {
            self.settle_until(self.replayed);
        }
        Ok(())
    }

    /// Notes what was done about people before the version after this one.
    fn settle_until(&mut self, version: i64) {
        while let Some(next) = self.settlements.pop_front_if(|it| it.version <= version) {
            let settled = match next.settled {
                SettledKind::Helped => Settled::Helped,
                SettledKind::Later => Settled::Later,
            };
            self.classroom.settle(next.at_ms, &next.user, settled);
            self.latest_ms = self.latest_ms.max(next.at_ms);
            self.has_changed = true;
        }
    }

    /// Somebody's copy was deleted.
    pub(super) fn forget(&mut self, user: &str) {
        self.classroom.forget(user);
        self.newest.remove(user);
        self.has_changed = true;
    }

    /// Time has passed.
    pub(super) fn look(&mut self, now_ms: i64) {
        if !self.is_up_to_date() {
            return;
        }
        let before = self.classroom.looked_ms();
        self.classroom.advance(now_ms - SETTLING_MS);
        self.has_changed |= self.classroom.looked_ms() != before;
    }

    /// Where everyone has a cell of the handout, or an error, in the newest versions; `None` when
    /// there is no such cell.
    pub(super) fn places(&self, choice: &ExerciseChoice) -> Option<ExercisePlaces> {
        let as_of_ms = self.latest_ms.max(self.classroom.looked_ms().unwrap_or(0));
        let mut found = places::of(&self.classroom, &self.newest, choice, as_of_ms)?;
        found.catching_up = !self.is_up_to_date();
        let text = found.anchor.and_then(|anchor| self.texts.get(&anchor));
        found.stub = text.cloned().unwrap_or_default();
        Some(found)
    }

    /// What the versions say. It is of the last look or the newest version, and so the same until
    /// there is another.
    pub(super) fn answer(&mut self) -> InsightResponse {
        self.has_changed = false;
        let as_of_ms = self.latest_ms.max(self.classroom.looked_ms().unwrap_or(0));
        let plan = self.plan.as_ref();
        let origin = plan.map_or(HandoutOrigin::Common, Plan::origin);
        InsightResponse {
            catching_up: !self.is_up_to_date(),
            ..answer::of(&self.classroom, origin, as_of_ms)
        }
    }
}
