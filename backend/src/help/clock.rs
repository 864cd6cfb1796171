//! Whether the clock can be believed: a ticket that ended because the clock was a day ahead for a
//! second would not come back.

use std::time::{Duration, Instant};

/// A clock that has gone so much further than time has was set, and is not believed for as long as it
/// takes to set it right: what it says is over is over for good.
const MAX_CLOCK_STEP: Duration = Duration::from_secs(60);
const CLOCK_DOUBT: Duration = Duration::from_secs(10 * 60);

/// A clock that may be set, beside one that may not.
pub(super) struct DoubtedClock {
    seen: Instant,
    seen_ms: i64,
    doubted_until: Option<Instant>,
}

impl DoubtedClock {
    pub(super) fn new(now: Instant, now_ms: i64) -> Self {
        Self {
            seen: now,
            seen_ms: now_ms,
            doubted_until: None,
        }
    }

    /// Whether it can be believed, looked at now.
    pub(super) fn is_sure(&mut self, now: Instant, now_ms: i64) -> bool {
        let passed = now.duration_since(self.seen);
        let said = u64::try_from(now_ms - self.seen_ms).unwrap_or_default();
        if Duration::from_millis(said) > passed + MAX_CLOCK_STEP {
            self.doubted_until = Some(now + CLOCK_DOUBT);
        }
        (self.seen, self.seen_ms) = (now, now_ms);
        self.doubted_until = self.doubted_until.filter(|until| now < *until);
        self.doubted_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_ahead_is_doubted_for_a_while() {
        let begin = Instant::now();
        let mut clock = DoubtedClock::new(begin, 0);
        let mut look = |second: u64, ahead_ms: i64| {
            let now_ms = i64::try_from(second).unwrap() * 1_000 + ahead_ms;
            clock.is_sure(begin + Duration::from_secs(second), now_ms)
        };
        assert!(look(1, 0));
        assert!(look(2, 59_000), "a correction is no jump");
        assert!(!look(3, 24 * 3_600_000));
        assert!(!look(4, 0), "and back");
        assert!(!look(602, 0));
        assert!(look(603, 0));
        // What stays for so long is true, as after a suspended machine has woken up.
        assert!(!look(604, 24 * 3_600_000));
        assert!(look(1_204, 24 * 3_600_000));
    }
}
