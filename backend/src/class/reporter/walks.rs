//! When whose home is walked: each on its own, so that one that takes long, or in which much
//! comes and goes, is walked seldom, and the others are not walked any later.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

/// Between two walks of one home of which nothing is heard, at least.
const EVERY: Duration = Duration::from_secs(2);
/// Walks may take this share of one core: all together while nothing is heard, and each that
/// is asked for by what happens in that home: one part in twenty.
const SHARE: u32 = 20;
/// So long at most a home is not walked because of what the walks of others take: where no
/// changes are reported, walks are how saves are seen.
const MOST_FOR_OTHERS: Duration = Duration::from_secs(10);
/// From what is heard to the walk: more may be heard in a moment.
const SOON: Duration = Duration::from_millis(25);

/// See the module's words.
#[derive(Default)]
pub(super) struct Walks(HashMap<String, Home>);

struct Home {
    due: Instant,
    is_walked: bool,
    /// When the last walk ended, and how long it took.
    ended: Option<(Instant, Duration)>,
}

impl Home {
    fn want(&mut self, now: Instant) {
        let earliest = self.ended.map_or(now, |(ended, took)| ended + took * SHARE);
        self.due = self.due.min(earliest.max(now + SOON));
    }
}

impl Walks {
    /// Only these have homes. Whose is new is walked at once.
    pub(super) fn are_of(&mut self, users: &[String], now: Instant) {
        let those: HashSet<&str> = users.iter().map(String::as_str).collect();
        self.0
            .retain(|user, home| home.is_walked || those.contains(&**user));
        for user in users {
            if !self.0.contains_key(user) {
                let home = Home {
                    due: now,
                    is_walked: false,
                    ended: None,
                };
                self.0.insert(user.clone(), home);
            }
        }
    }

    /// Something came or went in this home.
    pub(super) fn are_wanted(&mut self, user: &str, now: Instant) {
        if let Some(home) = self.0.get_mut(user) {
            home.want(now);
        }
    }

    /// Something did, nobody knows where.
    pub(super) fn all_are_wanted(&mut self, now: Instant) {
        self.0.values_mut().for_each(|home| home.want(now));
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|home| !home.is_walked);
        waiting.map(|home| home.due).min()
    }

    /// Those that are due; each is walked until [`Walks::ended`], and not again before.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<String> {
        let due = self
            .0
            .iter_mut()
            .filter(|(_, home)| !home.is_walked && home.due <= now);
        let due = due.map(|(user, home)| {
            home.is_walked = true;
            // What is heard from now on asks for another walk.
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
        let was_wanted = home.due < now + EVERY;
        home.is_walked = false;
        home.ended = Some((now, took));
        let others = (others * SHARE).min(MOST_FOR_OTHERS);
        home.due = now + EVERY.max(took * SHARE).max(others);
        if was_wanted {
            home.want(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn walked(walks: &mut Walks, took: Duration, now: Instant) -> Vec<String> {
        let mut due = walks.take_due(now);
        due.sort();
        for user in &due {
            walks.ended(user, took, now);
        }
        due
    }

    #[test]
    fn a_home_in_which_much_happens_is_walked_seldom_and_the_others_as_ever() {
        let (mut walks, start) = (Walks::default(), Instant::now());
        walks.are_of(&["ana".to_owned(), "bo".to_owned()], start);
        assert_eq!(walked(&mut walks, MS, start), ["ana", "bo"]);
        let mut counts = [0, 0];
        for ms in 1..=10_000 {
            let now = start + MS * ms;
            walks.are_wanted("ana", now);
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
    fn what_is_heard_while_a_home_is_walked_asks_for_another_walk() {
        let (mut walks, start) = (Walks::default(), Instant::now());
        walks.are_of(&["ana".to_owned()], start);
        assert_eq!(walks.take_due(start), ["ana"]);
        walks.are_wanted("ana", start + MS);
        assert!(walks.take_due(start + 100 * MS).is_empty(), "it is walked");
        walks.ended("ana", MS, start + 100 * MS);
        assert!(walks.next().unwrap() <= start + 130 * MS);
        // Without anything heard it is walked every two seconds.
        assert_eq!(walked(&mut walks, MS, start + 130 * MS), ["ana"]);
        assert!(walks.take_due(start + 2_000 * MS).is_empty());
        assert_eq!(walks.take_due(start + 2_130 * MS), ["ana"]);
    }

    #[test]
    fn who_has_no_home_any_more_is_forgotten() {
        let (mut walks, start) = (Walks::default(), Instant::now());
        walks.are_of(&["ana".to_owned()], start);
        walks.are_of(&[], start);
        assert_eq!(walks.next(), None);
        walks.are_wanted("ana", start);
        assert!(walks.take_due(start + EVERY).is_empty());
    }
}
