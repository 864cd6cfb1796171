//! How long ago something was saved, by the service's clock.
//!
//! The browser's wall clock is not used, because it may be minutes off. Every answer carries the
//! service's time, and the browser adds the time that its monotonic clock has counted since.

/// A gap in the readings larger than this means that the service's clock was set
/// back, not that an answer was long on its way.
const SET_BACK_MS: i64 = 10_000;

/// An estimate of the service's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceClock {
    /// The service's time minus the page's monotonic time, both in milliseconds.
    offset_ms: Option<i64>,
}

impl ServiceClock {
    /// Learns from an answer that said `now_ms` and was read at `elapsed_ms` of the
    /// page's monotonic clock.
    ///
    /// An answer is always a little old when it is read, so of two readings the one
    /// that puts the service's clock further ahead is the better one.
    pub fn observe(&mut self, now_ms: i64, elapsed_ms: i64) {
        let reading = now_ms - elapsed_ms;
        let keep = self
            .offset_ms
            .is_some_and(|known| reading <= known && known - reading < SET_BACK_MS);
        if !keep {
            self.offset_ms = Some(reading);
        }
    }

    /// The service's time when the page's monotonic clock shows `elapsed_ms`, 0 as
    /// long as there was no answer.
    pub fn now_ms(&self, elapsed_ms: i64) -> i64 {
        self.offset_ms.map_or(0, |offset| offset + elapsed_ms)
    }
}

/// How long before `now_ms` something at `at_ms` was, in whole seconds; never negative.
pub fn seconds_since(at_ms: i64, now_ms: i64) -> i64 {
    (now_ms.saturating_sub(at_ms) / 1000).max(0)
}

/// An age in words: `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 days ago`.
pub fn describe(seconds: i64) -> String {
    match seconds {
        ..=1 => "just now".to_owned(),
        2..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_never_negative() {
        assert_eq!(seconds_since(5_000, 1_000), 0);
        assert_eq!(seconds_since(i64::MIN, i64::MAX), i64::MAX / 1000);
        assert_eq!(seconds_since(1_000, 14_999), 13);
    }

    #[test]
    fn an_age_is_described_in_its_usual_unit() {
        let described = [0, 1, 2, 59, 60, 3_599, 3_600, 172_800].map(describe);
        assert_eq!(
            described,
            [
                "just now",
                "just now",
                "2 s ago",
                "59 s ago",
                "1 min ago",
                "59 min ago",
                "1 h ago",
                "2 days ago"
            ]
        );
    }

    #[test]
    fn a_slow_answer_does_not_turn_the_clock_back() {
        let mut clock = ServiceClock::default();
        clock.observe(1_000_000, 100);
        clock.observe(1_000_050, 900);
        assert_eq!(clock.now_ms(1_100), 1_001_000);
    }

    #[test]
    fn a_faster_answer_corrects_the_clock() {
        let mut clock = ServiceClock::default();
        clock.observe(1_000_000, 900);
        clock.observe(1_000_500, 1_000);
        assert_eq!(clock.now_ms(1_000), 1_000_500);
    }

    #[test]
    fn a_clock_set_back_is_followed() {
        let mut clock = ServiceClock::default();
        clock.observe(1_000_000, 0);
        clock.observe(400_000, 1_000);
        assert_eq!(clock.now_ms(1_000), 400_000);
    }
}
