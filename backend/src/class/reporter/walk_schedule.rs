//! When each home is walked: each on its own, so that a home that takes long, or in which files
//! often come and go, is walked seldom, and the others are not walked any later.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

/// Between two walks of one home without reported changes, at least.
const WALK_INTERVAL: Duration = Duration::from_secs(2);
/// After a walk a home rests for so many times as long as the walk took. So walks take one part
/// in twenty of a core: all together while no changes are reported, and each home's that are
/// asked for by changes in it.
const REST_FACTOR: u32 = 20;
/// A home's walk is delayed so long at most for the time that walks of other homes take: where
/// the kernel reports no changes, saves are seen by walks alone.
const MAX_DELAY_FOR_OTHERS: Duration = Duration::from_secs(10);
/// Between a change and the walk for it: more changes may come in a moment.
const WALK_DELAY: Duration = Duration::from_millis(25);

/// The next walk of each home, by user.
#[derive(Default)]
pub(super) struct WalkSchedule(HashMap<String, HomeWalks>);

/// The next and the last walk of one home.
struct HomeWalks {
    due: Instant,
    is_walked: bool,
    /// When the last walk ended, and how long it took.
    ended: Option<(Instant, Duration)>,
}

impl HomeWalks {
    fn want(&mut self, now: Instant) {
        let earliest = self
            .ended
            .map_or(now, |(ended, took)| ended + took * REST_FACTOR);
        self.due = self.due.min(earliest.max(now + WALK_DELAY));
    }
}

impl WalkSchedule {
    /// Sets who has a home. The home of a new user is walked at once.
    pub(super) fn set_users(&mut self, users: &[String], now: Instant) {
        let those: HashSet<&str> = users.iter().map(String::as_str).collect();
        self.0
            .retain(|user, home| home.is_walked || those.contains(&**user));
        for user in users {
            if !self.0.contains_key(user) {
                let home = HomeWalks {
                    due: now,
                    is_walked: false,
                    ended: None,
                };
                self.0.insert(user.clone(), home);
            }
        }
    }

    /// Asks for a walk of this home, in which a file came or went.
    pub(super) fn want(&mut self, user: &str, now: Instant) {
        if let Some(home) = self.0.get_mut(user) {
            home.want(now);
        }
    }

    /// Asks for a walk of every home, because it is unknown in which a file came or went.
    pub(super) fn want_all(&mut self, now: Instant) {
        self.0.values_mut().for_each(|home| home.want(now));
    }

    /// When the next walk is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|home| !home.is_walked);
        waiting.map(|home| home.due).min()
    }

    /// Takes the users whose homes are due; each counts as being walked until
    /// [`WalkSchedule::ended`].
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<String> {
        let due = self
            .0
            .iter_mut()
            .filter(|(_, home)| !home.is_walked && home.due <= now);
        let due = due.map(|(user, home)| {
            home.is_walked = true;
            // A change from now on asks for another walk.
            home.due = now + Duration::from_secs(3_600);
            user.clone()
        });
        due.collect()
    }

    pub(super) fn ended(&mut self, user: &str, took: Duration, now: Instant) {
        let others: Duration = self
            .0
            .iter()
            .filter(|(other, _)| *other != user)
            .map(|(_, home)| home.ended.map_or(Duration::ZERO, |(_, took)| took))
            .sum();
        let Some(home) = self.0.get_mut(user) else {
            return;
        };
        let was_wanted = home.due < now + WALK_INTERVAL;
        home.is_walked = false;
        home.ended = Some((now, took));
        let others = (others * REST_FACTOR).min(MAX_DELAY_FOR_OTHERS);
        home.due = now + WALK_INTERVAL.max(took * REST_FACTOR).max(others);
        if was_wanted {
            home.want(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn walked(walks: &mut WalkSchedule, took: Duration, now: Instant) -> Vec<String> {
        let mut due = walks.take_due(now);
        due.sort();
        for user in &due {
            walks.ended(user, took, now);
        }
        due
    }

    #[test]
    fn a_home_with_many_changes_is_walked_seldom_and_the_others_as_ever() {
        let (mut walks, start) = (WalkSchedule::default(), Instant::now());
        walks.set_users(&["ana".to_owned(), "bo".to_owned()], start);
        assert_eq!(walked(&mut walks, MS, start), ["ana", "bo"]);
        let mut counts = [0, 0];
        for ms in 1..=10_000 {
            let now = start + MS * ms;
            walks.want("ana", now);
            for user in walks.take_due(now) {
                // Hers takes 40 ms, his one.
                let (which, took) = if user == "ana" { (0, 40) } else { (1, 1) };
                counts[which] += 1;
                walks.ended(&user, MS * took, now);
            }
        }
        // One part in twenty of ten seconds, and every two seconds.
        assert!((10..=13).contains(&counts[0]), "{counts:?}");
        assert!((4..=5).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn a_change_while_a_home_is_walked_asks_for_another_walk() {
        let (mut walks, start) = (WalkSchedule::default(), Instant::now());
        walks.set_users(&["ana".to_owned()], start);
        assert_eq!(walks.take_due(start), ["ana"]);
        walks.want("ana", start + MS);
        assert!(walks.take_due(start + 100 * MS).is_empty(), "it is walked");
        walks.ended("ana", MS, start + 100 * MS);
        assert!(walks.next().unwrap() <= start + 130 * MS);
        // Without changes it is walked every two seconds.
        assert_eq!(walked(&mut walks, MS, start + 130 * MS), ["ana"]);
        assert!(walks.take_due(start + 2_000 * MS).is_empty());
        assert_eq!(walks.take_due(start + 2_130 * MS), ["ana"]);
    }

    #[test]
    fn a_user_without_a_home_is_forgotten() {
        let (mut walks, start) = (WalkSchedule::default(), Instant::now());
        walks.set_users(&["ana".to_owned()], start);
        walks.set_users(&[], start);
        assert_eq!(walks.next(), None);
        walks.want("ana", start);
        assert!(walks.take_due(start + WALK_INTERVAL).is_empty());
    }
}
