//! Limits of how much is done at once: a slot for each, free again when it is dropped.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

/// Whose capacity is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CapacityReached {
    /// This person's.
    Person,
    /// That of all people together.
    All,
}

/// The slots, so many for each person and so many in all.
pub(super) struct Slots {
    each: usize,
    all: usize,
    taken: Arc<Mutex<TakenSlots>>,
    gauge: &'static str,
}

/// How many slots are taken.
#[derive(Default)]
struct TakenSlots {
    all: usize,
    by_person: HashMap<String, usize>,
}

/// A slot that is taken, until this is dropped.
pub(crate) struct Slot {
    taken: Arc<Mutex<TakenSlots>>,
    person: Option<String>,
    gauge: &'static str,
}

impl Slots {
    pub(super) fn new(each: usize, all: usize, gauge: &'static str) -> Self {
        Self {
            each,
            all,
            taken: Arc::default(),
            gauge,
        }
    }

    /// A slot for `person`; without one, a slot that counts in all only.
    pub(super) fn take(&self, person: Option<&str>) -> Result<Slot, CapacityReached> {
        let mut taken = self.taken.lock();
        if taken.all >= self.all {
            return Err(CapacityReached::All);
        }
        if let Some(person) = person {
            let own = taken.by_person.entry(person.to_owned()).or_default();
            if *own >= self.each {
                return Err(CapacityReached::Person);
            }
            *own += 1;
        }
        taken.all += 1;
        metrics::gauge!(self.gauge).increment(1);
        Ok(Slot {
            taken: Arc::clone(&self.taken),
            person: person.map(str::to_owned),
            gauge: self.gauge,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all -= 1;
        metrics::gauge!(self.gauge).decrement(1);
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
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = Slots::new(2, 3, "pipalhub_streams_open");
        let first = slots.take(Some("ana")).unwrap();
        let second = slots.take(Some("ana")).unwrap();
        assert_eq!(slots.take(Some("ana")).err(), Some(CapacityReached::Person));
        let third = slots.take(Some("bob")).unwrap();
        assert_eq!(slots.take(Some("carol")).err(), Some(CapacityReached::All));
        assert_eq!(slots.take(None).err(), Some(CapacityReached::All));
        drop(first);
        let nobodys = slots.take(None).unwrap();
        assert_eq!(slots.take(Some("ana")).err(), Some(CapacityReached::All));
        drop((second, third, nobodys));
        let taken = slots.taken.lock();
        assert_eq!((taken.all, taken.by_person.len()), (0, 0));
    }
}
