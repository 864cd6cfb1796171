//! Which files are looked at when: a few of each person's at once, so that who has thousands
//! to be looked at waits for their own.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use super::Key;

/// So many of one person's files are looked at at once.
const AT_ONCE: usize = 16;

/// See the module's words.
#[derive(Default)]
pub(super) struct Due(HashMap<String, Person>);

#[derive(Default)]
struct Person {
    files: BTreeMap<String, Instant>,
    /// What is being looked at; it is not looked at twice at a time.
    looking: BTreeMap<String, ()>,
    /// Nothing of theirs is looked at before.
    not_before: Option<Instant>,
}

impl Due {
    /// This is to be looked at then, unless it is sooner.
    pub(super) fn look_at(&mut self, key: Key, due: Instant) {
        let person = self.0.entry(key.user).or_default();
        person.files.entry(key.filename).or_insert(due);
    }

    /// Nothing of this person's is looked at before `until`.
    pub(super) fn pause(&mut self, user: &str, until: Instant) {
        if let Some(person) = self.0.get_mut(user) {
            person.not_before = Some(until);
        }
    }

    /// Begins to look at this, whatever else is; false when somebody does.
    pub(super) fn begin(&mut self, key: &Key) -> bool {
        let person = self.0.entry(key.user.clone()).or_default();
        person.looking.insert(key.filename.clone(), ()).is_none()
    }

    /// This was looked at.
    pub(super) fn ended(&mut self, key: &Key) {
        if let Some(person) = self.0.get_mut(&key.user) {
            person.looking.remove(&key.filename);
            if person.looking.is_empty() && person.files.is_empty() {
                self.0.remove(&key.user);
            }
        }
    }

    /// Those whose time has come, taken out.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Key> {
        let mut taken = Vec::new();
        for (user, person) in &mut self.0 {
            if person.next().is_none_or(|next| next > now) {
                continue;
            }
            let room = AT_ONCE - person.looking.len();
            let ready = person
                .files
                .iter()
                .filter(|(filename, due)| **due <= now && !person.looking.contains_key(*filename));
            let ready: Vec<String> = ready.take(room).map(|(name, _)| name.clone()).collect();
            for filename in ready {
                person.files.remove(&filename);
                let user = user.clone();
                taken.push(Key { filename, user });
            }
        }
        taken
    }

    /// When the next may be taken, if nothing else happens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(Person::next).min()
    }

    /// Whether nothing is being looked at.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.0.values().all(|person| person.looking.is_empty())
    }
}

impl Person {
    fn next(&self) -> Option<Instant> {
        if self.looking.len() >= AT_ONCE {
            return None;
        }
        let open = self
            .files
            .iter()
            .filter(|(filename, _)| !self.looking.contains_key(*filename));
        let next = open.map(|(_, due)| *due).min()?;
        Some(
            self.not_before
                .map_or(next, |not_before| next.max(not_before)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(user: &str, n: usize) -> Key {
        Key {
            filename: format!("{n:05}.ipynb"),
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_few_of_each_at_once() {
        let (mut due, now) = (Due::default(), Instant::now());
        for n in 0..20_000 {
            due.look_at(key("mallory", n), now);
        }
        due.look_at(key("ana", 0), now);
        let taken = due.take(now);
        assert_eq!(taken.len(), AT_ONCE + 1);
        assert!(taken.contains(&key("ana", 0)));
        for key in &taken {
            assert!(due.begin(key) && !due.begin(key));
        }
        // Nothing is to be done until one of them is back.
        assert_eq!(due.next(), None);
        assert!(due.take(now).is_empty());
        taken.iter().for_each(|key| due.ended(key));
        assert_eq!(due.next(), Some(now));
        // Who is paced is not looked at at all.
        let until = now + Duration::from_secs(1);
        due.pause("mallory", until);
        assert!(due.take(now).is_empty());
        assert_eq!(due.next(), Some(until));
        assert_eq!(due.take(until).len(), AT_ONCE);
    }

    #[test]
    fn what_is_written_while_it_is_looked_at_is_looked_at_again() {
        let (mut due, now) = (Due::default(), Instant::now());
        due.look_at(key("ana", 0), now);
        let taken = due.take(now);
        assert!(due.begin(&taken[0]));
        due.look_at(key("ana", 0), now);
        assert_eq!(due.next(), None);
        due.ended(&taken[0]);
        assert_eq!(due.take(now), taken);
    }
}
