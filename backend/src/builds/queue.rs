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
    class::{Key, Revision, Whole},
    homes::Fingerprint,
};

/// So many notebooks that were found are held in memory until somebody has time for them, and
/// as many whose export is to be written. The others are read again when their turn comes: a
/// class is a few hundred notebooks.
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
    Export(Option<(Fingerprint, Whole)>),
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

    /// The same without the notebook, which is read again for it.
    fn without(self) -> Self {
        match self {
            Self::Revised(_) => Self::Read,
            Self::Export(_) => Self::Export(None),
            other => other,
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
    /// The class is read for the first time. Whoever reads it looks at what was found; nothing
    /// is written, because a summary would lack some parts, and an export hold up the others.
    reading: bool,
    ended: bool,
}

/// See the module's words.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// There may be something for [`Queue::next`].
    more: Condvar,
    /// Something was done.
    less: Condvar,
}

impl Queue {
    /// An empty one, of which nothing comes out until [`Queue::release`] but by
    /// [`Queue::early_look`].
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                reading: true,
                ..Inner::default()
            }),
            more: Condvar::new(),
            less: Condvar::new(),
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
            // Exports never keep one that was found from being held.
            work if work.holds() && inner.held(work.rank()) >= MOST_HELD => work.without(),
            // While a class is read, memory is for that.
            Work::Export(Some(_)) if inner.reading => Work::Export(None),
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
        if inner.reading {
            self.less.notify_all();
        } else {
            self.more.notify_one();
        }
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
                    let waited = self.more.wait_timeout(inner, until);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => wait(&self.more, inner),
            };
        }
    }

    /// Something to look at while the class is read for the first time.
    pub(super) fn early_look(&self) -> Option<(Lane, Work)> {
        let mut inner = self.lock();
        let lane = inner.early_look()?;
        let work = inner.waiting.remove(&lane)?.work;
        inner.busy.insert(lane.clone(), Rank::Look);
        Some((lane, work))
    }

    /// What was to be done in `lane` was done.
    pub(super) fn done(&self, lane: &Lane) {
        let mut inner = self.lock();
        inner.busy.remove(lane);
        // What waited for this lane may be done now.
        if !inner.waiting.is_empty() {
            self.more.notify_one();
        }
        self.less.notify_all();
    }

    /// Everybody's part is known.
    pub(super) fn release(&self) {
        self.lock().reading = false;
        self.more.notify_all();
    }

    /// Ends every [`Queue::next`], now and later.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.more.notify_all();
        self.less.notify_all();
    }

    /// Whether there is something to look at.
    pub(super) fn is_pressed(&self) -> bool {
        let inner = self.lock();
        let mut waiting = inner.waiting.values();
        waiting.any(|waiting| waiting.work.rank() == Rank::Look)
    }

    /// Waits until there is nothing to do but what failed.
    pub(super) fn settle(&self) {
        self.settle_but(|_| false, |_| false);
    }

    /// Waits until everything that was found was looked at; comes back with false before, when
    /// the caller is to do something of it by [`Queue::early_look`].
    pub(super) fn settle_looks(&self) -> bool {
        self.settle_but(
            |rank| rank != Rank::Look,
            |inner| inner.early_look().is_some(),
        )
    }

    /// Waits until that was written which is not a summary: of those there is always one to
    /// write while a class is at work.
    pub(super) fn settle_exports(&self) {
        self.settle_but(|rank| rank == Rank::Summary, |_| false);
    }

    fn settle_but(
        &self,
        is_no_matter: impl Fn(Rank) -> bool,
        is_interrupted: impl Fn(&Inner) -> bool,
    ) -> bool {
        let mut inner = self.lock();
        loop {
            if inner.ended || inner.ranks().all(&is_no_matter) {
                return true;
            }
            if is_interrupted(&inner) {
                return false;
            }
            inner = wait(&self.less, inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(change: &Condvar, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
    let waited = change.wait(inner);
    waited.unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn held(&self, rank: Rank) -> usize {
        let works = self.waiting.values().map(|waiting| &waiting.work);
        works
            .filter(|work| work.holds() && work.rank() == rank)
            .count()
    }

    fn ranks(&self) -> impl Iterator<Item = Rank> {
        let waiting = self.waiting.values().filter(|waiting| !waiting.is_retry);
        let waiting = waiting.map(|waiting| waiting.work.rank());
        waiting.chain(self.busy.values().copied())
    }

    /// What somebody may do, now or later.
    fn open(&self) -> impl Iterator<Item = (&Lane, Instant, Rank)> {
        self.waiting
            .iter()
            .map(|(lane, waiting)| (lane, waiting.due, waiting.work.rank()))
            .filter(|(lane, _, _)| !self.reading && !self.busy.contains_key(lane))
    }

    fn early_look(&self) -> Option<Lane> {
        if self.ended || !self.reading {
            return None;
        }
        let is_open = |(lane, waiting): &(&Lane, &Waiting)| {
            waiting.work.rank() == Rank::Look && !self.busy.contains_key(*lane)
        };
        let (lane, _) = self.waiting.iter().find(is_open)?;
        Some(lane.clone())
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
    use crate::class::{Content, TailLimits};

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
        let file = b"{\"cells\": []}".to_vec().into();
        let content = Content::parse(file, TailLimits::NONE, None);
        Work::Revised(Box::new(Revision {
            key,
            version: None,
            content: Ok(content.unwrap()),
        }))
    }

    #[test]
    fn a_lane_is_worked_in_by_one_and_holds_the_newest() {
        let queue = Queue::new();
        queue.release();
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
        assert_eq!(queue.lock().first_due(Instant::now()), None);
        assert!(!queue.settle_looks(), "nobody else looks");
        let (early, _) = queue.early_look().unwrap();
        assert_eq!(early, lane("ana"));
        assert!(queue.early_look().is_none());
        queue.done(&early);
        assert!(queue.settle_looks());
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
        let found = Work::Export(Some((version, revision.content.unwrap().whole().clone())));
        let now = Instant::now();
        queue.release();
        queue.push(lane("ana"), found, now);
        queue.push(lane("ana"), Work::Export(None), now);
        assert!(matches!(queue.next(), Some((_, Work::Export(None)))));
    }

    #[test]
    fn exports_leave_room_for_what_is_found() {
        let queue = Queue::new();
        let export = || {
            let Work::Revised(revision) = revision("ana") else {
                unreachable!("it is one")
            };
            let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
            Work::Export(Some((version, revision.content.unwrap().whole().clone())))
        };
        queue.push(lane("early"), export(), Instant::now());
        assert_eq!(queue.lock().held(Rank::Export), 0, "a class is read");
        queue.release();
        for n in 0..MOST_HELD + 5 {
            queue.push(lane(&format!("user{n}")), export(), Instant::now());
        }
        assert_eq!(queue.lock().held(Rank::Export), MOST_HELD);
        queue.push(lane("ana"), revision("ana"), Instant::now());
        assert_eq!(queue.lock().held(Rank::Look), 1);
    }

    #[test]
    fn only_some_notebooks_are_held() {
        let queue = Queue::new();
        for n in 0..MOST_HELD + 5 {
            let user = format!("user{n}");
            queue.push(lane(&user), revision(&user), Instant::now());
        }
        assert_eq!(queue.lock().held(Rank::Look), MOST_HELD);
        assert_eq!(queue.lock().waiting.len(), MOST_HELD + 5);
        while let Some((lane, work)) = queue.early_look() {
            assert_eq!(work.rank(), Rank::Look);
            queue.done(&lane);
        }
        assert!(queue.lock().waiting.is_empty());
    }
}
