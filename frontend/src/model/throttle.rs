//! At most one refresh of the list of notebooks per interval, and always a last one.

/// The least time between two refreshes.
const INTERVAL_MS: i64 = 2_000;
/// A short wait, so that several saves in one instant share a refresh.
const GATHER_MS: i64 = 100;

/// Decides when the list of notebooks may be refreshed.
#[derive(Debug, Default)]
pub struct Throttle {
    scheduled: bool,
    last_ms: Option<i64>,
}

impl Throttle {
    /// Asks for a refresh at `now_ms`; returns how long to wait before it, or `None` when one is
    /// already scheduled.
    pub fn want(&mut self, now_ms: i64) -> Option<u32> {
        if self.scheduled {
            return None;
        }
        self.scheduled = true;
        let rest = self.last_ms.map_or(0, |last| INTERVAL_MS - (now_ms - last));
        Some(u32::try_from(rest.clamp(GATHER_MS, INTERVAL_MS)).unwrap_or_default())
    }

    /// Notes that the refresh starts at `now_ms`; a later call of [`Self::want`] schedules another.
    pub fn started(&mut self, now_ms: i64) {
        self.scheduled = false;
        self.last_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_calls_share_one_refresh() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.want(0), Some(100));
        assert_eq!(throttle.want(10), None);
        assert_eq!(throttle.want(99), None);
    }

    #[test]
    fn refreshes_are_two_seconds_apart() {
        let mut throttle = Throttle::default();
        throttle.want(0);
        throttle.started(100);
        assert_eq!(throttle.want(600), Some(1_500));
        throttle.started(2_100);
        assert_eq!(throttle.want(90_000), Some(100));
    }
}
