//! Where in the stream of events this page is.

use std::fmt;

use shared::wire::StreamHello;

/// What the pill in the top bar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// The stream was never open yet.
    Connecting,
    /// Events arrive.
    Live,
    /// The stream was lost and is being opened again.
    Reconnecting,
}

impl LiveState {
    /// For the attribute `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// What the stream says, in a form that tabs can pass on to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The server-sent event: `hello`, `reset`, `message`; between tabs also `join` (who
    /// holds the stream? where is it?) and `lost`.
    pub kind: String,
    /// Its id, the sequence number of a `message`.
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
    fn an_event_without_a_number_changes_nothing() {
        let mut cursor = Cursor::default();
        cursor.event("5");
        assert_eq!(cursor.event(""), None);
        assert_eq!(cursor.after(), Some(5));
    }
}
