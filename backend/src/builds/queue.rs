//! The queue of build tasks: which task is done next, and when.
//!
//! Each copy and each summary is a target. A target has at most one waiting task, the newest, and
//! no two threads work on one target at a time, so an older version is never written over a newer
//! one. Tasks that look at a new version come first, then summaries, which the instructor waits
//! for, and exports last; but after a few tasks of one rank a task of a later rank has its turn, so
//! that a participant who saves without end cannot keep files from being written.

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

/// Notebooks of new versions that are held in memory until a thread looks at them, and as many
/// whose export is to be written. The others are read again when their turn comes: a class is a few
/// hundred notebooks.
const MAX_HELD_NOTEBOOKS: usize = 16;
/// Bytes of those notebooks.
const MAX_HELD_BYTES: usize = 16 << 20;

/// Tasks of one rank that are done in a row while a task of a later rank is due.
const MAX_TASKS_IN_A_ROW: usize = 4;

/// A thing to build. Its tasks are done one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum BuildTarget {
    /// One participant's copy.
    Copy(CopyId),
    /// The summary of the notebook with this filename.
    Summary(String),
}

/// What a builder thread does for a target.
#[derive(Debug)]
pub(super) enum BuildTask {
    /// Look at this new version.
    Revised(Box<Revision>),
    /// Read the copy and look at it, because its new version is not held in memory.
    ReadAgain,
    /// Remove the builds of a deleted copy.
    Removed,
    /// Apply the quota, or the builds of the copy's first name, to what is built of it.
    Reconcile,
    /// Write the export: of this version, or of the one that is on the disk by then.
    WriteExport(Option<(Fingerprint, NotebookBytes)>),
    /// Write the summary.
    WriteSummary,
    /// Write a summary that is smaller because a section gave way, before others grow.
    ShrinkSummary,
}

/// The order of tasks that are due at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum TaskRank {
    Look,
    Shrink,
    Summary,
    Export,
}

impl BuildTask {
    fn rank(&self) -> TaskRank {
        match self {
            Self::Revised(_) | Self::ReadAgain | Self::Removed | Self::Reconcile => TaskRank::Look,
            Self::ShrinkSummary => TaskRank::Shrink,
            Self::WriteSummary => TaskRank::Summary,
            Self::WriteExport(_) => TaskRank::Export,
        }
    }

    /// Whether it holds a notebook in memory.
    fn holds_notebook(&self) -> bool {
        match self {
            Self::Revised(revision) => revision.content.is_ok(),
            Self::WriteExport(content) => content.is_some(),
            Self::ReadAgain
            | Self::Removed
            | Self::Reconcile
            | Self::WriteSummary
            | Self::ShrinkSummary => false,
        }
    }

    /// Size of that notebook in bytes.
    fn held_bytes(&self) -> usize {
        let whole = match self {
            Self::Revised(revision) => revision.content.as_ref().ok().map(NotebookContent::whole),
            Self::WriteExport(held) => held.as_ref().map(|(_, whole)| whole),
            _ => None,
        };
        whole.map_or(0, |whole| whole.bytes().len())
    }

    /// The same task without the notebook, which is then read again.
    fn without_notebook(self) -> Self {
        match self {
            Self::Revised(_) => Self::ReadAgain,
            Self::WriteExport(_) => Self::WriteExport(None),
            other => other,
        }
    }
}

struct WaitingTask {
    due: Instant,
    task: BuildTask,
    /// It failed before, so [`BuildQueue::settle`] does not wait for it.
    is_retry: bool,
}

#[derive(Default)]
struct QueueState {
    waiting: BTreeMap<BuildTarget, WaitingTask>,
    busy: HashMap<BuildTarget, TaskRank>,
    /// The number of each user's last turn. Cleared when the queue is empty.
    turns: HashMap<String, u64>,
    turn: u64,
    /// Tasks of each rank that were done in a row while a task of a later rank was due.
    in_a_row: HashMap<TaskRank, usize>,
    /// The class is read for the first time. The reading threads look at new versions; no file is
    /// written, because a summary would lack sections and an export would delay the others.
    is_first_read: bool,
    ended: bool,
}

/// The tasks that wait and the targets that a thread works on.
pub(super) struct BuildQueue {
    state: Mutex<QueueState>,
    /// There may be a task for [`BuildQueue::next`].
    task_added: Condvar,
    /// A task was done.
    task_done: Condvar,
}

impl BuildQueue {
    /// An empty queue. Until [`BuildQueue::release`] it gives tasks only to
    /// [`BuildQueue::next_look_of_first_read`].
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(QueueState {
                is_first_read: true,
                ..QueueState::default()
            }),
            task_added: Condvar::new(),
            task_done: Condvar::new(),
        }
    }

    /// Adds a task for `target`, not to be done before `due`. It replaces the task that waits
    /// there, unless that task includes it.
    pub(super) fn push(&self, target: BuildTarget, task: BuildTask, due: Instant) {
        self.put(target, task, due, false);
    }

    /// The same for a task that failed.
    pub(super) fn push_retry(&self, target: BuildTarget, task: BuildTask, due: Instant) {
        self.put(target, task, due, true);
    }

    /// Has this copy read again, unless a look at a new version of it waits already: above all one
    /// that removes it.
    pub(super) fn read_again(&self, key: CopyId) {
        let target = BuildTarget::Copy(key);
        let state = self.state.lock();
        let waiting = state.waiting.get(&target);
        if waiting.is_none_or(|waiting| waiting.task.rank() != TaskRank::Look) {
            self.put_into(state, target, BuildTask::ReadAgain, Instant::now(), false);
        }
    }

    fn put(&self, target: BuildTarget, task: BuildTask, due: Instant, is_retry: bool) {
        self.put_into(self.state.lock(), target, task, due, is_retry);
    }

    fn put_into(
        &self,
        mut state: MutexGuard<'_, QueueState>,
        target: BuildTarget,
        task: BuildTask,
        due: Instant,
        is_retry: bool,
    ) {
        let task = match task {
            // Exports never take the memory of new versions, because each rank has its own bound.
            task if task.holds_notebook() && !state.has_room_for(&task) => task.without_notebook(),
            // During the first read, memory is for new versions.
            BuildTask::WriteExport(Some(_)) if state.is_first_read => BuildTask::WriteExport(None),
            task => task,
        };
        match state.waiting.get_mut(&target) {
            // The waiting task is newer than the failed one.
            Some(_) if is_retry => {}
            // Every other task of a copy begins with that.
            Some(_) if matches!(task, BuildTask::Reconcile) => {}
            Some(waiting)
                if matches!(
                    task,
                    BuildTask::WriteExport(_) | BuildTask::WriteSummary | BuildTask::ShrinkSummary
                ) =>
            {
                waiting.due = due.min(waiting.due);
                waiting.is_retry = false;
                if matches!(
                    waiting.task,
                    BuildTask::WriteExport(_) | BuildTask::Reconcile | BuildTask::WriteSummary
                ) {
                    waiting.task = task;
                }
            }
            _ => {
                let waiting = WaitingTask {
                    due,
                    task,
                    is_retry,
                };
                state.waiting.insert(target, waiting);
            }
        }
        if state.is_first_read {
            self.task_done.notify_all();
        } else {
            self.task_added.notify_one();
        }
    }

    /// The next task, as soon as one is due; `None` after [`BuildQueue::end`]. No other task of its
    /// target is given until [`BuildQueue::done`].
    pub(super) fn next(&self) -> Option<(BuildTarget, BuildTask)> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            let now = Instant::now();
            if let Some(target) = state.first_due(now) {
                let task = state.waiting.remove(&target)?.task;
                state.busy.insert(target.clone(), task.rank());
                state.count_rank(task.rank(), now);
                state.count_turn_of(&target);
                return Some((target, task));
            }
            match state.earliest() {
                Some(due) => {
                    self.task_added.wait_until(&mut state, due);
                }
                None => self.task_added.wait(&mut state),
            }
        }
    }

    /// A new version to look at while the class is read for the first time.
    pub(super) fn next_look_of_first_read(&self) -> Option<(BuildTarget, BuildTask)> {
        let mut state = self.state.lock();
        let target = state.next_look_of_first_read()?;
        let task = state.waiting.remove(&target)?.task;
        state.busy.insert(target.clone(), TaskRank::Look);
        Some((target, task))
    }

    /// Ends the task that was given for `target`.
    pub(super) fn done(&self, target: &BuildTarget) {
        let mut state = self.state.lock();
        state.busy.remove(target);
        // A task that waited for this target may be done now.
        if !state.waiting.is_empty() {
            self.task_added.notify_one();
        }
        self.task_done.notify_all();
    }

    /// Ends the first read: all sections are known, and files may be written.
    pub(super) fn release(&self) {
        self.state.lock().is_first_read = false;
        self.task_added.notify_all();
    }

    /// Ends every [`BuildQueue::next`], now and later.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.task_added.notify_all();
        self.task_done.notify_all();
    }

    /// Whether a new version waits to be looked at.
    pub(super) fn has_looks_waiting(&self) -> bool {
        let state = self.state.lock();
        let mut waiting = state.waiting.values();
        waiting.any(|waiting| waiting.task.rank() == TaskRank::Look)
    }

    /// Waits until no task is left but those that failed.
    pub(super) fn settle(&self) {
        self.settle_except(|_| false, |_| false);
    }

    /// Waits until all new versions were looked at. Returns false earlier when the caller has to do
    /// a task of [`BuildQueue::next_look_of_first_read`].
    pub(super) fn settle_looks(&self) -> bool {
        self.settle_except(
            |rank| rank != TaskRank::Look,
            |state| state.next_look_of_first_read().is_some(),
        )
    }

    /// Waits until no task is left but summaries: while a class is at work there is always a
    /// summary to write.
    pub(super) fn settle_exports(&self) {
        self.settle_except(
            |rank| matches!(rank, TaskRank::Summary | TaskRank::Shrink),
            |_| false,
        );
    }

    fn settle_except(
        &self,
        is_no_matter: impl Fn(TaskRank) -> bool,
        is_interrupted: impl Fn(&QueueState) -> bool,
    ) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.ended || state.ranks().all(&is_no_matter) {
                return true;
            }
            if is_interrupted(&state) {
                return false;
            }
            self.task_done.wait(&mut state);
        }
    }
}

impl QueueState {
    /// Whether the notebook of this task may be held in memory too.
    fn has_room_for(&self, task: &BuildTask) -> bool {
        let works = self.waiting.values().map(|waiting| &waiting.task);
        let held = works.filter(|held| held.holds_notebook() && held.rank() == task.rank());
        let (count, bytes) = held.fold((0, 0), |(count, bytes), held| {
            (count + 1, bytes + held.held_bytes())
        });
        count < MAX_HELD_NOTEBOOKS && bytes + task.held_bytes() <= MAX_HELD_BYTES
    }

    fn ranks(&self) -> impl Iterator<Item = TaskRank> {
        let waiting = self.waiting.values().filter(|waiting| !waiting.is_retry);
        let waiting = waiting.map(|waiting| waiting.task.rank());
        waiting.chain(self.busy.values().copied())
    }

    /// The waiting tasks whose target no thread works on.
    fn ready_to_start(&self) -> impl Iterator<Item = (&BuildTarget, Instant, TaskRank)> {
        self.waiting
            .iter()
            .map(|(target, waiting)| (target, waiting.due, waiting.task.rank()))
            .filter(|(target, _, _)| !self.is_first_read && !self.busy.contains_key(target))
    }

    fn next_look_of_first_read(&self) -> Option<BuildTarget> {
        if self.ended || !self.is_first_read {
            return None;
        }
        let is_open = |(target, waiting): &(&BuildTarget, &WaitingTask)| {
            waiting.task.rank() == TaskRank::Look && !self.busy.contains_key(*target)
        };
        let (target, _) = self.waiting.iter().find(is_open)?;
        Some(target.clone())
    }

    fn first_due(&self, now: Instant) -> Option<BuildTarget> {
        let due = || self.ready_to_start().filter(move |(_, due, _)| *due <= now);
        let last = due().map(|(_, _, rank)| rank).max()?;
        let has_turn = |rank| rank == last || self.in_a_row(rank) < MAX_TASKS_IN_A_ROW;
        let due = due().filter(|(_, _, rank)| has_turn(*rank));
        let first = due.min_by_key(|(target, due, rank)| (*rank, self.last_turn_of(target), *due));
        first.map(|(target, _, _)| target.clone())
    }

    fn in_a_row(&self, rank: TaskRank) -> usize {
        self.in_a_row.get(&rank).copied().unwrap_or(0)
    }

    /// Counts a task of `rank`, which was just taken out.
    fn count_rank(&mut self, rank: TaskRank, now: Instant) {
        // Not counted, because a summary that shrinks makes the room that others grow into. Such
        // tasks result from looks, which are counted themselves.
        if rank == TaskRank::Shrink {
            return;
        }
        self.in_a_row.retain(|earlier, _| *earlier >= rank);
        let is_later =
            |(_, due, other): (&BuildTarget, Instant, TaskRank)| due <= now && other > rank;
        if self.ready_to_start().any(is_later) {
            *self.in_a_row.entry(rank).or_default() += 1;
        } else {
            self.in_a_row.remove(&rank);
        }
    }

    /// Participants take turns: a participant who saves much delays only their own exports.
    fn last_turn_of(&self, target: &BuildTarget) -> u64 {
        match target {
            BuildTarget::Copy(key) => self.turns.get(&key.user).copied().unwrap_or(0),
            BuildTarget::Summary(_) => 0,
        }
    }

    fn count_turn_of(&mut self, target: &BuildTarget) {
        if self.waiting.is_empty() {
            self.turns.clear();
        }
        self.turn += 1;
        if let BuildTarget::Copy(key) = target {
            self.turns.insert(key.user.clone(), self.turn);
        }
    }

    fn earliest(&self) -> Option<Instant> {
        self.ready_to_start().map(|(_, due, _)| due).min()
    }
}
