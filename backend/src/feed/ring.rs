//! The newest events, without a gap between them, in bounded memory.

use std::{collections::VecDeque, sync::Arc};

use super::EncodedEvent;

/// Bytes of frames that are kept: some 7,000 events, minutes of a class of three hundred. A
/// reader that was away for longer reads the journal.
const MAX_RING_BYTES: usize = 2 << 20;

/// Events that are given to a reader at once, about as many as are sent at once. Each costs the
/// reader a reference count, not a copy.
const MAX_EVENTS_PER_READ: usize = 50;

/// The events after a sequence number.
#[derive(Debug)]
pub(crate) enum EventsAfter {
    /// These, and perhaps more after them.
    Events(Vec<Arc<EncodedEvent>>),
    /// There are none yet.
    UpToDate,
    /// The next one is older than the ring; only the journal may have it.
    NotInMemory,
}

/// The newest events, of at most [`MAX_RING_BYTES`].
pub(super) struct Ring {
    /// All events after this sequence number are here.
    after: i64,
    entries: VecDeque<Arc<EncodedEvent>>,
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

    pub(super) fn push(&mut self, entry: Arc<EncodedEvent>) {
        let seq = entry.committed.seq;
        if seq <= self.newest() {
            return;
        }
        if seq != self.newest() + 1 {
            *self = Self::beginning_after(seq - 1);
        }
        self.bytes += entry.frame.len();
        self.entries.push_back(entry);
        while self.bytes > MAX_RING_BYTES
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.frame.len();
            self.after = oldest.committed.seq;
        }
    }

    pub(super) fn after(&self, seq: i64) -> EventsAfter {
        if seq < self.after {
            return EventsAfter::NotInMemory;
        }
        let Ok(first) = usize::try_from(seq - self.after) else {
            return EventsAfter::UpToDate;
        };
        let events: Vec<_> = self
            .entries
            .iter()
            .skip(first)
            .take(MAX_EVENTS_PER_READ)
            .map(Arc::clone)
            .collect();
        if events.is_empty() {
            EventsAfter::UpToDate
        } else {
            EventsAfter::Events(events)
        }
    }

    /// Whether all events after `seq` are here.
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

    fn entry(seq: i64, path_length: usize) -> Arc<EncodedEvent> {
        let event = Event {
            id: 1,
            kind: "t".to_owned(),
            user: "u".to_owned(),
            filename: "f".to_owned(),
            path: "p".repeat(path_length),
            timestamp: "2022-11-14T16:00:00+00:00".to_owned(),
        };
        Arc::new(EncodedEvent::new(CommittedEvent { seq, event }))
    }

    fn seqs(found: &EventsAfter) -> Vec<i64> {
        let EventsAfter::Events(events) = found else {
            return Vec::new();
        };
        events.iter().map(|entry| entry.committed.seq).collect()
    }

    #[test]
    fn the_ring_gives_the_events_after_a_sequence_number() {
        let mut ring = Ring::beginning_after(10);
        assert!(matches!(ring.after(10), EventsAfter::UpToDate));
        for seq in [9, 11, 12, 12, 13] {
            ring.push(entry(seq, 10));
        }
        assert_eq!(seqs(&ring.after(10)), [11, 12, 13]);
        assert_eq!(seqs(&ring.after(12)), [13]);
        assert!(matches!(ring.after(9), EventsAfter::NotInMemory));
        for seq in [13, 14, i64::MAX] {
            assert!(matches!(ring.after(seq), EventsAfter::UpToDate), "{seq}");
        }
        let covered: Vec<i64> = (0..20).filter(|seq| ring.covers(*seq)).collect();
        assert_eq!(covered, [10, 11, 12, 13]);
    }

    #[test]
    fn the_ring_begins_anew_behind_a_gap() {
        let mut ring = Ring::beginning_after(0);
        ring.push(entry(1, 10));
        ring.push(entry(5, 10));
        assert!(matches!(ring.after(1), EventsAfter::NotInMemory));
        assert_eq!(seqs(&ring.after(4)), [5]);
    }

    #[test]
    fn the_ring_is_bounded_in_bytes_and_gives_a_bounded_number_of_events() {
        let mut ring = Ring::beginning_after(0);
        for seq in 1..=3_000 {
            ring.push(entry(seq, 1_000));
        }
        assert!(ring.bytes <= MAX_RING_BYTES && ring.bytes > MAX_RING_BYTES - 2_000);
        assert!(matches!(ring.after(1), EventsAfter::NotInMemory));
        assert_eq!(seqs(&ring.after(2_000)).len(), MAX_EVENTS_PER_READ);
    }
}
