//! Answers that wait to be sent: how many bytes of them are in memory, of each person and in all.
//!
//! Each person has a share of their own, which others cannot use up, so that tiles always come.
//! Larger answers (whole notebooks, versions) come out of one pool for all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::slots::CapacityReached;

/// Smaller answers are not counted, because there are no more of them than connections.
const MIN_COUNTED_BYTES: usize = 64 << 10;

/// How many bytes of answers may wait to be sent to participants. A client that reads slowly, or
/// on purpose not at all, keeps its answers in memory.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// A person's own share: the largest tile.
    pub own: usize,
    /// Of one person in all; a single answer may be larger.
    pub each: usize,
    /// Of all people together, beyond their own shares.
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

/// Counts the answers that wait to be sent. A clone counts the same answers.
#[derive(Clone)]
pub(super) struct UnsentAnswers {
    settings: AnswerLimits,
    waiting: Arc<Mutex<UnsentTotals>>,
}

/// The unsent bytes of each person, and of all.
#[derive(Default)]
struct UnsentTotals {
    by_person: HashMap<String, PersonUnsent>,
    /// The bytes beyond the people's own shares.
    shared: usize,
    next: u64,
}

/// The unsent answers of one person, who is removed when all are sent.
#[derive(Default)]
struct PersonUnsent {
    bytes: usize,
    /// The tokens that end the answers' connections, the oldest first.
    connections: BTreeMap<u64, CancellationToken>,
}

/// An answer that waits to be sent, until this is dropped.
pub(crate) struct UnsentAnswer {
    answers: UnsentAnswers,
    person: String,
    number: u64,
    bytes: usize,
}

impl UnsentAnswers {
    pub(super) fn new(settings: AnswerLimits) -> Self {
        Self {
            settings,
            waiting: Arc::default(),
        }
    }

    /// Counts an answer of so many bytes, to be sent over `connection`; `None` when it is too
    /// small to be counted. Where the pool is full, room is made: the connection of the oldest
    /// answer of the person with most bytes ends, when those are more than this person would have.
    pub(super) fn take(
        &self,
        person: &str,
        bytes: usize,
        connection: &CancellationToken,
    ) -> Result<Option<UnsentAnswer>, CapacityReached> {
        if bytes < MIN_COUNTED_BYTES {
            return Ok(None);
        }
        let mut waiting = self.waiting.lock();
        let before = waiting.by_person.get(person).map_or(0, |own| own.bytes);
        let after = before + bytes;
        if before > 0 && after > self.settings.each {
            return Err(CapacityReached::Person);
        }
        let shared = waiting.shared - self.beyond_own(before) + self.beyond_own(after);
        if shared > self.settings.all && shared > waiting.shared {
            let oldest = waiting.oldest_of_most(after);
            drop(waiting);
            // Its bytes take a moment to be freed.
            if let Some(oldest) = oldest {
                oldest.cancel();
            }
            return Err(CapacityReached::All);
        }
        waiting.shared = shared;
        waiting.next += 1;
        let number = waiting.next;
        let own = waiting.by_person.entry(person.to_owned()).or_default();
        own.bytes = after;
        own.connections.insert(number, connection.clone());
        Ok(Some(UnsentAnswer {
            answers: self.clone(),
            person: person.to_owned(),
            number,
            bytes,
        }))
    }

    fn beyond_own(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.settings.own)
    }
}

impl UnsentTotals {
    /// The connection of the oldest answer of the person who has most, and more than `bytes`.
    fn oldest_of_most(&self, bytes: usize) -> Option<CancellationToken> {
        let people = self.by_person.values();
        let most = people.max_by_key(|person| person.bytes)?;
        let (_, oldest) = most.connections.first_key_value()?;
        (most.bytes > bytes).then(|| oldest.clone())
    }
}

impl Drop for UnsentAnswer {
    fn drop(&mut self) {
        let mut waiting = self.answers.waiting.lock();
        let Some(own) = waiting.by_person.get_mut(&self.person) else {
            return;
        };
        let before = own.bytes;
        own.bytes -= self.bytes;
        own.connections.remove(&self.number);
        let after = own.bytes;
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

    fn answers() -> UnsentAnswers {
        UnsentAnswers::new(AnswerLimits {
            own: 2 * MIB,
            each: 6 * MIB,
            all: 10 * MIB,
        })
    }

    fn take(
        answers: &UnsentAnswers,
        person: &str,
        bytes: usize,
    ) -> Result<Option<UnsentAnswer>, CapacityReached> {
        answers.take(person, bytes, &CancellationToken::new())
    }

    #[test]
    fn a_person_cannot_use_up_the_share_of_another() {
        let answers = answers();
        // Six each, of which four come out of the pool.
        let held: Vec<_> = ["mallory", "mike", "ivan"]
            .into_iter()
            .flat_map(|person| [1, 2, 3].map(|mib| take(&answers, person, mib * MIB)))
            .collect();
        let refused = held.iter().filter(|taken| taken.is_err()).count();
        assert_eq!(refused, 1, "ivan's third");
        assert_eq!(
            take(&answers, "mallory", MIB).err(),
            Some(CapacityReached::Person)
        );
        let tile = take(&answers, "ana", 2 * MIB).unwrap();
        assert_eq!(
            take(&answers, "ana", 3 * MIB).err(),
            Some(CapacityReached::All)
        );
        assert!(
            take(&answers, "mallory", MIN_COUNTED_BYTES - 1)
                .unwrap()
                .is_none()
        );
        drop((held, tile));
        let waiting = answers.waiting.lock();
        assert_eq!((waiting.shared, waiting.by_person.len()), (0, 0));
    }

    #[test]
    fn a_single_answer_may_be_larger_than_a_persons_limit() {
        let answers = answers();
        let large = take(&answers, "ana", 9 * MIB).unwrap();
        assert!(take(&answers, "ana", MIB).is_err());
        drop(large);
        assert!(take(&answers, "ana", MIB).is_ok());
        // An answer that is larger than the pool is refused at once.
        assert_eq!(
            take(&answers, "ana", 13 * MIB).err(),
            Some(CapacityReached::All)
        );
    }

    #[test]
    fn the_person_with_most_makes_room_and_no_person_with_less() {
        let answers = answers();
        let connections: Vec<_> = (0..4).map(|_| CancellationToken::new()).collect();
        let take =
            |person, mib: usize, at: usize| answers.take(person, mib * MIB, &connections[at]);
        let held = [take("mike", 5, 0).unwrap(), take("mallory", 7, 1).unwrap()];
        let ended = || connections.iter().map(CancellationToken::is_cancelled);
        assert!(take("ivan", 8, 2).is_err());
        assert!(!ended().any(|ended| ended), "ivan would have most");
        assert!(take("ana", 5, 3).is_err(), "mallory's is still there");
        assert_eq!(ended().collect::<Vec<_>>(), [false, true, false, false]);
        drop(held);
    }
}
