//! What is to be done, and when it may be.
//!
//! There is a lane for each participant's copy and one for each summary. A lane holds at
//! most one thing to do, the newest, and no two threads work in one lane at a time, so
//! nothing older is ever written over something newer. What was found is looked at first,
//! then summaries are written, which the instructor waits for, and exports last; but after a
//! few of a kind something of a later one has its turn, so that nobody who saves without end
//! keeps anything from being written.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::{
    class::{CopyId, NotebookBytes, NotebookContent, Revision},
    homes::Fingerprint,
};

#[cfg(test)]
mod tests;

/// So many notebooks that were found are held in memory until somebody has time for them, and
/// as many whose export is to be written. The others are read again when their turn comes: a
/// class is a few hundred notebooks.
const MOST_HELD: usize = 16;
/// And so many bytes of them.
const MOST_BYTES: usize = 16 << 20;

/// So many of a rank are done one after the other while something of a later one is due.
const MOST_IN_A_ROW: usize = 4;

/// Things that must be done one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// One participant's copy.
    Copy(CopyId),
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
    /// There may be no room for it any more, or what it is another name of is built anew.
    Align,
    /// Write the export: of this version, or of what is there by then.
    Export(Option<(Fingerprint, NotebookBytes)>),
    /// Write the summary.
    Summarise,
    /// The same of one that is smaller now because a part has given way: before others grow.
    Shrink,
}

/// What is done before what, when both may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Rank {
    Look,
    Shrink,
    Summary,
    Export,
}

impl Work {
    fn rank(&self) -> Rank {
        match self {
            Self::Revised(_) | Self::Read | Self::Removed | Self::Align => Rank::Look,
            Self::Shrink => Rank::Shrink,
            Self::Summarise => Rank::Summary,
            Self::Export(_) => Rank::Export,
        }
    }

    /// Whether it keeps a notebook in memory.
    fn holds(&self) -> bool {
        match self {
            Self::Revised(revision) => revision.content.is_ok(),
            Self::Export(content) => content.is_some(),
            Self::Read | Self::Removed | Self::Align | Self::Summarise | Self::Shrink => false,
        }
    }

    /// Of how many bytes that is.
    fn size(&self) -> usize {
        let whole = match self {
            Self::Revised(revision) => revision.content.as_ref().ok().map(NotebookContent::whole),
            Self::Export(held) => held.as_ref().map(|(_, whole)| whole),
            _ => None,
        };
        whole.map_or(0, |whole| whole.bytes().len())
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
    /// When it was whose turn last, counted in turns; forgotten when there is nothing to do.
    turns: HashMap<String, u64>,
    turn: u64,
    /// How many of each rank were done while something of a later one was due, since one of
    /// those was done.
    in_a_row: HashMap<Rank, usize>,
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

    /// This copy is to be read again, unless what was found of it waits to be looked at: that
    /// it is gone, above all.
    pub(super) fn read_again(&self, key: CopyId) {
        let lane = Lane::Copy(key);
        let inner = self.inner.lock();
        let waiting = inner.waiting.get(&lane);
        if waiting.is_none_or(|waiting| waiting.work.rank() != Rank::Look) {
            self.put_into(inner, lane, Work::Read, Instant::now(), false);
        }
    }

    fn put(&self, lane: Lane, work: Work, due: Instant, is_retry: bool) {
        self.put_into(self.inner.lock(), lane, work, due, is_retry);
    }

    fn put_into(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        lane: Lane,
        work: Work,
        due: Instant,
        is_retry: bool,
    ) {
        let work = match work {
            // Exports never keep one that was found from being held.
            work if work.holds() && !inner.has_room_for(&work) => work.without(),
            // While a class is read, memory is for that.
            Work::Export(Some(_)) if inner.reading => Work::Export(None),
            work => work,
        };
        match inner.waiting.get_mut(&lane) {
            // What is to be done there by now is newer than what failed.
            Some(_) if is_retry => {}
            // Whatever else is done in a lane begins with that.
            Some(_) if matches!(work, Work::Align) => {}
            Some(known) if matches!(work, Work::Export(_) | Work::Summarise | Work::Shrink) => {
                known.due = due.min(known.due);
                known.is_retry = false;
                if matches!(known.work, Work::Export(_) | Work::Align | Work::Summarise) {
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
        let mut inner = self.inner.lock();
        loop {
            if inner.ended {
                return None;
            }
            let now = Instant::now();
            if let Some(lane) = inner.first_due(now) {
                let work = inner.waiting.remove(&lane)?.work;
                inner.busy.insert(lane.clone(), work.rank());
                inner.count_rank(work.rank(), now);
                inner.count_turn_of(&lane);
                return Some((lane, work));
            }
            match inner.earliest() {
                Some(due) => {
                    self.more.wait_until(&mut inner, due);
                }
                None => self.more.wait(&mut inner),
            }
        }
    }

    /// Something to look at while the class is read for the first time.
    pub(super) fn early_look(&self) -> Option<(Lane, Work)> {
        let mut inner = self.inner.lock();
        let lane = inner.early_look()?;
        let work = inner.waiting.remove(&lane)?.work;
        inner.busy.insert(lane.clone(), Rank::Look);
        Some((lane, work))
    }

    /// What was to be done in `lane` was done.
    pub(super) fn done(&self, lane: &Lane) {
        let mut inner = self.inner.lock();
        inner.busy.remove(lane);
        // What waited for this lane may be done now.
        if !inner.waiting.is_empty() {
            self.more.notify_one();
        }
        self.less.notify_all();
    }

    /// Everybody's part is known.
    pub(super) fn release(&self) {
        self.inner.lock().reading = false;
        self.more.notify_all();
    }

    /// Ends every [`Queue::next`], now and later.
    pub(super) fn end(&self) {
        self.inner.lock().ended = true;
        self.more.notify_all();
        self.less.notify_all();
    }

    /// Whether there is something to look at.
    pub(super) fn is_pressed(&self) -> bool {
        let inner = self.inner.lock();
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
        self.settle_but(
            |rank| matches!(rank, Rank::Summary | Rank::Shrink),
            |_| false,
        );
    }

    fn settle_but(
        &self,
        is_no_matter: impl Fn(Rank) -> bool,
        is_interrupted: impl Fn(&Inner) -> bool,
    ) -> bool {
        let mut inner = self.inner.lock();
        loop {
            if inner.ended || inner.ranks().all(&is_no_matter) {
                return true;
            }
            if is_interrupted(&inner) {
                return false;
            }
            self.less.wait(&mut inner);
        }
    }
}

impl Inner {
    /// Whether one more like this may be held.
    fn has_room_for(&self, work: &Work) -> bool {
        let works = self.waiting.values().map(|waiting| &waiting.work);
        let held = works.filter(|held| held.holds() && held.rank() == work.rank());
        let (count, bytes) = held.fold((0, 0), |(count, bytes), held| {
            (count + 1, bytes + held.size())
        });
        count < MOST_HELD && bytes + work.size() <= MOST_BYTES
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
        let due = || self.open().filter(move |(_, due, _)| *due <= now);
        let last = due().map(|(_, _, rank)| rank).max()?;
        let has_turn = |rank| rank == last || self.in_a_row(rank) < MOST_IN_A_ROW;
        let due = due().filter(|(_, _, rank)| has_turn(*rank));
        let first = due.min_by_key(|(lane, due, rank)| (*rank, self.last_turn_of(lane), *due));
        first.map(|(lane, _, _)| lane.clone())
    }

    fn in_a_row(&self, rank: Rank) -> usize {
        self.in_a_row.get(&rank).copied().unwrap_or(0)
    }

    /// One of `rank` is done, which is not waiting any more.
    fn count_rank(&mut self, rank: Rank, now: Instant) {
        // What shrinks makes the room that others grow into: they wait for it. It comes of
        // what is looked at, which does not go on before others had their turn.
        if rank == Rank::Shrink {
            return;
        }
        self.in_a_row.retain(|earlier, _| *earlier >= rank);
        let is_later = |(_, due, other): (&Lane, Instant, Rank)| due <= now && other > rank;
        if self.open().any(is_later) {
            *self.in_a_row.entry(rank).or_default() += 1;
        } else {
            self.in_a_row.remove(&rank);
        }
    }

    /// Participants take turns: one who saves much waits for their own.
    fn last_turn_of(&self, lane: &Lane) -> u64 {
        match lane {
            Lane::Copy(key) => self.turns.get(&key.user).copied().unwrap_or(0),
            Lane::Summary(_) => 0,
        }
    }

    fn count_turn_of(&mut self, lane: &Lane) {
        if self.waiting.is_empty() {
            self.turns.clear();
        }
        self.turn += 1;
        if let Lane::Copy(key) = lane {
            self.turns.insert(key.user.clone(), self.turn);
        }
    }

    fn earliest(&self) -> Option<Instant> {
        self.open().map(|(_, due, _)| due).min()
    }
}
