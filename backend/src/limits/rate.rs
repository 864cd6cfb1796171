//! So many a second, and more in a burst: a bucket of tokens for each person.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Below this many buckets none is looked for that could go.
const FEW: usize = 256;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub a_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

impl Rate {
    /// What one of them takes to come back.
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.a_second.max(1)
    }
}

/// One bucket for each name and each size of buckets: whoever is held to a slow rate by one
/// token and to a quick one by another has one for each. An instant says all about a bucket:
/// when it is, or was, full again. So one that has been full for a while is the same as none,
/// and goes away.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<HashMap<Size, Alike>>);

/// What a bucket holds, and what one of it takes to come back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Size {
    interval: Duration,
    burst: u32,
}

/// Those of one size.
#[derive(Default)]
struct Alike {
    full_at: HashMap<String, Instant>,
    /// So many buckets were left when it was last looked for those that could go.
    left: usize,
}

impl Buckets {
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
        let alike = buckets.get(&Size {
            interval: rate.interval(),
            burst: rate.burst,
        });
        let full_at = alike.and_then(|alike| alike.full_at.get(name)).copied();
        let full_at = full_at.unwrap_or(now).max(now);
        let next = full_at + rate.interval();
        next.duration_since(now)
            .saturating_sub(rate.interval() * rate.burst.max(1))
    }

    /// The same of one, of what is so seldom that it is told by how long one takes to come back.
    pub(super) fn take_one(
        &self,
        name: &str,
        interval: Duration,
        burst: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        self.take_many(name, 1, interval, burst, now)
    }

    /// The same of several at once; more than a bucket holds are a bucketful.
    pub(super) fn take_many(
        &self,
        name: &str,
        count: u32,
        interval: Duration,
        burst: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.0.lock();
        let alike = buckets.entry(Size { interval, burst }).or_default();
        let full_at = alike.full_at.get(name).copied().unwrap_or(now).max(now);
        // The bucket is empty when it takes the whole burst to fill it.
        let next = full_at + interval * count.min(burst.max(1));
        let missing = next.duration_since(now);
        let whole = interval * burst.max(1);
        if missing > whole {
            return Err(missing - whole);
        }
        match alike.full_at.get_mut(name) {
            Some(full_at) => *full_at = next,
            None => alike.insert(name, next, now),
        }
        Ok(())
    }
}

impl Alike {
    fn insert(&mut self, name: &str, full_at: Instant, now: Instant) {
        if self.full_at.len() >= FEW.max(2 * self.left) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.left = self.full_at.len();
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
    fn a_burst_and_then_the_rate() {
        let buckets = Buckets::default();
        let start = Instant::now();
        for _ in 0..50 {
            buckets.take("ana", 1, RATE, start).unwrap();
        }
        let wait = buckets.take("ana", 1, RATE, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(buckets.wait("ana", RATE, start), wait);
        assert_eq!(buckets.wait("bob", RATE, start), Duration::ZERO);
        // One who is refused does not wait the longer for having asked.
        buckets.take("ana", 1, RATE, start + wait).unwrap();
        buckets.take("ana", 1, RATE, start + wait).unwrap_err();
        // Nobody else waits for that.
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
    fn three_hundred_who_save_fifty_open_notebooks_every_five_seconds_are_not_held_up() {
        let rate = crate::limits::EventLimits::default().participant;
        let buckets = Buckets::default();
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
    fn several_at_once_take_as_many() {
        let buckets = Buckets::default();
        let start = Instant::now();
        buckets.take("ana", 40, RATE, start).unwrap();
        let wait = buckets.take("ana", 20, RATE, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        buckets.take("ana", 20, RATE, start + wait).unwrap();
        // More than a bucket holds is what there is in a full one.
        buckets.take("bo", 9_999, RATE, start).unwrap();
        assert!(buckets.take("bo", 1, RATE, start).is_err());
    }

    #[test]
    fn a_name_has_a_bucket_for_each_rate() {
        const QUICK: Rate = Rate {
            a_second: 1_000,
            burst: 1_000,
        };
        let buckets = Buckets::default();
        let start = Instant::now();
        // Five seconds of the slow one, whose burst is one second of the quick one.
        buckets.take("ana", 50, RATE, start).unwrap();
        assert_eq!(buckets.wait("ana", QUICK, start), Duration::ZERO);
        buckets.take("ana", 1_000, QUICK, start).unwrap();
        buckets.take("ana", 1, QUICK, start).unwrap_err();
        // And the quick one is nothing off the slow one.
        let later = start + Duration::from_millis(100);
        buckets.take("ana", 1, RATE, later).unwrap();
        buckets.take("ana", 1, RATE, later).unwrap_err();
        assert_eq!(buckets.wait("ana", QUICK, later), Duration::ZERO);
    }

    #[test]
    fn buckets_that_are_full_again_go_away() {
        let buckets = Buckets::default();
        let start = Instant::now();
        for i in 0..100_000_u32 {
            let now = start + Duration::from_millis(10) * i;
            buckets.take(&format!("user{i}"), 1, RATE, now).unwrap();
        }
        let kept: usize = (buckets.0.lock().values())
            .map(|alike| alike.full_at.len())
            .sum();
        assert!(kept <= 2 * FEW, "{kept}");
    }
}
