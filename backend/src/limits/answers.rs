//! Answers that wait to be sent: how many bytes of them are in memory, of each person and in all.
//!
//! Everyone has a share of their own, which others cannot use up, so that tiles always come. What
//! is larger (whole notebooks, versions) comes out of one pool for all.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::slots::Full;

/// Smaller answers are not counted: there are no more of them than connections.
const COUNTED_MIN: usize = 64 << 10;

/// How many bytes of answers may wait to be sent to participants. Readers that are slow, or mean
/// to be, take what was made for them out of memory late or never.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// Of one person, out of nobody else's: the largest tile.
    pub own: usize,
    /// Of one person in all; a single answer may be larger.
    pub each: usize,
    /// Of all together, beyond what is each one's own.
    pub all: usize,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self {
            own: 4 << 20,
            each: 64 << 20,
            all: 192 << 20,
        }
    }
}

/// What waits to be sent. A clone counts the same answers.
#[derive(Clone)]
pub(super) struct Answers {
    settings: AnswerLimits,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    by_person: HashMap<String, usize>,
    /// Beyond what is each one's own.
    shared: usize,
}

/// An answer that waits to be sent, until this is dropped.
pub(crate) struct Unsent {
    answers: Answers,
    person: String,
    bytes: usize,
}

impl Answers {
    pub(super) fn new(settings: AnswerLimits) -> Self {
        Self {
            settings,
            waiting: Arc::default(),
        }
    }

    /// Counts an answer of so many bytes; `None` when it is too small to be counted.
    pub(super) fn take(&self, person: &str, bytes: usize) -> Result<Option<Unsent>, Full> {
        if bytes < COUNTED_MIN {
            return Ok(None);
        }
        let mut waiting = self.waiting.lock();
        let before = waiting.by_person.get(person).copied().unwrap_or(0);
        let after = before + bytes;
        if before > 0 && after > self.settings.each {
            return Err(Full::Person);
        }
        let shared = waiting.shared - self.beyond_own(before) + self.beyond_own(after);
        if shared > self.settings.all && shared > waiting.shared {
            return Err(Full::All);
        }
        waiting.shared = shared;
        waiting.by_person.insert(person.to_owned(), after);
        Ok(Some(Unsent {
            answers: self.clone(),
            person: person.to_owned(),
            bytes,
        }))
    }

    fn beyond_own(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.settings.own)
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        let mut waiting = self.answers.waiting.lock();
        let Some(bytes) = waiting.by_person.get_mut(&self.person) else {
            return;
        };
        let before = *bytes;
        *bytes -= self.bytes;
        let after = *bytes;
        if after == 0 {
            waiting.by_person.remove(&self.person);
        }
        waiting.shared -= self.answers.beyond_own(before) - self.answers.beyond_own(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn answers() -> Answers {
        Answers::new(AnswerLimits {
            own: 2 * MIB,
            each: 6 * MIB,
            all: 10 * MIB,
        })
    }

    #[test]
    fn nobody_uses_up_what_is_somebody_elses() {
        let answers = answers();
        // Six each, of which four come out of the pool.
        let held: Vec<_> = ["mallory", "mike", "ivan"]
            .into_iter()
            .flat_map(|person| [1, 2, 3].map(|mib| answers.take(person, mib * MIB)))
            .collect();
        let refused = held.iter().filter(|taken| taken.is_err()).count();
        assert_eq!(refused, 1, "ivan's third");
        assert_eq!(answers.take("mallory", MIB).err(), Some(Full::Person));
        let tile = answers.take("ana", 2 * MIB).unwrap();
        assert_eq!(answers.take("ana", 3 * MIB).err(), Some(Full::All));
        assert!(answers.take("mallory", COUNTED_MIN - 1).unwrap().is_none());
        drop((held, tile));
        let waiting = answers.waiting.lock();
        assert_eq!((waiting.shared, waiting.by_person.len()), (0, 0));
    }

    #[test]
    fn a_single_answer_may_be_larger_than_what_one_person_has() {
        let answers = answers();
        let large = answers.take("ana", 9 * MIB).unwrap();
        assert!(answers.take("ana", MIB).is_err());
        drop(large);
        assert!(answers.take("ana", MIB).is_ok());
        // What nobody could ever have is not waited for in vain.
        assert_eq!(answers.take("ana", 13 * MIB).err(), Some(Full::All));
    }
}
