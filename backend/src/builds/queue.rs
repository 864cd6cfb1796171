//! What is to be done, and when it may be.
//!
//! There is a lane for each participant's copy and one for each summary. A lane holds at
//! most one thing to do, the newest, and no two threads work in one lane at a time, so
//! nothing older is ever written over something newer. What was found is looked at first,
//! then summaries are written, which the instructor waits for, and exports last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{
    class::{Content, Key, Revision},
    homes::Fingerprint,
};

/// So many notebooks are held in memory until somebody has time for them. The others are
/// read again when their turn comes: a class is a few hundred notebooks, each of which is a
/// megabyte when it is parsed.
const MOST_HELD: usize = 16;

/// Things that must be done one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// One participant's copy.
    Copy(Key),
    /// The summary of everyone's.
    Summary(String),
}

/// What to do in a lane.
#[derive(Debug)]
pub(super) enum Work {
    /// This was found.
    Revised(Box<Revision>),
    /// Something was found, nobody knows what any more.
    Read,
    /// The notebook is gone.
    Removed,
    /// Write the export: of this version, or of what is there by then.
    Export(Option<(Fingerprint, Content)>),
    /// Write the summary.
    Summarise,
}

/// What is done before what, when both may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Look,
    Summary,
    Export,
}

impl Work {
    fn rank(&self) -> Rank {
        match self {
            Self::Revised(_) | Self::Read | Self::Removed => Rank::Look,
            Self::Summarise => Rank::Summary,
            Self::Export(_) => Rank::Export,
        }
    }

    /// Whether it keeps a notebook in memory.
    fn holds(&self) -> bool {
        match self {
            Self::Revised(revision) => revision.content.is_ok(),
            Self::Export(content) => content.is_some(),
            Self::Read | Self::Removed | Self::Summarise => false,
        }
    }
}

struct Waiting {
    due: Instant,
    work: Work,
    /// It was tried and failed; there is no waiting for it.
    is_retry: bool,
}

#[derive(Default)]
struct Inner {
    waiting: BTreeMap<Lane, Waiting>,
    busy: HashMap<Lane, Rank>,
    /// Nothing may be written yet, because not everybody's part is known: a summary would
    /// lack some, and an export would hold up the others.
    reading: bool,
    ended: bool,
}

/// See the module's words.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Queue {
    /// An empty one that holds back what is written until [`Queue::release`].
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                reading: true,
                ..Inner::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// What is to be done in `lane`, not before `due`. What was to be done there is not
    /// worth doing any more, unless it would have made this unnecessary.
    pub(super) fn push(&self, lane: Lane, work: Work, due: Instant) {
        self.put(lane, work, due, false);
    }

    /// The same for what was tried and failed.
    pub(super) fn push_again(&self, lane: Lane, work: Work, due: Instant) {
        self.put(lane, work, due, true);
    }

    fn put(&self, lane: Lane, work: Work, due: Instant, is_retry: bool) {
        let mut inner = self.lock();
        let work = match work {
            Work::Revised(_) if work.holds() && inner.held() >= MOST_HELD => Work::Read,
            Work::Export(_) if inner.held() >= MOST_HELD => Work::Export(None),
            work => work,
        };
        match inner.waiting.get_mut(&lane) {
            // What is to be done there by now is newer than what failed.
            Some(_) if is_retry => {}
            Some(known) if matches!(work, Work::Export(_) | Work::Summarise) => {
                known.due = due.min(known.due);
                known.is_retry = false;
                if matches!(known.work, Work::Export(_)) {
                    known.work = work;
                }
            }
            _ => {
                let waiting = Waiting {
                    due,
                    work,
                    is_retry,
                };
                inner.waiting.insert(lane, waiting);
            }
        }
        self.changed.notify_all();
    }

    /// The next thing to do, as soon as there is one; `None` when there will be none. Its
    /// lane is closed until [`Queue::done`].
    pub(super) fn next(&self) -> Option<(Lane, Work)> {
        let mut inner = self.lock();
        loop {
            if inner.ended {
                return None;
            }
            let now = Instant::now();
            if let Some(lane) = inner.first_due(now) {
                let work = inner.waiting.remove(&lane)?.work;
                inner.busy.insert(lane.clone(), work.rank());
                return Some((lane, work));
            }
            inner = match inner.earliest() {
                Some(due) => {
                    let until = due.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(inner, until);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wait(inner),
            };
        }
    }

    /// Something to look at, when so much waits that more would not be held for long.
    pub(super) fn crowded_look(&self) -> Option<(Lane, Work)> {
        let mut inner = self.lock();
        if inner.ended || inner.held() < MOST_HELD / 2 {
            return None;
        }
        let lane = inner.first_due(Instant::now())?;
        let waiting = inner.waiting.remove(&lane)?;
        if waiting.work.rank() != Rank::Look {
            inner.waiting.insert(lane, waiting);
            return None;
        }
        inner.busy.insert(lane.clone(), Rank::Look);
        Some((lane, waiting.work))
    }

    /// What was to be done in `lane` was done.
    pub(super) fn done(&self, lane: &Lane) {
        self.lock().busy.remove(lane);
        self.changed.notify_all();
    }

    /// Everybody's part is known.
    pub(super) fn release(&self) {
        self.lock().reading = false;
        self.changed.notify_all();
    }

    /// Ends every [`Queue::next`], now and later.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Whether there is something to look at.
    pub(super) fn is_pressed(&self) -> bool {
        let inner = self.lock();
        let mut waiting = inner.waiting.values();
        waiting.any(|waiting| waiting.work.rank() == Rank::Look)
    }

    /// Waits until there is nothing to do but what failed.
    pub(super) fn settle(&self) {
        self.settle_but(|_| false);
    }

    /// Waits until everything that was found was looked at.
    pub(super) fn settle_looks(&self) {
        self.settle_but(|rank| rank != Rank::Look);
    }

    /// Waits until that was written which is not a summary: of those there is always one to
    /// write while a class is at work.
    pub(super) fn settle_exports(&self) {
        self.settle_but(|rank| rank == Rank::Summary);
    }

    fn settle_but(&self, is_no_matter: impl Fn(Rank) -> bool) {
        let mut inner = self.lock();
        while !inner.ended && !inner.ranks().all(&is_no_matter) {
            inner = self.wait(inner);
        }
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let waited = self.changed.wait(inner);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn held(&self) -> usize {
        let works = self.waiting.values().map(|waiting| &waiting.work);
        works.filter(|work| work.holds()).count()
    }

    fn ranks(&self) -> impl Iterator<Item = Rank> {
        let waiting = self.waiting.values().filter(|waiting| !waiting.is_retry);
        let waiting = waiting.map(|waiting| waiting.work.rank());
        waiting.chain(self.busy.values().copied())
    }

    /// What somebody may do, now or later.
    fn open(&self) -> impl Iterator<Item = (&Lane, Instant, Rank)> {
        let is_held = |rank: Rank| self.reading && rank != Rank::Look;
        self.waiting
            .iter()
            .map(|(lane, waiting)| (lane, waiting.due, waiting.work.rank()))
            .filter(move |(lane, _, rank)| !self.busy.contains_key(lane) && !is_held(*rank))
    }

    fn first_due(&self, now: Instant) -> Option<Lane> {
        let due = self.open().filter(|(_, due, _)| *due <= now);
        let first = due.min_by_key(|(_, due, rank)| (*rank, *due));
        first.map(|(lane, _, _)| lane.clone())
    }

    fn earliest(&self) -> Option<Instant> {
        self.open().map(|(_, due, _)| due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(user: &str) -> Lane {
        Lane::Copy(Key {
            filename: "a.ipynb".to_owned(),
            user: user.to_owned(),
        })
    }

    fn revision(user: &str) -> Work {
        let Lane::Copy(key) = lane(user) else {
            unreachable!("it is a copy's")
        };
        Work::Revised(Box::new(Revision {
            key,
            version: None,
            content: Ok(
                crate::class::Content::parse(b"{\"cells\": []}".to_vec().into(), 0).unwrap(),
            ),
        }))
    }

    #[test]
    fn a_lane_is_worked_in_by_one_and_holds_the_newest() {
        let queue = Queue::new();
        let now = Instant::now();
        queue.push(lane("ana"), Work::Export(None), now);
        queue.push(lane("ana"), Work::Removed, now);
        queue.push(lane("ana"), Work::Export(None), now);
        let (first, work) = queue.next().unwrap();
        assert!(matches!(work, Work::Removed), "{work:?}");
        queue.push(lane("ana"), Work::Read, now);
        queue.push(lane("bo"), Work::Read, Instant::now());
        let (second, _) = queue.next().unwrap();
        assert_eq!(second, lane("bo"));
        queue.done(&first);
        assert_eq!(queue.next().unwrap().0, lane("ana"));
    }

    #[test]
    fn what_is_written_waits_for_everyone() {
        let queue = Queue::new();
        let summary = Lane::Summary("a.ipynb".to_owned());
        queue.push(summary.clone(), Work::Summarise, Instant::now());
        queue.push(lane("bo"), Work::Export(None), Instant::now());
        queue.push(lane("ana"), Work::Read, Instant::now());
        assert_eq!(queue.next().unwrap().0, lane("ana"));
        assert_eq!(queue.lock().first_due(Instant::now()), None);
        queue.release();
        assert_eq!(queue.next().unwrap().0, summary);
    }

    #[test]
    fn looking_comes_first_and_exports_come_last() {
        let queue = Queue::new();
        let now = Instant::now();
        queue.push(lane("ana"), Work::Export(None), now);
        queue.push(Lane::Summary("a.ipynb".to_owned()), Work::Summarise, now);
        queue.push(lane("bo"), Work::Read, now);
        queue.release();
        assert!(queue.is_pressed());
        let works = [(); 3].map(|()| queue.next().unwrap().1.rank());
        assert_eq!(works, [Rank::Look, Rank::Summary, Rank::Export]);
        assert!(!queue.is_pressed());
        queue.done(&lane("bo"));
        queue.settle_looks();
    }

    #[test]
    fn an_export_is_of_what_was_found_last() {
        let queue = Queue::new();
        let Work::Revised(revision) = revision("ana") else {
            unreachable!("it is one")
        };
        let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
        let found = Work::Export(Some((version, revision.content.unwrap())));
        let now = Instant::now();
        queue.release();
        queue.push(lane("ana"), found, now);
        queue.push(lane("ana"), Work::Export(None), now);
        assert!(matches!(queue.next(), Some((_, Work::Export(None)))));
    }

    #[test]
    fn only_some_notebooks_are_held() {
        let queue = Queue::new();
        for n in 0..MOST_HELD + 5 {
            let user = format!("user{n}");
            queue.push(lane(&user), revision(&user), Instant::now());
        }
        assert_eq!(queue.lock().held(), MOST_HELD);
        assert_eq!(queue.lock().waiting.len(), MOST_HELD + 5);
        while let Some((lane, work)) = queue.crowded_look() {
            assert_eq!(work.rank(), Rank::Look);
            queue.done(&lane);
        }
        assert!(queue.lock().held() < MOST_HELD / 2);
        assert!(
            !queue.lock().waiting.is_empty(),
            "the rest is for the builders"
        );
    }
}
