//! How much of what was read is kept to be shown: so much of each person's, and so much in all.
//!
//! What is not kept is read again when somebody asks for it. The newest of each person's is
//! kept in any case, since somebody waits for it.

use std::collections::{HashMap, VecDeque};

use super::Key;

/// Of one person, in bytes. A tile has at most a few MiB, and most have some kB.
const EACH: usize = 32 << 20;
/// Of all.
const ALL: usize = 256 << 20;

/// See the module's words.
#[derive(Default)]
pub(super) struct Kept {
    people: HashMap<String, Person>,
    bytes: usize,
}

/// The oldest first.
#[derive(Default)]
struct Person {
    copies: VecDeque<(String, usize)>,
    bytes: usize,
}

impl Kept {
    /// So many bytes of this are kept from now on; the answer is what is not any more.
    pub(super) fn keep(&mut self, key: &Key, bytes: usize) -> Vec<Key> {
        self.forget(key);
        let person = self.people.entry(key.user.clone()).or_default();
        person.copies.push_back((key.filename.clone(), bytes));
        person.bytes += bytes;
        self.bytes += bytes;
        let mut gone = Vec::new();
        while self.people[&key.user].bytes > EACH {
            match self.let_go_of(&key.user) {
                Some(filename) => gone.push(Key {
                    filename,
                    user: key.user.clone(),
                }),
                None => break,
            }
        }
        while self.bytes > ALL {
            let others = self
                .people
                .iter()
                .filter(|(_, person)| person.copies.len() > 1);
            let most = others.max_by_key(|(_, person)| person.bytes);
            let Some(user) = most.map(|(user, _)| user.clone()) else {
                break;
            };
            let filename = self.let_go_of(&user);
            gone.extend(filename.map(|filename| Key { filename, user }));
        }
        gone
    }

    /// Nothing of this is kept any more.
    pub(super) fn forget(&mut self, key: &Key) {
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

    /// Lets go of this person's oldest, unless it is the only one.
    fn let_go_of(&mut self, user: &str) -> Option<String> {
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

    fn key(user: &str, n: usize) -> Key {
        Key {
            filename: n.to_string(),
            user: user.to_owned(),
        }
    }

    #[test]
    fn who_has_much_lets_go_of_their_own() {
        let mut kept = Kept::default();
        assert!(kept.keep(&key("ana", 0), 50_000).is_empty());
        let mut gone = Vec::new();
        for n in 0..100 {
            gone.extend(kept.keep(&key("mallory", n), EACH / 4));
        }
        assert_eq!(gone.len(), 96);
        assert!(gone.iter().all(|key| key.user == "mallory"));
        assert_eq!(gone[0], key("mallory", 0));
        // The newest is kept however large it is.
        assert_eq!(kept.keep(&key("mallory", 100), 2 * EACH).len(), 4);
        assert!(kept.keep(&key("mallory", 100), EACH).is_empty());
        kept.forget(&key("mallory", 100));
        assert_eq!((kept.people.len(), kept.bytes), (1, 50_000));
    }

    #[test]
    fn all_together_who_has_most_lets_go_first() {
        let mut kept = Kept::default();
        for n in 0..20 {
            for user in 0..10 {
                kept.keep(&key(&user.to_string(), n), EACH / 20);
            }
        }
        assert!(kept.bytes <= ALL);
        assert!(kept.people.values().all(|person| person.bytes > EACH / 2));
    }
}
