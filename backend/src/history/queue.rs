//! What was saved and is not recorded yet, in bounded memory.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::class::{CopyId, NotebookBytes};

/// One version on its way into the history.
pub(super) struct Pending {
    pub(super) key: CopyId,
    pub(super) saved_at_ms: i64,
    pub(super) cells: usize,
    pub(super) whole: NotebookBytes,
}

/// What to do next.
#[derive(Default)]
pub(super) struct Work {
    pub(super) pending: Vec<Pending>,
    /// A notebook with a version that found no room: it is read again.
    pub(super) missed: Option<CopyId>,
    /// Nothing will come after this.
    pub(super) last: bool,
}

#[derive(Default)]
struct Inner {
    pending: VecDeque<Pending>,
    /// And when each may be read.
    missed: BTreeMap<CopyId, Instant>,
    bytes: usize,
    /// Of those, whose how many are.
    held: HashMap<String, usize>,
    /// Of whom something was read again, counted in turns; forgotten when nothing is missed.
    turns: HashMap<String, u64>,
    turn: u64,
    closed: bool,
}

/// Bounded by bytes. What finds no room is only remembered by name: its file still holds
/// the newest version when there is room again, and who looks for the versions between
/// those that were kept must have saved faster than a disk writes.
///
/// Nobody takes that room from the others: who fills it leaves as much again to those who
/// hold little, and what was missed is read person by person.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    news: Condvar,
    room: usize,
}

impl Queue {
    pub(super) fn new(room: usize) -> Self {
        Self {
            inner: Mutex::default(),
            news: Condvar::new(),
            room,
        }
    }

    /// Never waits; says whether there was room.
    pub(super) fn push(&self, pending: Pending) -> bool {
        let mut inner = self.inner.lock();
        let bytes = pending.whole.bytes().len();
        let fits = inner.has_room(self.room, &pending.key.user, bytes);
        if fits {
            inner.bytes += bytes;
            *inner.held.entry(pending.key.user.clone()).or_default() += bytes;
            inner.missed.remove(&pending.key);
            inner.pending.push_back(pending);
        } else {
            inner.missed.insert(pending.key, Instant::now());
        }
        self.news.notify_one();
        fits
    }

    /// Has these read again.
    pub(super) fn miss(&self, keys: impl IntoIterator<Item = CopyId>) {
        let now = Instant::now();
        let keys = keys.into_iter().map(|key| (key, now));
        self.inner.lock().missed.extend(keys);
    }

    /// Has this one read again after `pause`, unless the end comes before.
    pub(super) fn miss_for(&self, key: CopyId, pause: Duration) {
        let mut inner = self.inner.lock();
        if !inner.closed {
            inner.missed.insert(key, Instant::now() + pause);
        }
    }

    /// The next few, and one that was missed; nothing when `patience` is over. One at a time,
    /// since nobody knows how large it is.
    pub(super) fn take(&self, most: usize, patience: Duration) -> Work {
        let until = Instant::now() + patience;
        let mut inner = self.inner.lock();
        while inner.pending.is_empty() && !inner.closed {
            let due = inner.missed.values().min().copied();
            let left = due.map_or(until, |due| due.min(until));
            let left = left.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.news.wait_for(&mut inner, left);
        }
        let count = most.min(inner.pending.len());
        let pending: Vec<Pending> = inner.pending.drain(..count).collect();
        for pending in &pending {
            inner.release(&pending.key.user, pending.whole.bytes().len());
        }
        // Also while others save without a pause.
        let missed = inner.take_missed(Instant::now());
        let last = inner.closed && inner.pending.is_empty() && inner.missed.is_empty();
        Work {
            pending,
            missed,
            last,
        }
    }

    /// Whether nothing waits that may be taken now.
    pub(super) fn is_empty(&self) -> bool {
        let inner = self.inner.lock();
        let now = Instant::now();
        inner.pending.is_empty() && inner.missed.values().all(|due| *due > now)
    }

    /// Whether no version is held in memory.
    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.inner.lock().bytes == 0
    }

    /// Whether nothing more will come.
    pub(super) fn is_closed(&self) -> bool {
        self.inner.lock().closed
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.news.notify_one();
    }
}

impl Inner {
    /// Whether there is room for so many bytes more of this person.
    fn has_room(&self, room: usize, user: &str, bytes: usize) -> bool {
        let all = self.bytes + bytes;
        let own = self.held.get(user).copied().unwrap_or(0) + bytes;
        all <= room || (own <= room / 4 && all <= 2 * room)
    }

    fn release(&mut self, user: &str, bytes: usize) {
        self.bytes -= bytes;
        if let Some(held) = self.held.get_mut(user) {
            *held -= bytes;
            if *held == 0 {
                self.held.remove(user);
            }
        }
    }

    /// Of who has waited for longest the one that has been due for longest; at the end all
    /// are.
    fn take_missed(&mut self, now: Instant) -> Option<CopyId> {
        let is_due = |due: Instant| due <= now || self.closed;
        let last_turn_of = |key: &CopyId| self.turns.get(&key.user).copied().unwrap_or(0);
        let due = self.missed.iter().filter(|(_, due)| is_due(**due));
        let (key, _) = due.min_by_key(|(key, due)| (last_turn_of(key), **due))?;
        let key = key.clone();
        self.missed.remove(&key);
        if self.missed.is_empty() {
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
    fn pending(user: &str, bytes: usize) -> Pending {
        let file = format!("{:bytes$}", r#"{"cells": []}"#).into_bytes().into();
        let content = NotebookContent::parse(file, TailLimits::NONE, None).unwrap();
        Pending {
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
    fn nobody_takes_the_room_of_the_others() {
        let queue = Queue::new(100);
        assert!(queue.push(pending("mallory", 99)));
        for user in ["ana", "bo", "cy", "dan"] {
            assert!(queue.push(pending(user, 25)), "{user}");
        }
        assert!(!queue.push(pending("ana", 20)), "they hold much by now");
        assert!(!queue.push(pending("eve", 20)), "all is bounded");
        assert!(!queue.push(pending("mallory", 13)));
        queue.take(10, Duration::ZERO);
        assert!(queue.holds_nothing() && queue.inner.lock().held.is_empty());
    }

    #[test]
    fn what_was_missed_is_read_person_by_person() {
        let queue = Queue::new(100);
        let key = |user: &str, n: usize| CopyId {
            filename: format!("{n}.ipynb"),
            user: user.to_owned(),
        };
        queue.miss((0..100).map(|n| key("mallory", n)));
        queue.miss([key("ana", 0), key("ana", 1)]);
        queue.miss([key("bo", 0)]);
        let mut taken = [(); 4].map(|()| queue.take(10, Duration::ZERO).missed.unwrap().user);
        taken[..3].sort();
        assert_eq!(taken[..3], ["ana", "bo", "mallory"]);
        while queue.take(10, Duration::ZERO).missed.is_some() {}
        assert!(queue.inner.lock().turns.is_empty());
    }

    #[test]
    fn what_finds_no_room_is_read_again_later() {
        let queue = Queue::new(100);
        assert!(queue.push(pending("ana", 60)));
        assert!(!queue.push(pending("ana", 60)));
        assert!(!queue.push(pending("bo", 60)));
        assert!(queue.push(pending("bo", 40)), "a smaller one has room");
        let users = |work: &Work| -> Vec<String> {
            let pending = work.pending.iter().map(|pending| pending.key.user.clone());
            pending.collect()
        };
        let first = queue.take(10, Duration::ZERO);
        assert_eq!(users(&first), ["ana", "bo"]);
        assert!(!first.last);
        let missed: Vec<_> = first.missed.iter().map(|key| &*key.user).collect();
        assert_eq!(missed, ["ana"], "of bo the newest was recorded");
        assert!(queue.is_empty());
        queue.close();
        assert!(queue.take(10, Duration::from_secs(60)).last);
    }
}
