//! In which order people are helped: who was helped least, then who waits longest. Nobody waits
//! long because of others: after ten minutes the wait alone counts. A ticket that a helper took
//! and did not come back to is before all.

use shared::help::HELP_LONG_WAIT_MS;

/// A ticket that waits, as far as the order needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) id: i64,
    pub(super) asked_ms: i64,
    pub(super) helped: usize,
    /// Whether a helper's time with it has run out.
    pub(super) is_returned: bool,
}

impl Waiting {
    /// What it is sorted by: no two have the same, so there is one order.
    fn rank(&self, now_ms: i64) -> (u8, usize, i64, i64) {
        let waits_long = now_ms - self.asked_ms > HELP_LONG_WAIT_MS;
        let (group, helped) = match (self.is_returned, waits_long) {
            (true, _) => (0, 0),
            (false, true) => (1, 0),
            (false, false) => (2, self.helped),
        };
        (group, helped, self.asked_ms, self.id)
    }
}

/// Puts those who wait into their order.
pub(super) fn sort(waiting: &mut [Waiting], now_ms: i64) {
    waiting.sort_unstable_by_key(|one| one.rank(now_ms));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn waiting(id: i64, minutes: i64, helped: usize) -> Waiting {
        Waiting {
            id,
            asked_ms: -minutes * MINUTE_MS,
            helped,
            is_returned: false,
        }
    }

    fn ids(mut all: Vec<Waiting>) -> Vec<i64> {
        sort(&mut all, 0);
        all.into_iter().map(|one| one.id).collect()
    }

    #[test]
    fn who_was_helped_least_comes_first_and_who_waits_long_before_them() {
        let returned = Waiting {
            is_returned: true,
            ..waiting(5, 1, 9)
        };
        let all = vec![
            waiting(1, 8, 1),
            waiting(2, 2, 0),
            waiting(3, 3, 0),
            waiting(4, 11, 7),
            returned,
        ];
        assert_eq!(ids(all), [5, 4, 3, 2, 1]);
        let exactly = vec![waiting(1, 10, 1), waiting(2, 0, 0)];
        assert_eq!(ids(exactly), [2, 1], "ten minutes are not more than ten");
    }

    proptest! {
        #[test]
        fn the_order_is_the_same_whatever_the_order_before(
            all in prop::collection::vec((0..30_i64, 0..4_usize, any::<bool>()), 0..20),
            turn in any::<prop::sample::Index>(),
        ) {
            let all: Vec<Waiting> = (1..).zip(all).map(|(id, (minutes, helped, is_returned))| {
                Waiting { is_returned, ..waiting(id, minutes, helped) }
            }).collect();
            let mut turned = all.clone();
            turned.reverse();
            let by = if all.is_empty() { 0 } else { turn.index(all.len()) };
            turned.rotate_left(by);
            let order = ids(all.clone());
            prop_assert_eq!(&ids(turned), &order);
            let of = |id: &i64| all.iter().find(|one| one.id == *id).unwrap();
            for pair in order.windows(2) {
                let (first, second) = (of(&pair[0]), of(&pair[1]));
                prop_assert!(first.is_returned || !second.is_returned);
                if first.is_returned == second.is_returned {
                    let long = |one: &Waiting| -one.asked_ms > HELP_LONG_WAIT_MS;
                    prop_assert!(long(first) || !long(second) || first.is_returned);
                    let alike = first.is_returned || long(first) == long(second);
                    if alike && (long(first) || first.is_returned || first.helped == second.helped) {
                        prop_assert!(first.asked_ms <= second.asked_ms);
                    }
                }
            }
        }
    }
    /// An afternoon in which some ask again and again and the others now and then: how long those wait,
    /// and everyone, in minutes, by the order that `sort` makes.
    fn afternoon(seed: u64, sort: fn(&mut [Waiting], i64)) -> (Vec<i64>, Vec<i64>) {
        const PEOPLE: usize = 60;
        const OFTEN: usize = 6;
        const HELPERS: usize = 6;
        const SECONDS: i64 = 3 * 3_600;
        let mut state = seed;
        let mut between = |least: i64, most: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            least + (state >> 33) as i64 % (most - least + 1)
        };
        let mut asks_at: Vec<i64> = (0..PEOPLE).map(|_| between(0, 1_800)).collect();
        let mut helped = [0; PEOPLE];
        // Who is helped, and until when.
        let mut busy: Vec<(i64, usize)> = Vec::new();
        let mut queue: Vec<Waiting> = Vec::new();
        let (mut of_others, mut of_all) = (Vec::new(), Vec::new());
        for now in 0..SECONDS {
            for (at, person) in busy.extract_if(.., |(until, _)| *until <= now) {
                helped[person] += 1;
                let pause = match person < OFTEN {
                    true => between(60, 180),
                    false => between(900, 2_700),
                };
                asks_at[person] = at + pause;
            }
            for person in 0..PEOPLE {
                if asks_at[person] == now {
                    queue.push(Waiting {
                        id: person as i64,
                        asked_ms: now * 1_000,
                        helped: helped[person],
                        is_returned: false,
                    });
                }
            }
            sort(&mut queue, now * 1_000);
            let free = (HELPERS - busy.len()).min(queue.len());
            for next in queue.drain(..free) {
                let person = next.id as usize;
                busy.push((now + between(60, 240), person));
                let waited = (now * 1_000 - next.asked_ms) / MINUTE_MS;
                of_all.push(waited);
                if person >= OFTEN {
                    of_others.push(waited);
                }
            }
        }
        of_others.sort_unstable();
        of_all.sort_unstable();
        (of_others, of_all)
    }

    #[test]
    fn who_asks_seldom_waits_less_than_in_the_order_of_coming_and_nobody_much_longer() {
        let first_come = |queue: &mut [Waiting], _: i64| queue.sort_by_key(|one| one.asked_ms);
        for seed in 1..=5 {
            let (others, all) = afternoon(seed, sort);
            let (others_by_time, all_by_time) = afternoon(seed, first_come);
            let nine_of_ten = |waits: &[i64]| waits[waits.len() * 9 / 10];
            let longest = |waits: &[i64]| waits[waits.len() - 1];
            assert!(nine_of_ten(&others) < nine_of_ten(&others_by_time));
            assert!(longest(&all) <= longest(&all_by_time) + HELP_LONG_WAIT_MS / MINUTE_MS);
        }
    }
}
