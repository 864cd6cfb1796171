//! A cache of values that can be computed again, by copy, in bounded memory: the least recently
//! used are removed first.

use std::collections::{BTreeMap, HashMap};

use crate::class::CopyId;

/// Size of an entry beside its value, in the measure of the values' sizes.
const ENTRY_SIZE: usize = 16;

/// A cache of the most recently used values.
pub(super) struct LruCache<V> {
    entries: HashMap<CopyId, CacheEntry<V>>,
    /// The copies by the time of their last use.
    order: BTreeMap<u64, CopyId>,
    clock: u64,
    size: usize,
    max_size: usize,
}

struct CacheEntry<V> {
    at: u64,
    size: usize,
    value: V,
}

impl<V> LruCache<V> {
    /// A cache of values of at most `max_size` together.
    pub(super) fn new(max_size: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            size: 0,
            max_size,
        }
    }

    /// Takes a value out of the cache.
    pub(super) fn take(&mut self, key: &CopyId) -> Option<V> {
        let entries = self.entries.remove(key)?;
        self.order.remove(&entries.at);
        self.size -= entries.size;
        Some(entries.value)
    }

    /// Puts in a value of this size, and removes the least recently used ones to make room.
    pub(super) fn put(&mut self, key: CopyId, size: usize, value: V) {
        self.take(&key);
        let size = size + ENTRY_SIZE;
        self.clock += 1;
        let at = self.clock;
        self.size += size;
        self.order.insert(at, key.clone());
        self.entries.insert(key, CacheEntry { at, size, value });
        while self.size > self.max_size {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            if let Some(entries) = self.entries.remove(&oldest) {
                self.size -= entries.size;
            }
        }
    }

    /// Removes all values of this user.
    pub(super) fn forget(&mut self, user: &str) {
        let keys = self.entries.keys().filter(|key| key.user == user);
        for key in keys.cloned().collect::<Vec<_>>() {
            self.take(&key);
        }
    }

    /// Removes all values.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_size);
    }

    /// Number of values.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
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
    fn the_least_recently_used_value_makes_room() {
        let mut cache = LruCache::new(3 * (100 + ENTRY_SIZE));
        for n in 0..3 {
            cache.put(key(n), 100, n);
        }
        let first = cache.take(&key(0)).unwrap();
        cache.put(key(0), 100, first);
        cache.put(key(3), 100, 3);
        let entries = [0, 1, 2, 3].map(|n| cache.take(&key(n)));
        assert_eq!(entries, [Some(0), None, Some(2), Some(3)]);
        assert_eq!((cache.size, cache.order.len()), (0, 0));
    }

    #[test]
    fn small_values_and_one_too_large_are_bounded() {
        let mut cache = LruCache::new(1_000);
        for n in 0..10_000 {
            cache.put(key(n), 0, ());
        }
        assert_eq!(cache.len(), 1_000 / ENTRY_SIZE);
        cache.put(key(0), 2_000, ());
        assert_eq!((cache.len(), cache.size), (0, 0));
        cache.put(key(0), 1, ());
        cache.forget("ana");
        assert_eq!((cache.len(), cache.size), (0, 0));
    }
}
