//! Where in the stream of events this page is.

use std::fmt;

use shared::wire::{BEAT, StreamHello};

/// What the pill in the top bar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// The stream was never open yet.
    Connecting,
    /// Events arrive.
    Live,
    /// Events arrive, but something that is shown is older than they say: it could not be had
    /// yet, and is asked for again.
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

/// What the stream says, in a form that tabs can pass on to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The server-sent event: `hello`, `reset`, `message`; between tabs also `join` (who
    /// holds the stream? where is it?), `greeting` (here), `lost`, and `silent` (is it lost?).
    pub kind: String,
    /// Its id, the sequence number of a `message`, or how far a `beat` says that it is.
    pub id: String,
    /// Its data, JSON.
    pub data: String,
}

impl News {
    /// What needs no more words.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: String::new(),
            data: String::new(),
        }
    }

    /// Reads what [`std::fmt::Display`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.splitn(3, '\n').map(str::to_owned);
        Some(Self {
            kind: lines.next()?,
            id: lines.next()?,
            data: lines.next()?,
        })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither a kind nor an id of server-sent events has a line break.
        write!(f, "{}\n{}\n{}", self.kind, self.id, self.data)
    }
}

/// So many times the time between two beats may be silent, in halves: a slow machine or a
/// network that had to send one again is not the end of a connection.
const PATIENCE_HALVES: i64 = 5;

/// When something was last heard of a connection, and when at the latest there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    heard_ms: i64,
    every_ms: i64,
}

impl Pulse {
    /// A connection was opened, or is being opened, at that time.
    pub fn new(now_ms: i64) -> Self {
        Self {
            heard_ms: now_ms,
            // Until the service says how often; an answer may take a while.
            every_ms: 10_000,
        }
    }

    /// Something was heard.
    pub fn heard(&mut self, news: &News, now_ms: i64) {
        self.heard_ms = now_ms;
        if news.kind == BEAT {
            self.every_ms = news.data.parse().unwrap_or(self.every_ms);
        }
    }

    /// Whether so long nothing was heard that nothing will be.
    pub fn is_overdue(self, now_ms: i64) -> bool {
        2 * (now_ms - self.heard_ms) > PATIENCE_HALVES * self.every_ms
    }
}

/// So much the two clocks may drift apart between two looks, or somebody may set one of them.
const DRIFT_MS: i64 = 10_000;

/// Notices that the machine has slept: meanwhile the clock on the wall went on, and the one that
/// a browser measures times with stood still.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sleep {
    ahead_ms: Option<i64>,
}

impl Sleep {
    /// Whether it has, since this was asked last.
    pub fn was_asleep(&mut self, wall_ms: i64, monotonic_ms: i64) -> bool {
        let ahead_ms = wall_ms - monotonic_ms;
        let before = self.ahead_ms.replace(ahead_ms);
        before.is_some_and(|before| ahead_ms - before > DRIFT_MS)
    }
}

/// The place to go on from after the stream was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    seen: Option<i64>,
}

impl Cursor {
    /// What to send as `after`; `None` is "from now on".
    pub fn after(self) -> Option<i64> {
        self.seen
    }

    /// The stream opened. Its `hello` tells the newest event, but when this page asked
    /// for what came after an older one, those are still to be sent: taking the newer
    /// number already would lose them if the stream broke in between. Says whether
    /// the stream goes on from a known place.
    pub fn hello(&mut self, hello: &StreamHello) -> bool {
        let resumed = self.seen.is_some();
        self.seen.get_or_insert(hello.cursor);
        resumed
    }

    /// The past this page asked for is gone; it loads everything again instead.
    pub fn reset(&mut self, hello: &StreamHello) {
        self.seen = Some(hello.cursor);
    }

    /// An event with the id `last_event_id` arrived; says its number, unless it was seen
    /// before: a tab that takes the stream over begins where it was itself.
    pub fn event(&mut self, last_event_id: &str) -> Option<i64> {
        let seq = last_event_id.parse().ok()?;
        if self.seen.is_some_and(|seen| seq <= seen) {
            return None;
        }
        self.seen = Some(seq);
        Some(seq)
    }

    /// A beat says that up to its id nothing more was for this page.
    pub fn beat(&mut self, last_event_id: &str) {
        if self.seen.is_some() {
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
    fn the_first_hello_is_the_place_to_start_from() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.after(), None);
        assert!(!cursor.hello(&hello(7)));
        assert_eq!(cursor.after(), Some(7));
    }

    #[test]
    fn a_later_hello_does_not_skip_what_is_still_to_be_sent() {
        let mut cursor = Cursor::default();
        assert!(!cursor.hello(&hello(7)));
        assert_eq!(cursor.event("8"), Some(8));
        assert!(cursor.hello(&hello(20)));
        assert_eq!(cursor.after(), Some(8));
    }

    #[test]
    fn a_reset_moves_the_place_even_back() {
        let mut cursor = Cursor::default();
        cursor.event("90");
        cursor.reset(&hello(3));
        assert_eq!(cursor.after(), Some(3));
    }

    #[test]
    fn what_was_seen_is_not_seen_again() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.event("5"), Some(5));
        assert_eq!(cursor.event("4"), None);
        assert_eq!(cursor.event("5"), None);
        assert_eq!(cursor.event("6"), Some(6));
    }

    #[test]
    fn a_silence_is_overdue_when_two_beats_are_missing() {
        let beat = |data: &str| News {
            data: data.to_owned(),
            ..News::of(BEAT)
        };
        let mut pulse = Pulse::new(1_000);
        assert!(!pulse.is_overdue(26_000) && pulse.is_overdue(26_001));
        pulse.heard(&beat("100"), 2_000);
        assert!(!pulse.is_overdue(2_250) && pulse.is_overdue(2_251));
        pulse.heard(&News::of("message"), 3_000);
        assert!(!pulse.is_overdue(3_250) && pulse.is_overdue(3_251));
        pulse.heard(&beat("soon"), 4_000);
        assert!(!pulse.is_overdue(4_250) && pulse.is_overdue(4_251));
    }

    #[test]
    fn a_clock_that_stood_still_tells_of_sleep() {
        let mut sleep = Sleep::default();
        assert!(!sleep.was_asleep(1_000_000, 500));
        assert!(!sleep.was_asleep(1_060_000, 60_500), "a minute, awake");
        assert!(sleep.was_asleep(4_660_000, 61_000), "an hour, asleep");
        assert!(!sleep.was_asleep(4_661_000, 62_000));
        assert!(!sleep.was_asleep(4_000_000, 63_000), "a clock that is set");
    }

    #[test]
    fn news_come_through_a_channel_as_they_were() {
        let news = News {
            kind: "message".to_owned(),
            id: "7".to_owned(),
            data: "{\"a\":\n1}".to_owned(),
        };
        assert_eq!(News::read(&news.to_string()), Some(news));
        assert_eq!(News::read("nonsense"), None);
    }

    #[test]
    fn a_beat_moves_the_place_on_past_what_is_for_others() {
        let mut cursor = Cursor::default();
        cursor.beat("5");
        assert_eq!(cursor.after(), None, "nobody has said where it begins");
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
        let mut cursor = Cursor::default();
        cursor.event("5");
        assert_eq!(cursor.event(""), None);
        assert_eq!(cursor.after(), Some(5));
    }
}
