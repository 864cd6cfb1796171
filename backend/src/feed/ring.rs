//! The newest events, without a gap between them, in bounded memory.

use std::{collections::VecDeque, sync::Arc};

use super::Entry;

/// How many bytes of frames are kept: some 7,000 events, minutes of a class of three
/// hundred. Who was away for longer reads the journal.
const KEPT: usize = 2 << 20;

/// How many events are taken out at once: about what is sent at once. Each costs the
/// reader a count, not a copy.
const TAKEN: usize = 50;

/// What comes after a sequence number.
#[derive(Debug)]
pub(crate) enum Tail {
    /// These, and perhaps more.
    Events(Vec<Arc<Entry>>),
    /// Nothing yet.
    Nothing,
    /// More than is kept here: the journal has it, or nobody.
    Past,
}

/// See the module's words.
pub(super) struct Ring {
    /// Everything after this sequence number is here.
    after: i64,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

impl Ring {
    pub(super) fn beginning_after(seq: i64) -> Self {
        Self {
            after: seq,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        let seq = entry.committed.seq;
        if seq <= self.newest() {
            return;
        }
        if seq != self.newest() + 1 {
            *self = Self::beginning_after(seq - 1);
        }
        self.bytes += entry.frame.len();
        self.entries.push_back(entry);
        while self.bytes > KEPT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.frame.len();
            self.after = oldest.committed.seq;
        }
    }

    pub(super) fn after(&self, seq: i64) -> Tail {
        if seq < self.after {
            return Tail::Past;
        }
        let Ok(first) = usize::try_from(seq - self.after) else {
            return Tail::Nothing;
        };
        let events: Vec<_> = self
            .entries
            .iter()
            .skip(first)
            .take(TAKEN)
            .map(Arc::clone)
            .collect();
        if events.is_empty() {
            Tail::Nothing
        } else {
            Tail::Events(events)
        }
    }

    /// Whether a reader at this place can go on from here.
    pub(super) fn covers(&self, seq: i64) -> bool {
        (self.after..=self.newest()).contains(&seq)
    }

    fn newest(&self) -> i64 {
        self.entries
            .back()
            .map_or(self.after, |entry| entry.committed.seq)
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Event;

    use super::*;
    use crate::store::CommittedEvent;

    fn entry(seq: i64, path_length: usize) -> Arc<Entry> {
        let event = Event {
            id: 1,
            kind: "t".to_owned(),
            user: "u".to_owned(),
            filename: "f".to_owned(),
            path: "p".repeat(path_length),
            timestamp: "2022-11-14T16:00:00+00:00".to_owned(),
        };
        Arc::new(Entry::new(CommittedEvent { seq, event }))
    }

    fn seqs(tail: &Tail) -> Vec<i64> {
        let Tail::Events(events) = tail else {
            return Vec::new();
        };
        events.iter().map(|entry| entry.committed.seq).collect()
    }

    #[test]
    fn gives_what_comes_after_a_place() {
        let mut ring = Ring::beginning_after(10);
        assert!(matches!(ring.after(10), Tail::Nothing));
        for seq in [9, 11, 12, 12, 13] {
            ring.push(entry(seq, 10));
        }
        assert_eq!(seqs(&ring.after(10)), [11, 12, 13]);
        assert_eq!(seqs(&ring.after(12)), [13]);
        assert!(matches!(ring.after(9), Tail::Past));
        for seq in [13, 14, i64::MAX] {
            assert!(matches!(ring.after(seq), Tail::Nothing), "{seq}");
        }
        let covered: Vec<i64> = (0..20).filter(|seq| ring.covers(*seq)).collect();
        assert_eq!(covered, [10, 11, 12, 13]);
    }

    #[test]
    fn begins_anew_behind_a_gap() {
        let mut ring = Ring::beginning_after(0);
        ring.push(entry(1, 10));
        ring.push(entry(5, 10));
        assert!(matches!(ring.after(1), Tail::Past));
        assert_eq!(seqs(&ring.after(4)), [5]);
    }

    #[test]
    fn keeps_and_gives_so_many_bytes_and_no_more() {
        let mut ring = Ring::beginning_after(0);
        for seq in 1..=3_000 {
            ring.push(entry(seq, 1_000));
        }
        assert!(ring.bytes <= KEPT && ring.bytes > KEPT - 2_000);
        assert!(matches!(ring.after(1), Tail::Past));
        assert_eq!(seqs(&ring.after(2_000)).len(), TAKEN);
    }
}
