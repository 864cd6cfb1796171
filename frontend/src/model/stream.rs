//! The state of the event stream: its position, its silence, and the frames that tabs exchange.

use std::fmt;

use shared::wire::{BEAT, StreamHello};

/// The state that the live pill shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// The stream has not been open yet.
    Connecting,
    /// Events arrive.
    Live,
    /// Events arrive, but a part of the page is older than they say: fetching it has failed so far,
    /// and is retried.
    Behind,
    /// The stream was lost and is being opened again.
    Reconnecting,
}

impl LiveState {
    /// For the attribute `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Behind => "behind",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// A frame of the stream, which tabs can pass on to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFrame {
    /// The type of the server-sent event: `hello`, `reset`, `message`; between tabs also `join`
    /// (asks the leader for the cursor), `greeting` (the answer), `lost`, and `silent` (asks the
    /// leader whether the connection is lost).
    pub kind: String,
    /// Its id: the sequence number of a `message`, or the cursor in a `beat`.
    pub id: String,
    /// Its data, JSON.
    pub data: String,
}

impl StreamFrame {
    /// A frame without id and data.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: String::new(),
            data: String::new(),
        }
    }

    /// Parses the text that [`std::fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.splitn(3, '\n').map(str::to_owned);
        Some(Self {
            kind: lines.next()?,
            id: lines.next()?,
            data: lines.next()?,
        })
    }
}

impl fmt::Display for StreamFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither a kind nor an id of server-sent events has a line break.
        write!(f, "{}\n{}\n{}", self.kind, self.id, self.data)
    }
}

/// A connection is lost after a silence of this many half intervals between beats: a slow machine,
/// or a network that has to send a packet again, does not lose it.
const MAX_SILENCE_HALF_BEATS: i64 = 5;

/// How long a connection has been silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilenceTimer {
    last_ms: i64,
    beat_ms: i64,
}

impl SilenceTimer {
    /// A timer that starts at `now_ms`, when the connection is opened.
    pub fn new(now_ms: i64) -> Self {
        Self {
            last_ms: now_ms,
            // Until the first beat tells the interval; an answer may take a while.
            beat_ms: 10_000,
        }
    }

    /// Notes that a frame came at `now_ms`.
    pub fn note(&mut self, frame: &StreamFrame, now_ms: i64) {
        self.last_ms = now_ms;
        if frame.kind == BEAT {
            self.beat_ms = frame.data.parse().unwrap_or(self.beat_ms);
        }
    }

    /// Whether the silence is so long that the connection counts as lost.
    pub fn is_overdue(self, now_ms: i64) -> bool {
        2 * (now_ms - self.last_ms) > MAX_SILENCE_HALF_BEATS * self.beat_ms
    }
}

/// A larger difference between the two clocks since the last check means that the machine has
/// slept; a smaller one may be drift, or a correction of a clock.
const MAX_CLOCK_DRIFT_MS: i64 = 10_000;

/// Detects that the machine has slept: the wall clock went on meanwhile, and the browser's
/// monotonic clock stood still.
#[derive(Clone, Copy, Debug, Default)]
pub struct SleepDetector {
    ahead_ms: Option<i64>,
}

impl SleepDetector {
    /// Whether the machine has slept since the last call.
    pub fn was_asleep(&mut self, wall_ms: i64, monotonic_ms: i64) -> bool {
        let ahead_ms = wall_ms - monotonic_ms;
        let before = self.ahead_ms.replace(ahead_ms);
        before.is_some_and(|before| ahead_ms - before > MAX_CLOCK_DRIFT_MS)
    }
}

/// The sequence number to continue from after the stream was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCursor {
    position: Option<i64>,
}

impl StreamCursor {
    /// The value of the query `after`; `None` means from now on.
    pub fn after(self) -> Option<i64> {
        self.position
    }

    /// Notes that the stream opened. Its `hello` has the number of the newest event, but when this
    /// page asked for the events after an older one, those are still to be sent: taking the newer
    /// number already would lose them if the stream broke in between. Returns whether the stream
    /// continues from a known number.
    pub fn hello(&mut self, hello: &StreamHello) -> bool {
        let resumed = self.position.is_some();
        self.position.get_or_insert(hello.cursor);
        resumed
    }

    /// Takes the number of a `reset`: the events that this page asked for are gone, and it loads
    /// everything again instead.
    pub fn reset(&mut self, hello: &StreamHello) {
        self.position = Some(hello.cursor);
    }

    /// Notes an event with the id `last_event_id`; returns its number, unless it came before: a tab
    /// that takes over the stream begins at its own cursor.
    pub fn event(&mut self, last_event_id: &str) -> Option<i64> {
        let seq = last_event_id.parse().ok()?;
        if self.position.is_some_and(|position| seq <= position) {
            return None;
        }
        self.position = Some(seq);
        Some(seq)
    }

    /// Notes a beat: up to its id there is no further event for this page.
    pub fn beat(&mut self, last_event_id: &str) {
        if self.position.is_some() {
            self.event(last_event_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(cursor: i64) -> StreamHello {
        StreamHello { cursor, now_ms: 0 }
    }

    #[test]
    fn the_cursor_starts_at_the_first_hello() {
        let mut cursor = StreamCursor::default();
        assert_eq!(cursor.after(), None);
        assert!(!cursor.hello(&hello(7)));
        assert_eq!(cursor.after(), Some(7));
    }

    #[test]
    fn a_later_hello_skips_no_event() {
        let mut cursor = StreamCursor::default();
        assert!(!cursor.hello(&hello(7)));
        assert_eq!(cursor.event("8"), Some(8));
        assert!(cursor.hello(&hello(20)));
        assert_eq!(cursor.after(), Some(8));
    }

    #[test]
    fn a_reset_moves_the_cursor_even_back() {
        let mut cursor = StreamCursor::default();
        cursor.event("90");
        cursor.reset(&hello(3));
        assert_eq!(cursor.after(), Some(3));
    }

    #[test]
    fn an_event_is_taken_once() {
        let mut cursor = StreamCursor::default();
        assert_eq!(cursor.event("5"), Some(5));
        assert_eq!(cursor.event("4"), None);
        assert_eq!(cursor.event("5"), None);
        assert_eq!(cursor.event("6"), Some(6));
    }

    #[test]
    fn a_silence_is_overdue_when_two_beats_are_missing() {
        let beat = |data: &str| StreamFrame {
            data: data.to_owned(),
            ..StreamFrame::of_kind(BEAT)
        };
        let mut timer = SilenceTimer::new(1_000);
        assert!(!timer.is_overdue(26_000) && timer.is_overdue(26_001));
        timer.note(&beat("100"), 2_000);
        assert!(!timer.is_overdue(2_250) && timer.is_overdue(2_251));
        timer.note(&StreamFrame::of_kind("message"), 3_000);
        assert!(!timer.is_overdue(3_250) && timer.is_overdue(3_251));
        timer.note(&beat("soon"), 4_000);
        assert!(!timer.is_overdue(4_250) && timer.is_overdue(4_251));
    }

    #[test]
    fn a_monotonic_clock_that_stood_still_means_sleep() {
        let mut sleep = SleepDetector::default();
        assert!(!sleep.was_asleep(1_000_000, 500));
        assert!(!sleep.was_asleep(1_060_000, 60_500), "a minute, awake");
        assert!(sleep.was_asleep(4_660_000, 61_000), "an hour, asleep");
        assert!(!sleep.was_asleep(4_661_000, 62_000));
        assert!(!sleep.was_asleep(4_000_000, 63_000), "a clock that is set");
    }

    #[test]
    fn a_frame_is_parsed_as_it_was_written() {
        let frame = StreamFrame {
            kind: "message".to_owned(),
            id: "7".to_owned(),
            data: "{\"a\":\n1}".to_owned(),
        };
        assert_eq!(StreamFrame::parse(&frame.to_string()), Some(frame));
        assert_eq!(StreamFrame::parse("nonsense"), None);
    }

    #[test]
    fn a_beat_moves_the_cursor_past_events_for_others() {
        let mut cursor = StreamCursor::default();
        cursor.beat("5");
        assert_eq!(cursor.after(), None, "there was no hello");
        cursor.hello(&hello(7));
        for older in ["6", "7", ""] {
            cursor.beat(older);
            assert_eq!(cursor.after(), Some(7));
        }
        cursor.beat("9");
        assert_eq!(cursor.after(), Some(9));
        assert_eq!(cursor.event("10"), Some(10));
    }

    #[test]
    fn an_event_without_a_number_changes_nothing() {
        let mut cursor = StreamCursor::default();
        cursor.event("5");
        assert_eq!(cursor.event(""), None);
        assert_eq!(cursor.after(), Some(5));
    }
}
