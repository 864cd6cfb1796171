//! So many at once: a place for each, free again when it is dropped.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// This person has as many as one may.
    Person,
    /// All together do.
    All,
}

/// The places. See the module's words.
pub(super) struct Slots {
    each: usize,
    all: usize,
    taken: Arc<Mutex<Taken>>,
    open: &'static str,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_person: HashMap<String, usize>,
}

/// A place that is taken.
pub(crate) struct Slot {
    taken: Arc<Mutex<Taken>>,
    person: Option<String>,
    open: &'static str,
}

impl Slots {
    pub(super) fn new(each: usize, all: usize, open: &'static str) -> Self {
        Self {
            each,
            all,
            taken: Arc::default(),
            open,
        }
    }

    /// A place for `person`; for nobody in particular, one of all.
    pub(super) fn take(&self, person: Option<&str>) -> Result<Slot, Full> {
        let mut taken = self.taken.lock();
        if taken.all >= self.all {
            return Err(Full::All);
        }
        if let Some(person) = person {
            let own = taken.by_person.entry(person.to_owned()).or_default();
            if *own >= self.each {
                return Err(Full::Person);
            }
            *own += 1;
        }
        taken.all += 1;
        metrics::gauge!(self.open).increment(1);
        Ok(Slot {
            taken: Arc::clone(&self.taken),
            person: person.map(str::to_owned),
            open: self.open,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all -= 1;
        metrics::gauge!(self.open).decrement(1);
        let Some(person) = self.person.take() else {
            return;
        };
        if let Some(own) = taken.by_person.get_mut(&person) {
            *own -= 1;
            if *own == 0 {
                taken.by_person.remove(&person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let slots = Slots::new(2, 3, "pipalhub_streams_open");
        let first = slots.take(Some("ana")).unwrap();
        let second = slots.take(Some("ana")).unwrap();
        assert_eq!(slots.take(Some("ana")).err(), Some(Full::Person));
        let third = slots.take(Some("bob")).unwrap();
        assert_eq!(slots.take(Some("carol")).err(), Some(Full::All));
        assert_eq!(slots.take(None).err(), Some(Full::All));
        drop(first);
        let nobodys = slots.take(None).unwrap();
        assert_eq!(slots.take(Some("ana")).err(), Some(Full::All));
        drop((second, third, nobodys));
        let taken = slots.taken.lock();
        assert_eq!((taken.all, taken.by_person.len()), (0, 0));
    }
}
