//! Token buckets: so many requests a second, and more in a burst, for each person.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// With fewer buckets than this of one rate, full ones are not removed.
const MIN_BUCKETS_BEFORE_CLEANUP: usize = 256;

/// How often a kind of request may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub a_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

impl Rate {
    /// The time in which one token comes back.
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.a_second.max(1)
    }
}

/// One bucket for each name and each rate: a person who is held to a slow rate by one token of
/// the Hub's and to a fast one by another has one for each. A bucket is stored as the instant
/// when it is, or was, full again. So one that has been full for a while is the same as none,
/// and is removed.
#[derive(Default)]
pub(crate) struct TokenBuckets(Mutex<HashMap<BucketRate, BucketsOfOneRate>>);

/// How many tokens a bucket holds, and the time in which one comes back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct BucketRate {
    interval: Duration,
    burst: u32,
}

/// The buckets of one rate, by name.
#[derive(Default)]
struct BucketsOfOneRate {
    full_at: HashMap<String, Instant>,
    /// How many buckets were left when the full ones were removed last.
    left_after_cleanup: usize,
}

impl TokenBuckets {
    /// Takes so many tokens from the bucket of `name`, or says how long until there are.
    pub(crate) fn take(
        &self,
        name: &str,
        count: u32,
        rate: Rate,
        now: Instant,
    ) -> Result<(), Duration> {
        self.take_many(name, count, rate.interval(), rate.burst, now)
    }

    /// How long until there is a token in the bucket of `name`.
    pub(crate) fn wait(&self, name: &str, rate: Rate, now: Instant) -> Duration {
        let buckets = self.0.lock();
        let same_rate = buckets.get(&BucketRate {
            interval: rate.interval(),
            burst: rate.burst,
        });
        let full_at = same_rate
            .and_then(|same_rate| same_rate.full_at.get(name))
            .copied();
        let full_at = full_at.unwrap_or(now).max(now);
        let next = full_at + rate.interval();
        next.duration_since(now)
            .saturating_sub(rate.interval() * rate.burst.max(1))
    }

    /// Takes one token of a rate that is less than one a second, given by its interval.
    pub(super) fn take_one(
        &self,
        name: &str,
        interval: Duration,
        burst: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        self.take_many(name, 1, interval, burst, now)
    }

    /// Takes several tokens at once; more than a bucket holds count as a full bucket.
    pub(super) fn take_many(
        &self,
        name: &str,
        count: u32,
        interval: Duration,
        burst: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.0.lock();
        let same_rate = buckets.entry(BucketRate { interval, burst }).or_default();
        let full_at = same_rate.full_at.get(name).copied().unwrap_or(now).max(now);
        // The bucket is empty when it takes the whole burst to fill it.
        let next = full_at + interval * count.min(burst.max(1));
        let missing = next.duration_since(now);
        let whole = interval * burst.max(1);
        if missing > whole {
            return Err(missing - whole);
        }
        match same_rate.full_at.get_mut(name) {
            Some(full_at) => *full_at = next,
            None => same_rate.insert(name, next, now),
        }
        Ok(())
    }
}

impl BucketsOfOneRate {
    fn insert(&mut self, name: &str, full_at: Instant, now: Instant) {
        if self.full_at.len() >= MIN_BUCKETS_BEFORE_CLEANUP.max(2 * self.left_after_cleanup) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.left_after_cleanup = self.full_at.len();
        }
        self.full_at.insert(name.to_owned(), full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        a_second: 10,
        burst: 50,
    };

    #[test]
    fn a_bucket_gives_a_burst_and_then_the_rate() {
        let buckets = TokenBuckets::default();
        let start = Instant::now();
        for _ in 0..50 {
            buckets.take("ana", 1, RATE, start).unwrap();
        }
        let wait = buckets.take("ana", 1, RATE, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(buckets.wait("ana", RATE, start), wait);
        assert_eq!(buckets.wait("bob", RATE, start), Duration::ZERO);
        // A refused request does not make the wait longer.
        buckets.take("ana", 1, RATE, start + wait).unwrap();
        buckets.take("ana", 1, RATE, start + wait).unwrap_err();
        // Other people do not wait for that.
        buckets.take("bob", 1, RATE, start).unwrap();
        let taken = (1..=600)
            .filter(|i| {
                let now = start + Duration::from_millis(100 * 50 + i * 10);
                buckets.take("ana", 1, RATE, now).is_ok()
            })
            .count();
        // Six seconds at ten a second, and the 49 that had come back before.
        assert!((108..=110).contains(&taken), "{taken}");
    }

    #[test]
    fn three_hundred_people_may_save_fifty_notebooks_every_five_seconds() {
        let rate = crate::limits::EventLimits::default().participant;
        let buckets = TokenBuckets::default();
        let start = Instant::now();
        for time in 0..12 {
            let now = start + Duration::from_secs(5 * time);
            for user in 0..300 {
                for notebook in 0..50 {
                    let taken = buckets.take(&format!("user{user}"), 1, rate, now);
                    assert_eq!(taken, Ok(()), "notebook {notebook} of user{user}");
                }
            }
        }
        // And not much more.
        let soon = start + Duration::from_secs(60);
        let more = (0..51).map(|_| buckets.take("user0", 1, rate, soon));
        assert!(more.last().is_some_and(|last| last.is_err()));
    }

    #[test]
    fn several_requests_at_once_take_several_tokens() {
        let buckets = TokenBuckets::default();
        let start = Instant::now();
        buckets.take("ana", 40, RATE, start).unwrap();
        let wait = buckets.take("ana", 20, RATE, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        buckets.take("ana", 20, RATE, start + wait).unwrap();
        // More than a bucket holds count as a full one.
        buckets.take("bo", 9_999, RATE, start).unwrap();
        assert!(buckets.take("bo", 1, RATE, start).is_err());
    }

    #[test]
    fn a_name_has_a_bucket_for_each_rate() {
        const FAST_RATE: Rate = Rate {
            a_second: 1_000,
            burst: 1_000,
        };
        let buckets = TokenBuckets::default();
        let start = Instant::now();
        // Five seconds of the slow rate, whose burst is one second of the fast one.
        buckets.take("ana", 50, RATE, start).unwrap();
        assert_eq!(buckets.wait("ana", FAST_RATE, start), Duration::ZERO);
        buckets.take("ana", 1_000, FAST_RATE, start).unwrap();
        buckets.take("ana", 1, FAST_RATE, start).unwrap_err();
        // And the fast one takes no token of the slow one.
        let later = start + Duration::from_millis(100);
        buckets.take("ana", 1, RATE, later).unwrap();
        buckets.take("ana", 1, RATE, later).unwrap_err();
        assert_eq!(buckets.wait("ana", FAST_RATE, later), Duration::ZERO);
    }

    #[test]
    fn buckets_that_are_full_again_are_removed() {
        let buckets = TokenBuckets::default();
        let start = Instant::now();
        for i in 0..100_000_u32 {
            let now = start + Duration::from_millis(10) * i;
            buckets.take(&format!("user{i}"), 1, RATE, now).unwrap();
        }
        let kept: usize = (buckets.0.lock().values())
            .map(|same_rate| same_rate.full_at.len())
            .sum();
        assert!(kept <= 2 * MIN_BUCKETS_BEFORE_CLEANUP, "{kept}");
    }
}
