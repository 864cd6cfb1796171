//! One notebook of the class: all its versions, replayed in their order and then followed.
//!
//! What it comes to depends on the versions, on what was done about people between them and on the
//! plan alone, and not on when somebody asked.

mod deeds;
mod ticket;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use analytics::{answer, classroom::Classroom, handout::Anchor};
use shared::insight::{HandoutOrigin, InsightResponse};

use self::deeds::asking_by;
use super::{
    ExerciseChoice, ExercisePlaces, InsightError, places,
    plan::{Birth, KnownHandout, Plan},
    sources::InsightSources,
    sqlite::StoredDeed,
};
use crate::{
    class::CopyId,
    history::{HistoryError, HistoryStore, Version},
    telemetry::loggable,
    time,
};

/// Versions in one list.
const MAX_LISTED: usize = 1_000;
/// The class looks at itself so long after a time is over, so that what was saved by then has been
/// recorded: a replay has it before the look, too.
const SETTLING_MS: i64 = 5_000;
/// What is so much later than now was written while the clock was ahead.
const MAX_AHEAD_MS: i64 = 60_000;
/// How long it takes at least until all is replayed once more.
const MIN_REPLAY_PAUSE: Duration = Duration::from_secs(2);

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
    /// What was done about people, and by them, after versions that are not replayed yet.
    deeds: VecDeque<StoredDeed>,
    /// Who asks for help, by all deeds that are kept.
    asking: BTreeSet<String>,
    /// Who has versions that do not count, because their copy was deleted.
    absent: BTreeSet<String>,
    /// The time after now from which on something is known that does not count yet: it was written
    /// while the clock was ahead.
    ahead_ms: Option<i64>,
    /// When the last replay began, and how long it took.
    begun: Instant,
    took: Duration,
    /// The last look that was made because time had passed, and that no replay would make before the
    /// next version.
    look_by_time_ms: Option<i64>,
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
            deeds: VecDeque::new(),
            asking: BTreeSet::new(),
            absent: BTreeSet::new(),
            ahead_ms: None,
            begun: Instant::now(),
            took: Duration::ZERO,
            look_by_time_ms: None,
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
        if self.plan.as_ref() != Some(&plan) || self.is_outdated(sources) {
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
            self.note_asks(sources);
            if self.took.is_zero() {
                self.took = self.begun.elapsed();
            }
        }
        Ok(is_all)
    }

    /// Whether all is to be replayed: a copy is there again that did not count, or a time has come
    /// that was ahead. A replay of a large class takes seconds, and whoever deletes a copy again and
    /// again is not to keep the thread busy.
    pub(super) fn is_outdated(&self, sources: &InsightSources) -> bool {
        let is_back = |user: &String| sources.present.has(&self.copy_of(user));
        let pause = MIN_REPLAY_PAUSE.max(self.took * 10);
        let has_come = |ahead_ms: i64| ahead_ms <= time::now_ms() + MAX_AHEAD_MS;
        self.begun.elapsed() >= pause
            && (self.ahead_ms.is_some_and(has_come) || self.absent.iter().any(is_back))
    }

    fn copy_of(&self, user: &str) -> CopyId {
        CopyId {
            filename: self.filename.clone(),
            user: user.to_owned(),
        }
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
        self.absent.clear();
        self.ahead_ms = None;
        self.begun = Instant::now();
        self.took = Duration::ZERO;
        self.deeds = self.known_deeds(sources)?;
        self.asking = asking_by(&self.deeds);
        self.look_by_time_ms = None;
        self.replayed = 0;
        self.latest_ms = 0;
        self.instructor_ms = 0;
        self.has_changed = true;
        self.plan = Some(plan);
        Ok(())
    }

    /// Whether this time has come; one that has not is waited for.
    fn has_come(&mut self, at_ms: i64) -> bool {
        let has_come = at_ms <= time::now_ms() + MAX_AHEAD_MS;
        if !has_come {
            self.ahead_ms = self.ahead_ms.max(Some(at_ms));
        }
        has_come
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
        if !is_instructor && !sources.present.has(&self.copy_of(user)) {
            self.absent.insert(user.to_owned());
            return Ok(());
        }
        let Some(snapshot) = sources.version(&self.filename, user, version.id)? else {
            return Ok(());
        };
        // It may have been saved while the clock was ahead.
        let saved_at_ms = match self.has_come(version.saved_at_ms) {
            true => version.saved_at_ms,
            false => time::now_ms() + MAX_AHEAD_MS,
        };
        metrics::counter!("pipalhub_insight_versions_total").increment(1);
        self.has_changed = true;
        if is_instructor {
            self.instructor_ms = self.instructor_ms.max(saved_at_ms);
            self.classroom
                .save_of_instructor(self.instructor_ms, &snapshot);
            self.latest_ms = self.latest_ms.max(self.instructor_ms);
            return Ok(());
        }
        // A file may come back with an older time than it had.
        let progress = self.classroom.progress(user);
        let last_ms = progress.and_then(|progress| progress.saves_ms);
        let at_ms = last_ms.map_or(saved_at_ms, |(_, last)| last.max(saved_at_ms));
        self.keep_look_before(version.id, at_ms, sources);
        self.classroom.save(at_ms, user, &snapshot);
        self.newest.insert(user.to_owned(), version.id);
        self.latest_ms = self.latest_ms.max(at_ms);
        Ok(())
    }

    /// Whether somebody is no participant.
    fn is_apart(&self, user: &str) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.apart.contains(user))
    }

    /// The version of somebody's copy that the classroom knows.
    pub(super) fn newest_of(&self, user: &str) -> Option<i64> {
        self.newest.get(user).copied()
    }

    /// Somebody's copy was deleted: its versions count no more. Whoever asks is asked about anew.
    pub(super) fn forget(&mut self, user: &str) {
        self.classroom.forget(user);
        self.newest.remove(user);
        self.asking.remove(user);
        self.absent.insert(user.to_owned());
        self.has_changed = true;
    }

    /// Replays all with the next version, as what is known is another.
    pub(super) fn begin_anew(&mut self) {
        self.plan = None;
    }

    /// Time has passed. When the clock was ahead, all is replayed by the time that it is.
    pub(super) fn look(&mut self, now_ms: i64, sources: &InsightSources) {
        if !self.is_up_to_date() {
            return;
        }
        let looked_ms = self.classroom.looked_ms();
        let is_ahead = looked_ms.is_some_and(|looked_ms| looked_ms > now_ms + 2 * MAX_AHEAD_MS);
        if is_ahead {
            let forgotten = sources
                .settlements
                .forget_after(&self.filename, now_ms + MAX_AHEAD_MS);
            if let Err(error) = forgotten {
                let filename = loggable(&self.filename);
                tracing::warn!(%filename, %error, "what was done while the clock was ahead is kept");
            }
            self.plan = None;
            return;
        }
        let before = self.classroom.looked_ms();
        self.classroom.advance(now_ms - SETTLING_MS);
        if self.classroom.looked_ms() != before {
            self.look_by_time_ms = self.classroom.looked_ms();
            self.has_changed = true;
        }
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
