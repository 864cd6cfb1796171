//! When each file is looked at: a few of each person's at once, so that a person with thousands
//! of due files delays their own only.
//!
//! Time is an argument, so that a test needs none.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use super::CopyId;

/// So many of one person's files are looked at at once.
const MAX_LOOKS_PER_PERSON: usize = 16;

/// The files to look at, by user.
#[derive(Default)]
pub(super) struct LookSchedule(HashMap<String, PersonLooks>);

/// The files of one person that are due, or are being looked at.
#[derive(Default)]
struct PersonLooks {
    files: BTreeMap<String, Instant>,
    /// The files that are being looked at; none is looked at twice at a time.
    looking: BTreeMap<String, ()>,
    /// No file of theirs is looked at before.
    not_before: Option<Instant>,
}

impl LookSchedule {
    /// Schedules a look at this file, unless it has an earlier one.
    pub(super) fn look_at(&mut self, key: CopyId, due: Instant) {
        let person = self.0.entry(key.user).or_default();
        person.files.entry(key.filename).or_insert(due);
    }

    /// Looks at no file of this person's before `until`.
    pub(super) fn pause(&mut self, user: &str, until: Instant) {
        if let Some(person) = self.0.get_mut(user) {
            person.not_before = Some(until);
        }
    }

    /// Begins a look at this file, also beyond the limit; false when one is under way.
    pub(super) fn begin(&mut self, key: &CopyId) -> bool {
        let person = self.0.entry(key.user.clone()).or_default();
        person.looking.insert(key.filename.clone(), ()).is_none()
    }

    /// Ends the look at this file.
    pub(super) fn ended(&mut self, key: &CopyId) {
        if let Some(person) = self.0.get_mut(&key.user) {
            person.looking.remove(&key.filename);
            if person.looking.is_empty() && person.files.is_empty() {
                self.0.remove(&key.user);
            }
        }
    }

    /// Takes out the files that are due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<CopyId> {
        let mut taken = Vec::new();
        for (user, person) in &mut self.0 {
            if person.next().is_none_or(|next| next > now) {
                continue;
            }
            let room = MAX_LOOKS_PER_PERSON - person.looking.len();
            let ready = person
                .files
                .iter()
                .filter(|(filename, due)| **due <= now && !person.looking.contains_key(*filename));
            let ready: Vec<String> = ready.take(room).map(|(name, _)| name.clone()).collect();
            for filename in ready {
                person.files.remove(&filename);
                let user = user.clone();
                taken.push(CopyId { filename, user });
            }
        }
        taken
    }

    /// When the next file may be taken, if nothing else happens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(PersonLooks::next).min()
    }

    /// Whether no file is being looked at.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.0.values().all(|person| person.looking.is_empty())
    }
}

impl PersonLooks {
    fn next(&self) -> Option<Instant> {
        if self.looking.len() >= MAX_LOOKS_PER_PERSON {
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

    fn key(user: &str, n: usize) -> CopyId {
        CopyId {
            filename: format!("{n:05}.ipynb"),
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_few_files_of_each_person_are_looked_at_at_once() {
        let (mut due, now) = (LookSchedule::default(), Instant::now());
        for n in 0..20_000 {
            due.look_at(key("mallory", n), now);
        }
        due.look_at(key("ana", 0), now);
        let taken = due.take(now);
        assert_eq!(taken.len(), MAX_LOOKS_PER_PERSON + 1);
        assert!(taken.contains(&key("ana", 0)));
        for key in &taken {
            assert!(due.begin(key) && !due.begin(key));
        }
        // No file may be taken until one look has ended.
        assert_eq!(due.next(), None);
        assert!(due.take(now).is_empty());
        taken.iter().for_each(|key| due.ended(key));
        assert_eq!(due.next(), Some(now));
        // No file of a paused person is taken.
        let until = now + Duration::from_secs(1);
        due.pause("mallory", until);
        assert!(due.take(now).is_empty());
        assert_eq!(due.next(), Some(until));
        assert_eq!(due.take(until).len(), MAX_LOOKS_PER_PERSON);
    }

    #[test]
    fn a_file_written_while_it_is_looked_at_is_looked_at_again() {
        let (mut due, now) = (LookSchedule::default(), Instant::now());
        due.look_at(key("ana", 0), now);
        let taken = due.take(now);
        assert!(due.begin(&taken[0]));
        due.look_at(key("ana", 0), now);
        assert_eq!(due.next(), None);
        due.ended(&taken[0]);
        assert_eq!(due.take(now), taken);
    }
}
