//! The thread of the insight, with the notebooks that are kept in memory.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::gauge;
use shared::{
    announcements::{INSIGHT_KIND, InsightAnnouncement},
    insight::InsightResponse,
};

use super::{
    InsightError, MAX_KEPT_NOTEBOOKS,
    asks::Asks,
    queue::{InsightBatch, InsightQueue, InsightRequest},
    room::Room,
    sources::InsightSources,
};
use crate::{
    feed::{Announcements, Recipients},
    telemetry::loggable,
    time,
};

/// Versions that are replayed before others have a turn.
const TURN_VERSIONS: usize = 16;
/// How long a request waits for versions to be replayed before it is told what is known by then.
const MAX_CATCH_UP: Duration = Duration::from_secs(2);
/// Pages are told of another answer about one notebook once in this time.
const TELL_INTERVAL: Duration = Duration::from_secs(1);
/// How long the thread sleeps when there is nothing to follow.
const IDLE: Duration = Duration::from_secs(60);

/// A notebook that is kept.
struct KeptRoom {
    room: Room,
    asks: Asks,
    /// Whether there are versions, or a plan, that the room does not know.
    is_behind: bool,
    /// Why it could not go on; it tries again in a moment.
    failed: bool,
    answer: Option<Arc<InsightResponse>>,
    /// What pages were told to ask for last, and when.
    told: Option<Arc<InsightResponse>>,
    told_at: Instant,
}

pub(super) struct Worker {
    queue: Arc<InsightQueue>,
    sources: InsightSources,
    announcements: Announcements,
    /// The one that was asked about longest ago first.
    rooms: Vec<KeptRoom>,
}

impl Worker {
    pub(super) fn new(
        queue: Arc<InsightQueue>,
        sources: InsightSources,
        announcements: Announcements,
    ) -> Self {
        Self {
            queue,
            sources,
            announcements,
            rooms: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take(self.pause()) {
            self.take_turn(batch);
        }
    }

    fn pause(&self) -> Duration {
        if self.rooms.iter().any(|kept| kept.is_behind && !kept.failed) {
            Duration::ZERO
        } else if self.rooms.is_empty() {
            IDLE
        } else {
            TELL_INTERVAL
        }
    }

    fn take_turn(&mut self, batch: InsightBatch) {
        for kept in &mut self.rooms {
            kept.is_behind |= batch.saved.contains(kept.room.filename());
        }
        for copy in &batch.removed {
            let mut rooms = self.rooms.iter_mut();
            if let Some(kept) = rooms.find(|kept| kept.room.filename() == copy.filename) {
                kept.room.forget(&copy.user);
                kept.asks.forget(&copy.user);
                kept.is_behind = true;
            }
        }
        for user in &batch.removed_people {
            self.forget_person(user);
        }
        for request in batch.requests {
            self.serve(request);
        }
        let announcements = self.announcements.clone();
        let mut at = 0;
        while at < self.rooms.len() {
            let is_well = self.work_on(at, |kept, sources| {
                kept.is_behind |= kept.room.is_outdated(sources);
                if kept.is_behind {
                    kept.go_on(sources);
                    kept.asks.place(&kept.room, sources, time::now_ms());
                }
                kept.tell(&announcements, sources);
            });
            at += usize::from(is_well);
        }
    }

    /// Works on one notebook; whether that went well. A fault in one must not end what is told of the
    /// others: it is forgotten, and read anew when somebody asks about it again. Whoever waits for it
    /// gets no answer.
    fn work_on(&mut self, at: usize, work: impl FnOnce(&mut KeptRoom, &InsightSources)) -> bool {
        let (kept, sources) = (&mut self.rooms[at], &self.sources);
        let is_well = catch_unwind(AssertUnwindSafe(|| work(kept, sources))).is_ok();
        if !is_well {
            self.rooms.remove(at);
        }
        is_well
    }

    fn serve(&mut self, request: InsightRequest) {
        match request {
            InsightRequest::Answer {
                filename,
                staff,
                reply,
            } => {
                let at = self.keep(&filename, staff);
                self.work_on(at, |kept, sources| {
                    let answer = kept.catch_up(sources).map(|()| kept.first_answer(sources));
                    // Whoever asked may have gone.
                    let _ = reply.send(answer);
                });
            }
            InsightRequest::Places {
                filename,
                staff,
                choice,
                reply,
            } => {
                let at = self.keep(&filename, staff);
                self.work_on(at, |kept, sources| {
                    let caught_up = kept.catch_up(sources);
                    let _ = reply.send(caught_up.map(|()| kept.room.places(&choice)));
                });
            }
            InsightRequest::Settle {
                settlement,
                staff,
                reply,
            } => {
                let at = self.keep(&settlement.copy.filename, staff);
                self.work_on(at, |kept, sources| {
                    let settled = kept.catch_up(sources);
                    let settled = settled.and_then(|()| kept.room.settle(&settlement, sources));
                    let _ = reply.send(settled);
                });
            }
            InsightRequest::Place {
                filename,
                ask,
                staff,
            } => {
                // A participant has asked, and must not put away what others look at.
                let is_full = self.rooms.len() >= MAX_KEPT_NOTEBOOKS;
                if is_full && !self.is_kept(&filename) {
                    return;
                }
                let at = self.keep(&filename, staff);
                self.work_on(at, |kept, sources| {
                    kept.asks.add(ask);
                    if let Err(error) = kept.catch_up(sources) {
                        kept.warn(&error);
                    }
                    kept.asks.place(&kept.room, sources, time::now_ms());
                });
            }
        }
    }

    fn forget_person(&mut self, user: &str) {
        for kept in &mut self.rooms {
            kept.room.begin_anew();
            kept.asks.forget(user);
            kept.is_behind = true;
        }
        if let Err(error) = self.sources.settlements.forget(user) {
            let user = loggable(user);
            tracing::warn!(%user, %error, "what was done about a removed person is kept");
        }
    }

    fn is_kept(&self, filename: &str) -> bool {
        let mut rooms = self.rooms.iter();
        rooms.any(|kept| kept.room.filename() == filename)
    }

    /// The place of the notebook of this name, which is kept from now on.
    fn keep(&mut self, filename: &str, staff: BTreeSet<String>) -> usize {
        let known = self
            .rooms
            .iter()
            .position(|kept| kept.room.filename() == filename);
        let mut kept = match known {
            Some(at) => self.rooms.remove(at),
            None => KeptRoom::new(filename),
        };
        // What was handed out and what is followed may be others, too.
        kept.room.add_staff(staff);
        kept.is_behind = true;
        if self.rooms.len() >= MAX_KEPT_NOTEBOOKS {
            self.rooms.remove(0);
        }
        self.rooms.push(kept);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("pipalhub_insight_notebooks").set(self.rooms.len() as f64);
        self.rooms.len() - 1
    }
}

impl KeptRoom {
    fn new(filename: &str) -> Self {
        Self {
            room: Room::new(filename.to_owned()),
            asks: Asks::default(),
            is_behind: true,
            failed: false,
            answer: None,
            told: None,
            told_at: Instant::now(),
        }
    }

    /// Replays all versions that are there, as far as that takes no longer than one may wait.
    fn catch_up(&mut self, sources: &InsightSources) -> Result<(), InsightError> {
        let until = Instant::now() + MAX_CATCH_UP;
        while self.is_behind && Instant::now() < until {
            self.is_behind = !self.room.catch_up(sources, TURN_VERSIONS)?;
        }
        Ok(())
    }

    /// Replays some versions for which nobody waits.
    fn go_on(&mut self, sources: &InsightSources) {
        let gone_on = self.room.catch_up(sources, TURN_VERSIONS);
        if let (Err(error), false) = (&gone_on, self.failed) {
            self.warn(error);
        }
        self.failed = gone_on.is_err();
        self.is_behind = !gone_on.unwrap_or(false);
    }

    fn warn(&self, error: &InsightError) {
        let filename = loggable(self.room.filename());
        tracing::warn!(%filename, %error, "what the saves of a notebook say is not up to date");
    }

    fn answer(&mut self, sources: &InsightSources) -> Arc<InsightResponse> {
        self.room.look(time::now_ms(), sources);
        self.is_behind |= !self.room.is_up_to_date();
        match &self.answer {
            Some(answer) if !self.room.has_changed() => Arc::clone(answer),
            _ => {
                let answer = Arc::new(self.room.answer());
                self.answer = Some(Arc::clone(&answer));
                answer
            }
        }
    }

    /// The answer to somebody who asks: from then on pages are told of others.
    fn first_answer(&mut self, sources: &InsightSources) -> Arc<InsightResponse> {
        let answer = self.answer(sources);
        if self.told.is_none() && self.room.is_up_to_date() {
            self.told = Some(Arc::clone(&answer));
        }
        answer
    }

    /// Tells open pages when there is another answer.
    fn tell(&mut self, announcements: &Announcements, sources: &InsightSources) {
        if self.is_behind || self.told_at.elapsed() < TELL_INTERVAL {
            return;
        }
        let answer = self.answer(sources);
        let is_news = match &self.told {
            Some(told) => !Arc::ptr_eq(told, &answer) && !told.says_the_same(&answer),
            // Pages that were answered before it was up to date ask again.
            None => true,
        };
        let errors = answer
            .people
            .iter()
            .map(|it| (&*it.user, it.error.as_deref()));
        sources
            .help
            .note_errors(self.room.filename(), errors, time::now_ms());
        if is_news {
            let filename = self.room.filename().to_owned();
            announcements.send(
                Recipients::SeeAll,
                INSIGHT_KIND,
                &InsightAnnouncement { filename },
            );
            self.told_at = Instant::now();
        }
        self.told = Some(answer);
    }
}

#[cfg(test)]
mod tests {
    use shared::insight::SettledKind;

    use super::*;
    use crate::{
        class::CopyId,
        insight::{Settlement, tests::Lesson},
    };

    #[test]
    fn the_notebook_that_was_asked_about_longest_ago_makes_room() {
        let Lesson { sources, .. } = Lesson::new();
        let queue = Arc::new(InsightQueue::new(1));
        let mut worker = Worker::new(queue, sources, Announcements::default());
        let name = |at: usize| format!("{at}.ipynb");
        for at in 0..MAX_KEPT_NOTEBOOKS {
            worker.keep(&name(at), BTreeSet::new());
        }
        worker.keep(&name(0), BTreeSet::new());
        worker.keep(&name(99), BTreeSet::new());
        let kept = worker.rooms.iter().map(|kept| kept.room.filename());
        let expected: Vec<String> = (2..MAX_KEPT_NOTEBOOKS).chain([0, 99]).map(name).collect();
        assert_eq!(kept.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nothing_is_kept_of_what_was_done_about_a_removed_person() {
        let lesson = Lesson::new();
        lesson.save("ana", 1_000, &[]);
        let queue = Arc::new(InsightQueue::new(1));
        let mut worker = Worker::new(queue, lesson.sources, Announcements::default());
        let at = worker.keep("lesson.ipynb", BTreeSet::new());
        let settled = |worker: &mut Worker, settlement| {
            worker.work_on(at, |kept, sources| {
                kept.catch_up(sources).unwrap();
                kept.room.settle(&settlement, sources).unwrap();
            })
        };
        let settlement = Settlement {
            copy: CopyId {
                filename: "lesson.ipynb".to_owned(),
                user: "ana".to_owned(),
            },
            settled: SettledKind::Helped,
            at_ms: 2_000,
        };
        assert!(settled(&mut worker, settlement));
        assert_eq!(
            worker.sources.settlements.of("lesson.ipynb").unwrap().len(),
            1
        );
        worker.take_turn(InsightBatch {
            removed_people: ["ana".to_owned()].into(),
            ..InsightBatch::default()
        });
        assert!(
            worker
                .sources
                .settlements
                .of("lesson.ipynb")
                .unwrap()
                .is_empty()
        );
        let helped = worker.rooms[0].room.answer().people.remove(0).helped_ms;
        assert_eq!(helped, None);
    }

    #[test]
    fn a_fault_in_one_notebook_leaves_the_others() {
        let Lesson { sources, .. } = Lesson::new();
        let queue = Arc::new(InsightQueue::new(1));
        let mut worker = Worker::new(queue, sources, Announcements::default());
        let at = worker.keep("faulty.ipynb", BTreeSet::new());
        worker.keep("well.ipynb", BTreeSet::new());
        assert!(!worker.work_on(at, |_, _| panic!("a fault")));
        let kept = worker.rooms.iter().map(|kept| kept.room.filename());
        assert_eq!(kept.collect::<Vec<_>>(), ["well.ipynb"]);
        assert!(worker.work_on(0, |_, _| ()));
    }
}
