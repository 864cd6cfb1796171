//! The recorder's queue: versions that were saved and are not recorded yet, in bounded memory.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::class::{CopyId, NotebookBytes};

/// A version that waits to be recorded.
pub(super) struct PendingVersion {
    pub(super) key: CopyId,
    pub(super) saved_at_ms: i64,
    pub(super) cells: usize,
    pub(super) whole: NotebookBytes,
}

/// The versions that the recorder takes from the queue at once.
#[derive(Default)]
pub(super) struct RecorderBatch {
    pub(super) pending: Vec<PendingVersion>,
    /// A notebook with a version that found no room: its file is read again.
    pub(super) to_read: Option<CopyId>,
    /// The queue is closed and empty.
    pub(super) is_last: bool,
}

#[derive(Default)]
struct RecorderQueueState {
    pending: VecDeque<PendingVersion>,
    /// The notebooks to be read again, and when each may be read.
    to_read: BTreeMap<CopyId, Instant>,
    bytes: usize,
    /// Bytes of the queued versions, by user.
    held_bytes: HashMap<String, usize>,
    /// The number of the last turn in which a notebook of each user was read again. Cleared when
    /// none is left.
    turns: HashMap<String, u64>,
    turn: u64,
    closed: bool,
}

/// A queue that is bounded by bytes. Of a version that finds no room only the copy's name is kept:
/// the file still holds the newest version when there is room again, and versions in between are
/// lost only when a participant saves faster than the disk writes.
///
/// A participant who fills the queue cannot take the room of the others: as much again is left to
/// participants with few queued bytes, and notebooks are read again in turns of participants.
pub(super) struct RecorderQueue {
    state: Mutex<RecorderQueueState>,
    task_added: Condvar,
    max_bytes: usize,
}

impl RecorderQueue {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            task_added: Condvar::new(),
            max_bytes,
        }
    }

    /// Adds a version without waiting; whether there was room.
    pub(super) fn push(&self, pending: PendingVersion) -> bool {
        let mut state = self.state.lock();
        let bytes = pending.whole.bytes().len();
        let fits = state.has_room(self.max_bytes, &pending.key.user, bytes);
        if fits {
            state.bytes += bytes;
            *state
                .held_bytes
                .entry(pending.key.user.clone())
                .or_default() += bytes;
            state.to_read.remove(&pending.key);
            state.pending.push_back(pending);
        } else {
            state.to_read.insert(pending.key, Instant::now());
        }
        self.task_added.notify_one();
        fits
    }

    /// Has these notebooks read again.
    pub(super) fn read_again(&self, keys: impl IntoIterator<Item = CopyId>) {
        let now = Instant::now();
        let keys = keys.into_iter().map(|key| (key, now));
        self.state.lock().to_read.extend(keys);
    }

    /// Has this notebook read again after `pause`, unless the queue is closed.
    pub(super) fn read_again_after(&self, key: CopyId, pause: Duration) {
        let mut state = self.state.lock();
        if !state.closed {
            state.to_read.insert(key, Instant::now() + pause);
        }
    }

    /// Takes the next versions, at most `most`, and one notebook to be read again; nothing when
    /// there is none within `timeout`. One notebook only, because its size is unknown.
    pub(super) fn take(&self, most: usize, timeout: Duration) -> RecorderBatch {
        let until = Instant::now() + timeout;
        let mut state = self.state.lock();
        while state.pending.is_empty() && !state.closed {
            let due = state.to_read.values().min().copied();
            let left = due.map_or(until, |due| due.min(until));
            let left = left.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.task_added.wait_for(&mut state, left);
        }
        let count = most.min(state.pending.len());
        let pending: Vec<PendingVersion> = state.pending.drain(..count).collect();
        for pending in &pending {
            state.release(&pending.key.user, pending.whole.bytes().len());
        }
        // Also while other participants save without a pause.
        let to_read = state.take_to_read(Instant::now());
        let is_last = state.closed && state.pending.is_empty() && state.to_read.is_empty();
        RecorderBatch {
            pending,
            to_read,
            is_last,
        }
    }

    /// Whether there is nothing to take now.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        let now = Instant::now();
        state.pending.is_empty() && state.to_read.values().all(|due| *due > now)
    }

    /// Whether no version is held in memory.
    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.state.lock().bytes == 0
    }

    /// Whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Closes the queue: no more versions will come.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.task_added.notify_one();
    }
}

impl RecorderQueueState {
    /// Whether there is room for so many more bytes of this user.
    fn has_room(&self, max_bytes: usize, user: &str, bytes: usize) -> bool {
        let all = self.bytes + bytes;
        let own = self.held_bytes.get(user).copied().unwrap_or(0) + bytes;
        all <= max_bytes || (own <= max_bytes / 4 && all <= 2 * max_bytes)
    }

    fn release(&mut self, user: &str, bytes: usize) {
        self.bytes -= bytes;
        if let Some(held_bytes) = self.held_bytes.get_mut(user) {
            *held_bytes -= bytes;
            if *held_bytes == 0 {
                self.held_bytes.remove(user);
            }
        }
    }

    /// Takes a notebook to be read again: of the user whose last turn was longest ago, the one that
    /// was due first. In a closed queue all are due.
    fn take_to_read(&mut self, now: Instant) -> Option<CopyId> {
        let is_due = |due: Instant| due <= now || self.closed;
        let last_turn_of = |key: &CopyId| self.turns.get(&key.user).copied().unwrap_or(0);
        let due = self.to_read.iter().filter(|(_, due)| is_due(**due));
        let (key, _) = due.min_by_key(|(key, due)| (last_turn_of(key), **due))?;
        let key = key.clone();
        self.to_read.remove(&key);
        if self.to_read.is_empty() {
            self.turns.clear();
        } else {
            self.turn += 1;
            self.turns.insert(key.user.clone(), self.turn);
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{NotebookContent, TailLimits};

    /// A version of so many bytes, at least 13.
    fn pending(user: &str, bytes: usize) -> PendingVersion {
        let file = format!("{:bytes$}", r#"{"cells": []}"#).into_bytes().into();
        let content = NotebookContent::parse(file, TailLimits::NONE, None).unwrap();
        PendingVersion {
            key: CopyId {
                filename: "a.ipynb".to_owned(),
                user: user.to_owned(),
            },
            saved_at_ms: 0,
            cells: 0,
            whole: content.whole().clone(),
        }
    }

    #[test]
    fn a_full_queue_has_room_for_other_participants() {
        let queue = RecorderQueue::new(100);
        assert!(queue.push(pending("mallory", 99)));
        for user in ["ana", "bo", "cy", "dan"] {
            assert!(queue.push(pending(user, 25)), "{user}");
        }
        assert!(!queue.push(pending("ana", 20)), "they hold much by now");
        assert!(!queue.push(pending("eve", 20)), "all is bounded");
        assert!(!queue.push(pending("mallory", 13)));
        queue.take(10, Duration::ZERO);
        assert!(queue.holds_nothing() && queue.state.lock().held_bytes.is_empty());
    }

    #[test]
    fn notebooks_are_read_again_in_turns_of_participants() {
        let queue = RecorderQueue::new(100);
        let key = |user: &str, n: usize| CopyId {
            filename: format!("{n}.ipynb"),
            user: user.to_owned(),
        };
        queue.read_again((0..100).map(|n| key("mallory", n)));
        queue.read_again([key("ana", 0), key("ana", 1)]);
        queue.read_again([key("bo", 0)]);
        let mut taken = [(); 4].map(|()| queue.take(10, Duration::ZERO).to_read.unwrap().user);
        taken[..3].sort();
        assert_eq!(taken[..3], ["ana", "bo", "mallory"]);
        while queue.take(10, Duration::ZERO).to_read.is_some() {}
        assert!(queue.state.lock().turns.is_empty());
    }

    #[test]
    fn a_version_without_room_is_read_again_later() {
        let queue = RecorderQueue::new(100);
        assert!(queue.push(pending("ana", 60)));
        assert!(!queue.push(pending("ana", 60)));
        assert!(!queue.push(pending("bo", 60)));
        assert!(queue.push(pending("bo", 40)), "a smaller one has room");
        let users = |work: &RecorderBatch| -> Vec<String> {
            let pending = work.pending.iter().map(|pending| pending.key.user.clone());
            pending.collect()
        };
        let first = queue.take(10, Duration::ZERO);
        assert_eq!(users(&first), ["ana", "bo"]);
        assert!(!first.is_last);
        let to_read: Vec<_> = first.to_read.iter().map(|key| &*key.user).collect();
        assert_eq!(to_read, ["ana"], "of bo the newest was recorded");
        assert!(queue.is_empty());
        queue.close();
        assert!(queue.take(10, Duration::from_secs(60)).is_last);
    }
}
