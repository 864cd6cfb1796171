//! Which tiles are cached: so many bytes of each person's, and so many in all.
//!
//! A tile that is not cached is read again when it is asked for. The newest of each person is
//! cached in any case, since a reader waits for it.

use std::collections::{HashMap, VecDeque};

use super::CopyId;

/// Of one person. A tile has at most a few MiB, and most have some kB.
const MAX_BYTES_PER_PERSON: usize = 32 << 20;
/// Of all people together.
const MAX_BYTES: usize = 256 << 20;

/// The sizes of the cached tiles, by user, in the order in which they were read.
#[derive(Default)]
pub(super) struct TileCacheIndex {
    people: HashMap<String, PersonTiles>,
    bytes: usize,
}

/// One person's cached tiles and their sizes, the oldest first.
#[derive(Default)]
struct PersonTiles {
    copies: VecDeque<(String, usize)>,
    bytes: usize,
}

impl TileCacheIndex {
    /// Adds a tile of so many bytes; returns the copies whose tiles have to go for it.
    pub(super) fn keep(&mut self, key: &CopyId, bytes: usize) -> Vec<CopyId> {
        self.forget(key);
        let person = self.people.entry(key.user.clone()).or_default();
        person.copies.push_back((key.filename.clone(), bytes));
        person.bytes += bytes;
        self.bytes += bytes;
        let mut gone = Vec::new();
        while self.people[&key.user].bytes > MAX_BYTES_PER_PERSON {
            match self.drop_oldest_of(&key.user) {
                Some(filename) => gone.push(CopyId {
                    filename,
                    user: key.user.clone(),
                }),
                None => break,
            }
        }
        while self.bytes > MAX_BYTES {
            let others = self
                .people
                .iter()
                .filter(|(_, person)| person.copies.len() > 1);
            let most = others.max_by_key(|(_, person)| person.bytes);
            let Some(user) = most.map(|(user, _)| user.clone()) else {
                break;
            };
            let filename = self.drop_oldest_of(&user);
            gone.extend(filename.map(|filename| CopyId { filename, user }));
        }
        gone
    }

    /// Removes the tile of this copy.
    pub(super) fn forget(&mut self, key: &CopyId) {
        let Some(person) = self.people.get_mut(&key.user) else {
            return;
        };
        let at = person
            .copies
            .iter()
            .position(|(name, _)| *name == key.filename);
        if let Some((_, bytes)) = at.and_then(|at| person.copies.remove(at)) {
            person.bytes -= bytes;
            self.bytes -= bytes;
        }
        if person.copies.is_empty() {
            self.people.remove(&key.user);
        }
    }

    /// Removes this person's oldest tile, unless it is the only one.
    fn drop_oldest_of(&mut self, user: &str) -> Option<String> {
        let person = self.people.get_mut(user)?;
        if person.copies.len() < 2 {
            return None;
        }
        let (filename, bytes) = person.copies.pop_front()?;
        person.bytes -= bytes;
        self.bytes -= bytes;
        Some(filename)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: &str, n: usize) -> CopyId {
        CopyId {
            filename: n.to_string(),
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_person_with_many_tiles_loses_their_own() {
        let mut index = TileCacheIndex::default();
        assert!(index.keep(&key("ana", 0), 50_000).is_empty());
        let mut gone = Vec::new();
        for n in 0..100 {
            gone.extend(index.keep(&key("mallory", n), MAX_BYTES_PER_PERSON / 4));
        }
        assert_eq!(gone.len(), 96);
        assert!(gone.iter().all(|key| key.user == "mallory"));
        assert_eq!(gone[0], key("mallory", 0));
        // The newest is cached however large it is.
        assert_eq!(
            index
                .keep(&key("mallory", 100), 2 * MAX_BYTES_PER_PERSON)
                .len(),
            4
        );
        assert!(
            index
                .keep(&key("mallory", 100), MAX_BYTES_PER_PERSON)
                .is_empty()
        );
        index.forget(&key("mallory", 100));
        assert_eq!((index.people.len(), index.bytes), (1, 50_000));
    }

    #[test]
    fn a_full_cache_drops_tiles_of_the_person_with_most() {
        let mut index = TileCacheIndex::default();
        for n in 0..20 {
            for user in 0..10 {
                index.keep(&key(&user.to_string(), n), MAX_BYTES_PER_PERSON / 20);
            }
        }
        assert!(index.bytes <= MAX_BYTES);
        assert!(
            index
                .people
                .values()
                .all(|person| person.bytes > MAX_BYTES_PER_PERSON / 2)
        );
    }
}
