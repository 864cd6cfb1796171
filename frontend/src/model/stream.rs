//! Where in the stream of events this page is.

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

    /// An event with the id `last_event_id` arrived; says its number.
    pub fn event(&mut self, last_event_id: &str) -> Option<i64> {
        let seq = last_event_id.parse().ok()?;
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
    fn an_event_without_a_number_changes_nothing() {
        let mut cursor = Cursor::default();
        cursor.event("5");
        assert_eq!(cursor.event(""), None);
        assert_eq!(cursor.after(), Some(5));
    }
}
