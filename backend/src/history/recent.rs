//! What is known of notebooks and can be found again, in bounded memory: what was not used
//! for longest is forgotten first.

use std::collections::{BTreeMap, HashMap};

use crate::class::CopyId;

/// What each takes up beside its value, in the same measure.
const ENTRY: usize = 16;

/// See the module's words.
pub(super) struct Recent<V> {
    known: HashMap<CopyId, Known<V>>,
    /// Who was put there when.
    order: BTreeMap<u64, CopyId>,
    clock: u64,
    size: usize,
    most: usize,
}

struct Known<V> {
    at: u64,
    size: usize,
    value: V,
}

impl<V> Recent<V> {
    /// Of values that have at most the size `most` together.
    pub(super) fn new(most: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            size: 0,
            most,
        }
    }

    /// What was put there, which is not there any more then.
    pub(super) fn take(&mut self, key: &CopyId) -> Option<V> {
        let known = self.known.remove(key)?;
        self.order.remove(&known.at);
        self.size -= known.size;
        Some(known.value)
    }

    /// Puts a value of this size there; the oldest make room for it.
    pub(super) fn put(&mut self, key: CopyId, size: usize, value: V) {
        self.take(&key);
        let size = size + ENTRY;
        self.clock += 1;
        let at = self.clock;
        self.size += size;
        self.order.insert(at, key.clone());
        self.known.insert(key, Known { at, size, value });
        while self.size > self.most {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            if let Some(known) = self.known.remove(&oldest) {
                self.size -= known.size;
            }
        }
    }

    /// Forgets everything of this person.
    pub(super) fn forget(&mut self, user: &str) {
        let keys = self.known.keys().filter(|key| key.user == user);
        for key in keys.cloned().collect::<Vec<_>>() {
            self.take(&key);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.most);
    }

    /// Of how many notebooks something is known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> CopyId {
        CopyId {
            filename: format!("{n}.ipynb"),
            user: "ana".to_owned(),
        }
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut recent = Recent::new(3 * (100 + ENTRY));
        for n in 0..3 {
            recent.put(key(n), 100, n);
        }
        let first = recent.take(&key(0)).unwrap();
        recent.put(key(0), 100, first);
        recent.put(key(3), 100, 3);
        let known = [0, 1, 2, 3].map(|n| recent.take(&key(n)));
        assert_eq!(known, [Some(0), None, Some(2), Some(3)]);
        assert_eq!((recent.size, recent.order.len()), (0, 0));
    }

    #[test]
    fn many_small_ones_and_one_too_large_are_bounded() {
        let mut recent = Recent::new(1_000);
        for n in 0..10_000 {
            recent.put(key(n), 0, ());
        }
        assert_eq!(recent.len(), 1_000 / ENTRY);
        recent.put(key(0), 2_000, ());
        assert_eq!((recent.len(), recent.size), (0, 0));
        recent.put(key(0), 1, ());
        recent.forget("ana");
        assert_eq!((recent.len(), recent.size), (0, 0));
    }
}
