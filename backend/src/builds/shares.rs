//! Who takes up how much of something, of which everyone has a share.
//!
//! What was saved last matters most: when somebody's share is used up, what they saved
//! longest ago gives way, and nobody else's. When all together is used up, those give way who
//! have more than an equal part of it, whoever has most first. What has given way is
//! remembered with what it would take, to come back when there is room.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::class::CopyId;

/// See the module's words.
pub(super) struct Shares {
    each: u64,
    all: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    people: HashMap<String, Person>,
    used: u64,
}

#[derive(Default)]
struct Person {
    /// By the filename.
    items: BTreeMap<String, Item>,
    used: u64,
    is_told: bool,
}

#[derive(Clone, Copy)]
struct Item {
    saved_at_ms: i64,
    size: u64,
    is_over: bool,
}

/// What came of a claim.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// There is room for it.
    pub(super) fits: bool,
    /// These have none any more.
    pub(super) give_way: Vec<CopyId>,
    /// Somebody's share is used up of whom that was not said before.
    pub(super) is_news: bool,
}

/// How much is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// Of all together.
    pub(super) size: u64,
    /// Things that there is no room for.
    pub(super) over: usize,
}

impl Shares {
    pub(super) fn new(each: u64, all: u64) -> Self {
        Self {
            each,
            all,
            inner: Mutex::default(),
        }
    }

    /// What one person may have.
    pub(super) fn each(&self) -> u64 {
        self.each
    }

    /// Room of `size` for `key`, in place of what it had. What was saved before
    /// `saved_at_ms` gives way to it.
    pub(super) fn claim(&self, key: &CopyId, saved_at_ms: i64, size: u64) -> Claim {
        let mut inner = self.inner.lock();
        inner.take_out(key);
        let person = inner.people.entry(key.user.clone()).or_default();
        let item = Item {
            saved_at_ms,
            size,
            is_over: true,
        };
        person.items.insert(key.filename.clone(), item);
        let give_way = self.own_that_give_way(&inner, key, item).and_then(|own| {
            let mut give_way = own;
            self.others_that_give_way(&inner, key, item, &mut give_way)
                .then_some(give_way)
        });
        let fits = give_way.is_some();
        let give_way = give_way.unwrap_or_default();
        let is_news = (!fits || !give_way.is_empty()) && inner.tell(&key.user);
        for other in &give_way {
            inner.set_over(other, true);
        }
        if fits {
            inner.set_over(key, false);
        }
        Claim {
            fits,
            give_way,
            is_news,
        }
    }

    /// Gives back what `key` has.
    pub(super) fn release(&self, key: &CopyId) {
        self.inner.lock().take_out(key);
    }

    /// Whether there was no room for `key`.
    pub(super) fn is_over(&self, key: &CopyId) -> bool {
        let inner = self.inner.lock();
        let person = inner.people.get(&key.user);
        let item = person.and_then(|person| person.items.get(&key.filename));
        item.is_some_and(|item| item.is_over)
    }

    /// Something that has given way and that there is room for now: the newest of `user`, or
    /// else of somebody.
    pub(super) fn that_fits(&self, user: &str) -> Option<CopyId> {
        let inner = self.inner.lock();
        let of = |user: &str| {
            let person = inner.people.get(user)?;
            let room = self.each.saturating_sub(person.used);
            let room = room.min(self.all.saturating_sub(inner.used));
            let fit = person
                .items
                .iter()
                .filter(|(_, item)| item.is_over && item.size <= room);
            let (filename, _) = fit.max_by_key(|(_, item)| item.saved_at_ms)?;
            Some(CopyId {
                filename: filename.clone(),
                user: user.to_owned(),
            })
        };
        of(user).or_else(|| inner.people.keys().find_map(|user| of(user)))
    }

    /// How much is used.
    pub(super) fn used(&self) -> Used {
        let inner = self.inner.lock();
        let items = inner.people.values().flat_map(|it| it.items.values());
        Used {
            size: inner.used,
            over: items.filter(|item| item.is_over).count(),
        }
    }

    /// For whose things there is no room, and for how many of each.
    pub(super) fn people_over(&self) -> BTreeMap<String, usize> {
        let inner = self.inner.lock();
        let over = inner.people.iter().map(|(user, person)| {
            let over = person.items.values().filter(|item| item.is_over);
            (user.clone(), over.count())
        });
        over.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether a claim of `size` has a chance: what was saved since leaves so much.
    pub(super) fn may_fit(&self, key: &CopyId, saved_at_ms: i64, size: u64) -> bool {
        let inner = self.inner.lock();
        let person = inner.people.get(&key.user);
        let newer = person.into_iter().flat_map(|person| {
            person.items.iter().filter(|(filename, item)| {
                !item.is_over && **filename != key.filename && item.saved_at_ms > saved_at_ms
            })
        });
        let newer: u64 = newer.map(|(_, item)| item.size).sum();
        newer.saturating_add(size) <= self.each
    }

    /// What of the same person gives way to `item`; `None` when that would not do.
    fn own_that_give_way(&self, inner: &Inner, key: &CopyId, item: Item) -> Option<Vec<CopyId>> {
        let person = &inner.people[&key.user];
        let mut missing = (person.used.saturating_add(item.size)).saturating_sub(self.each);
        let mut give_way = Vec::new();
        if missing > 0 && item.size <= self.each {
            for (filename, older) in person.oldest_first(item) {
                give_way.push(key_of(&key.user, filename));
                missing = missing.saturating_sub(older.size);
                if missing == 0 {
                    break;
                }
            }
        }
        (missing == 0).then_some(give_way)
    }

    /// Adds to `give_way` what has to when all together is used up; whether that does.
    fn others_that_give_way(
        &self,
        inner: &Inner,
        key: &CopyId,
        item: Item,
        give_way: &mut Vec<CopyId>,
    ) -> bool {
        let freed: u64 = give_way.iter().map(|key| inner.size_of(key)).sum();
        let mut used = inner.used.saturating_sub(freed).saturating_add(item.size);
        if used <= self.all {
            return true;
        }
        let fair = self.all / inner.people.len().max(1) as u64;
        let mut uses: HashMap<&str, u64> = inner
            .people
            .iter()
            .map(|(user, person)| (user.as_str(), person.used))
            .collect();
        let own = uses.entry(key.user.as_str()).or_default();
        *own = own.saturating_sub(freed).saturating_add(item.size);
        while used > self.all {
            let most = uses.iter().max_by_key(|(user, used)| (**used, **user));
            let Some((&user, _)) = most.filter(|(_, used)| **used > fair) else {
                return false;
            };
            // Of one's own only what is older gives way; of who has too much, anything.
            let newest = Item {
                saved_at_ms: i64::MAX,
                ..item
            };
            let than = if user == key.user { item } else { newest };
            let mut older = inner.people[user].oldest_first(than).into_iter();
            let next = older.find(|(filename, _)| {
                !give_way
                    .iter()
                    .any(|gone| gone.user == user && gone.filename == **filename)
            });
            let Some((filename, older)) = next else {
                return false;
            };
            give_way.push(key_of(user, filename));
            used = used.saturating_sub(older.size);
            let uses = uses.get_mut(user).expect("it was found there");
            *uses = uses.saturating_sub(older.size);
        }
        true
    }
}

fn key_of(user: &str, filename: &str) -> CopyId {
    CopyId {
        filename: filename.to_owned(),
        user: user.to_owned(),
    }
}

impl Inner {
    fn size_of(&self, key: &CopyId) -> u64 {
        let person = self.people.get(&key.user);
        let item = person.and_then(|person| person.items.get(&key.filename));
        item.map_or(0, |item| item.size)
    }

    fn take_out(&mut self, key: &CopyId) {
        let Some(person) = self.people.get_mut(&key.user) else {
            return;
        };
        if let Some(item) = person.items.remove(&key.filename)
            && !item.is_over
        {
            person.used -= item.size;
            self.used -= item.size;
        }
        if person.items.is_empty() {
            self.people.remove(&key.user);
        }
    }

    fn set_over(&mut self, key: &CopyId, is_over: bool) {
        let person = self.people.get_mut(&key.user);
        let Some(person) = person else { return };
        let Some(item) = person.items.get_mut(&key.filename) else {
            return;
        };
        if item.is_over == is_over {
            return;
        }
        item.is_over = is_over;
        if is_over {
            person.used -= item.size;
            self.used -= item.size;
        } else {
            person.used += item.size;
            self.used += item.size;
        }
    }

    /// Whether it was not told of `user` yet.
    fn tell(&mut self, user: &str) -> bool {
        let person = self.people.get_mut(user);
        person.is_some_and(|person| !std::mem::replace(&mut person.is_told, true))
    }
}

impl Person {
    /// What has room and was saved before `than`, or at the same time under another name.
    fn oldest_first(&self, than: Item) -> Vec<(&String, &Item)> {
        let mut older: Vec<_> = self
            .items
            .iter()
            .filter(|(_, item)| !item.is_over && item.saved_at_ms <= than.saved_at_ms)
            .collect();
        older.sort_by_key(|(filename, item)| (item.saved_at_ms, *filename));
        older
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(user: &str, filename: &str) -> CopyId {
        key_of(user, filename)
    }

    fn names(keys: &[CopyId]) -> Vec<&str> {
        keys.iter().map(|key| &*key.filename).collect()
    }

    #[test]
    fn the_oldest_of_the_same_person_gives_way() {
        let shares = Shares::new(100, u64::MAX);
        for (at, filename) in [(2, "b"), (1, "a"), (3, "c")] {
            assert!(shares.claim(&key("ana", filename), at, 30).fits);
            assert!(shares.claim(&key("bo", filename), at, 30).fits);
        }
        let claim = shares.claim(&key("ana", "d"), 4, 50);
        assert!(claim.fits && claim.is_news);
        assert_eq!(names(&claim.give_way), ["a", "b"]);
        assert_eq!(shares.people_over().get("bo"), None);
        // An older one finds no room, nor does what is too large whatever gives way.
        let claim = shares.claim(&key("ana", "old"), 0, 30);
        assert!(!claim.fits && !claim.is_news && claim.give_way.is_empty());
        assert!(!shares.claim(&key("ana", "huge"), 9, 101).fits);
        assert_eq!(shares.people_over()["ana"], 4);
        // What comes back is the newest that there is room for.
        assert_eq!(shares.that_fits("ana"), None);
        shares.release(&key("ana", "d"));
        assert_eq!(shares.that_fits("ana"), Some(key("ana", "b")));
    }

    #[test]
    fn what_was_claimed_is_claimed_anew_with_each_save() {
        let shares = Shares::new(100, 100);
        let ana = key("ana", "a");
        for (at, size) in [(1, 100), (2, 40), (3, 100), (4, 101), (5, 1)] {
            assert_eq!(shares.claim(&ana, at, size).fits, size <= 100);
            assert_eq!(shares.is_over(&ana), size > 100);
        }
        assert_eq!(shares.used(), Used { size: 1, over: 0 });
        shares.release(&ana);
        assert_eq!(shares.used(), Used::default());
    }

    #[test]
    fn when_all_is_used_who_has_most_gives_way() {
        let shares = Shares::new(80, 100);
        for (at, filename) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            assert!(shares.claim(&key("eve", filename), at, 20).fits);
        }
        assert!(shares.claim(&key("ana", "a"), 1, 20).fits);
        let claim = shares.claim(&key("bo", "a"), 1, 30);
        assert!(claim.fits);
        assert_eq!(claim.give_way, [key("eve", "a"), key("eve", "b")]);
        assert!(!shares.is_over(&key("ana", "a")));
        // She may not take it back.
        assert!(!shares.claim(&key("eve", "e"), 0, 20).fits);
        assert!(!shares.is_over(&key("bo", "a")) && !shares.is_over(&key("ana", "a")));
    }

    proptest! {
        /// Nobody has more than their share, all not more than there is, and who stays below
        /// an equal part of all loses nothing by what others do.
        #[test]
        fn shares_are_kept(
            claims in prop::collection::vec((0..4_usize, 0..6_usize, 0..9_i64, 0..60_u64), 1..80),
        ) {
            let shares = Shares::new(50, 120);
            let (ana, small) = (key("modest", "a"), 20);
            prop_assert!(shares.claim(&ana, 0, small).fits);
            for (user, file, at, size) in claims {
                let key = key(["a", "b", "c", "d"][user], ["1", "2", "3", "4", "5", "6"][file]);
                let claim = shares.claim(&key, at, size);
                prop_assert_eq!(claim.fits, !shares.is_over(&key));
                let inner = shares.inner.lock();
                let of = |person: &Person| -> u64 {
                    let kept = person.items.values().filter(|item| !item.is_over);
                    kept.map(|item| item.size).sum()
                };
                for person in inner.people.values() {
                    prop_assert_eq!(person.used, of(person));
                    prop_assert!(person.used <= 50);
                }
                prop_assert_eq!(inner.used, inner.people.values().map(of).sum::<u64>());
                prop_assert!(inner.used <= 120);
                drop(inner);
                prop_assert!(!shares.is_over(&ana));
            }
        }
    }
}
