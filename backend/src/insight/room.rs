//! One notebook of the class: all its versions, replayed in their order and then followed.
//!
//! What it comes to depends on the versions, on what was done about people between them and on the
//! plan alone, and not on when somebody asked.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use analytics::{answer, attention::Settled, classroom::Classroom, handout::Anchor};
use shared::{
    help::ActiveCell,
    insight::{HandoutOrigin, InsightResponse, SettledKind},
    notebook::{Cell, NotebookEnd},
};

use super::{
    ExerciseChoice, ExercisePlaces, InsightError, Settlement, places,
    plan::{Birth, KnownHandout, Plan},
    sources::InsightSources,
    sqlite::{Deed, StoredDeed},
};
use crate::{
    class::CopyId,
    help::TicketPlace,
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

    /// Keeps who asks for help and who no longer does, after all versions that are known here. It
    /// is compared with what the help desk knows, and so comes to the same after any restart.
    fn note_asks(&mut self, sources: &InsightSources) {
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

    /// What was done after versions that there are. After a history that was lost or a clock that was
    /// ahead, there may be what never comes.
    fn known_deeds(
        &mut self,
        sources: &InsightSources,
    ) -> Result<VecDeque<StoredDeed>, InsightError> {
        let mut deeds: VecDeque<StoredDeed> = sources.settlements.of(&self.filename)?.into();
        deeds.retain(|deed| deed.version <= self.learnt && self.has_come(deed.at_ms));
        Ok(deeds)
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

    /// Keeps that the class had looked at itself when a version came late, so that a replay does so
    /// before it, too.
    fn keep_look_before(&mut self, version: i64, at_ms: i64, sources: &InsightSources) {
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
    pub(super) fn settle(
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
    fn settle_until(&mut self, version: i64) {
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

    /// Whether somebody is no participant.
    fn is_apart(&self, user: &str) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.apart.contains(user))
    }

    /// The version of somebody's copy that the classroom knows.
    pub(super) fn newest_of(&self, user: &str) -> Option<i64> {
        self.newest.get(user).copied()
    }

    /// The version that the classroom knows, so that both say the same, and when it was saved; of who
    /// is no participant, the newest.
    fn version_of(
        &self,
        key: &CopyId,
        sources: &InsightSources,
    ) -> Result<Option<(i64, i64)>, InsightError> {
        let progress = self.classroom.progress(&key.user);
        let saves_ms = progress.and_then(|progress| progress.saves_ms);
        match (self.newest_of(&key.user), saves_ms) {
            (Some(version), Some((_, last_ms))) => Ok(Some((version, last_ms))),
            _ => {
                let mut newest = sources.history.versions(key, None, 1)?;
                Ok(newest.pop().map(|it| (it.id, it.saved_at_ms)))
            }
        }
    }

    /// Where somebody is who asks for help, and when that was saved: what of it is known, and nothing
    /// of a private cell, because no version has one. `None` when they have saved nothing.
    pub(super) fn place_of(
        &self,
        user: &str,
        cell: Option<&ActiveCell>,
        now_ms: i64,
        sources: &InsightSources,
    ) -> Result<Option<(TicketPlace, i64)>, InsightError> {
        let key = CopyId {
            filename: self.filename.clone(),
            user: user.to_owned(),
        };
        let Some((version, saved_at_ms)) = self.version_of(&key, sources)? else {
            return Ok(None);
        };
        let cell = match cell {
            None => None,
            Some(cell) => sources.history.bytes(&key, version)?.and_then(|bytes| {
                let _turn = sources.copies.lanes().turn(bytes.len() as u64);
                place_in(bytes, cell)
            }),
        };
        let place = TicketPlace {
            version: Some(version),
            cell: cell.map(|at| answer::cell(&self.classroom, user, at)),
            error: answer::error(&self.classroom, user, now_ms),
        };
        Ok(Some((place, saved_at_ms)))
    }

    /// Somebody's copy was deleted: its versions count no more. Whoever asks is asked about anew.
    pub(super) fn forget(&mut self, user: &str) {
        self.classroom.forget(user);
        self.newest.remove(user);
        self.asking.remove(user);
        self.absent.insert(user.to_owned());
        self.has_changed = true;
    }

    /// Adds what was done, behind all that was done before a later version.
    fn add_deed(&mut self, deed: StoredDeed) {
        let at = self.deeds.partition_point(|it| it.version <= deed.version);
        self.deeds.insert(at, deed);
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

/// Who asks for help when all of this is done.
fn asking_by(deeds: &VecDeque<StoredDeed>) -> BTreeSet<String> {
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

/// The place of a cell in a version; `None` when the version has no such cell, as when it is
/// private. Where no cell of the file has an id, it is the one at its index.
fn place_in(bytes: Vec<u8>, cell: &ActiveCell) -> Option<usize> {
    let (bytes, _) = NotebookEnd::of_public(bytes, 0).ok()?;
    let look = |it: &Cell| {
        (
            it.id().is_some(),
            it.id().is_some() && it.id() == cell.id.as_deref(),
        )
    };
    let found = NotebookEnd::map_cells(&bytes, look).ok()?;
    let by_id = found.iter().position(|(_, is_it)| *is_it);
    let has_ids = found.iter().any(|(has_id, _)| *has_id);
    let by_index = cell
        .index
        .filter(|_| !has_ids || cell.id.is_none())
        .and_then(|at| usize::try_from(at).ok())
        .filter(|at| *at < found.len());
    by_id.or(by_index)
}
