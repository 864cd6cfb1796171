//! Shares: how much of a resource each participant uses.
//!
//! The newest saves matter most. When a participant's share is used up, the copies that they saved
//! longest ago give way, and no other participant's. When the whole resource is used up, copies of
//! participants who use more than an equal part give way, those of the largest user first. A copy
//! that has given way is remembered with its size, to come back when there is room.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::class::CopyId;

/// The claims of all participants on one resource.
pub(super) struct Shares {
    each: u64,
    all: u64,
    state: Mutex<SharesState>,
}

#[derive(Default)]
struct SharesState {
    users: HashMap<String, UserShare>,
    used: u64,
}

#[derive(Default)]
struct UserShare {
    /// By filename.
    items: BTreeMap<String, ShareItem>,
    used: u64,
    is_reported: bool,
}

#[derive(Clone, Copy)]
struct ShareItem {
    saved_at_ms: i64,
    size: u64,
    is_over: bool,
}

/// The result of a claim.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// There is room for the claim.
    pub(super) fits: bool,
    /// The copies that have no room any more.
    pub(super) give_way: Vec<CopyId>,
    /// This is the first claim of this participant that exceeds their share.
    pub(super) is_first_overrun: bool,
}

/// How much of a resource is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShareUsage {
    /// By all copies that have room.
    pub(super) size: u64,
    /// Copies that have no room.
    pub(super) over: usize,
}

impl Shares {
    pub(super) fn new(each: u64, all: u64) -> Self {
        Self {
            each,
            all,
            state: Mutex::default(),
        }
    }

    /// The share of one participant.
    pub(super) fn each(&self) -> u64 {
        self.each
    }

    /// Claims room of `size` for `key`, in place of its earlier claim. Copies saved before
    /// `saved_at_ms` give way to it.
    pub(super) fn claim(&self, key: &CopyId, saved_at_ms: i64, size: u64) -> Claim {
        let mut state = self.state.lock();
        state.take_out(key);
        let share = state.users.entry(key.user.clone()).or_default();
        let item = ShareItem {
            saved_at_ms,
            size,
            is_over: true,
        };
        share.items.insert(key.filename.clone(), item);
        let give_way = self.own_that_give_way(&state, key, item).and_then(|own| {
            let mut give_way = own;
            self.others_that_give_way(&state, key, item, &mut give_way)
                .then_some(give_way)
        });
        let fits = give_way.is_some();
        let give_way = give_way.unwrap_or_default();
        let is_first_overrun = (!fits || !give_way.is_empty()) && state.mark_reported(&key.user);
        for other in &give_way {
            state.set_over(other, true);
        }
        if fits {
            state.set_over(key, false);
        }
        Claim {
            fits,
            give_way,
            is_first_overrun,
        }
    }

    /// Ends the claim of `key`.
    pub(super) fn release(&self, key: &CopyId) {
        self.state.lock().take_out(key);
    }

    /// Whether `key` has claimed room that it does not have.
    pub(super) fn is_over(&self, key: &CopyId) -> bool {
        let state = self.state.lock();
        let share = state.users.get(&key.user);
        let item = share.and_then(|share| share.items.get(&key.filename));
        item.is_some_and(|item| item.is_over)
    }

    /// A copy that has given way and has room now: the newest of `user`, else one of another
    /// participant.
    pub(super) fn that_fits(&self, user: &str) -> Option<CopyId> {
        let state = self.state.lock();
        let of = |user: &str| {
            let share = state.users.get(user)?;
            let room = self.each.saturating_sub(share.used);
            let room = room.min(self.all.saturating_sub(state.used));
            let fit = share
                .items
                .iter()
                .filter(|(_, item)| item.is_over && item.size <= room);
            let (filename, _) = fit.max_by_key(|(_, item)| item.saved_at_ms)?;
            Some(CopyId {
                filename: filename.clone(),
                user: user.to_owned(),
            })
        };
        of(user).or_else(|| state.users.keys().find_map(|user| of(user)))
    }

    /// How much is used.
    pub(super) fn used(&self) -> ShareUsage {
        let state = self.state.lock();
        let items = state.users.values().flat_map(|it| it.items.values());
        ShareUsage {
            size: state.used,
            over: items.filter(|item| item.is_over).count(),
        }
    }

    /// The participants with copies that have no room, and the number of those copies.
    pub(super) fn users_over(&self) -> BTreeMap<String, usize> {
        let state = self.state.lock();
        let over = state.users.iter().map(|(user, share)| {
            let over = share.items.values().filter(|item| item.is_over);
            (user.clone(), over.count())
        });
        over.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether a claim of `size` may succeed: newer copies of the same participant leave so much
    /// room.
    pub(super) fn may_fit(&self, key: &CopyId, saved_at_ms: i64, size: u64) -> bool {
        let state = self.state.lock();
        let share = state.users.get(&key.user);
        let newer = share.into_iter().flat_map(|share| {
            share.items.iter().filter(|(filename, item)| {
                !item.is_over && **filename != key.filename && item.saved_at_ms > saved_at_ms
            })
        });
        let newer: u64 = newer.map(|(_, item)| item.size).sum();
        newer.saturating_add(size) <= self.each
    }

    /// The copies of the same participant that give way to `item`; `None` when that is not enough.
    fn own_that_give_way(
        &self,
        state: &SharesState,
        key: &CopyId,
        item: ShareItem,
    ) -> Option<Vec<CopyId>> {
        let share = &state.users[&key.user];
        let mut missing = (share.used.saturating_add(item.size)).saturating_sub(self.each);
        let mut give_way = Vec::new();
        if missing > 0 && item.size <= self.each {
            for (filename, older) in share.oldest_first(item) {
                give_way.push(key_of(&key.user, filename));
                missing = missing.saturating_sub(older.size);
                if missing == 0 {
                    break;
                }
            }
        }
        (missing == 0).then_some(give_way)
    }

    /// Adds to `give_way` the copies that give way when the whole resource is used up; whether that
    /// is enough.
    fn others_that_give_way(
        &self,
        state: &SharesState,
        key: &CopyId,
        item: ShareItem,
        give_way: &mut Vec<CopyId>,
    ) -> bool {
        let freed: u64 = give_way.iter().map(|key| state.size_of(key)).sum();
        let mut used = state.used.saturating_sub(freed).saturating_add(item.size);
        if used <= self.all {
            return true;
        }
        let fair = self.all / state.users.len().max(1) as u64;
        let mut uses: HashMap<&str, u64> = state
            .users
            .iter()
            .map(|(user, share)| (user.as_str(), share.used))
            .collect();
        let own = uses.entry(key.user.as_str()).or_default();
        *own = own.saturating_sub(freed).saturating_add(item.size);
        while used > self.all {
            let most = uses.iter().max_by_key(|(user, used)| (**used, **user));
            let Some((&user, _)) = most.filter(|(_, used)| **used > fair) else {
                return false;
            };
            // Of the claiming participant only older copies give way; of the largest user, any.
            let newest = ShareItem {
                saved_at_ms: i64::MAX,
                ..item
            };
            let than = if user == key.user { item } else { newest };
            let mut older = state.users[user].oldest_first(than).into_iter();
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

impl SharesState {
    fn size_of(&self, key: &CopyId) -> u64 {
        let share = self.users.get(&key.user);
        let item = share.and_then(|share| share.items.get(&key.filename));
        item.map_or(0, |item| item.size)
    }

    fn take_out(&mut self, key: &CopyId) {
        let Some(share) = self.users.get_mut(&key.user) else {
            return;
        };
        if let Some(item) = share.items.remove(&key.filename)
            && !item.is_over
        {
            share.used -= item.size;
            self.used -= item.size;
        }
        if share.items.is_empty() {
            self.users.remove(&key.user);
        }
    }

    fn set_over(&mut self, key: &CopyId, is_over: bool) {
        let share = self.users.get_mut(&key.user);
        let Some(share) = share else { return };
        let Some(item) = share.items.get_mut(&key.filename) else {
            return;
        };
        if item.is_over == is_over {
            return;
        }
        item.is_over = is_over;
        if is_over {
            share.used -= item.size;
            self.used -= item.size;
        } else {
            share.used += item.size;
            self.used += item.size;
        }
    }

    /// Marks that `user` has exceeded their share; whether that is new.
    fn mark_reported(&mut self, user: &str) -> bool {
        let share = self.users.get_mut(user);
        share.is_some_and(|share| !std::mem::replace(&mut share.is_reported, true))
    }
}

impl UserShare {
    /// The copies with room that were saved before `than`, or at the same time under another name.
    fn oldest_first(&self, than: ShareItem) -> Vec<(&String, &ShareItem)> {
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
    fn the_oldest_copy_of_the_same_participant_gives_way() {
        let shares = Shares::new(100, u64::MAX);
        for (at, filename) in [(2, "b"), (1, "a"), (3, "c")] {
            assert!(shares.claim(&key("ana", filename), at, 30).fits);
            assert!(shares.claim(&key("bo", filename), at, 30).fits);
        }
        let claim = shares.claim(&key("ana", "d"), 4, 50);
        assert!(claim.fits && claim.is_first_overrun);
        assert_eq!(names(&claim.give_way), ["a", "b"]);
        assert_eq!(shares.users_over().get("bo"), None);
        // An older copy finds no room, nor does one that is larger than the share.
        let claim = shares.claim(&key("ana", "old"), 0, 30);
        assert!(!claim.fits && !claim.is_first_overrun && claim.give_way.is_empty());
        assert!(!shares.claim(&key("ana", "huge"), 9, 101).fits);
        assert_eq!(shares.users_over()["ana"], 4);
        // The newest copy that there is room for comes back.
        assert_eq!(shares.that_fits("ana"), None);
        shares.release(&key("ana", "d"));
        assert_eq!(shares.that_fits("ana"), Some(key("ana", "b")));
    }

    #[test]
    fn each_save_replaces_the_claim_of_its_copy() {
        let shares = Shares::new(100, 100);
        let ana = key("ana", "a");
        for (at, size) in [(1, 100), (2, 40), (3, 100), (4, 101), (5, 1)] {
            assert_eq!(shares.claim(&ana, at, size).fits, size <= 100);
            assert_eq!(shares.is_over(&ana), size > 100);
        }
        assert_eq!(shares.used(), ShareUsage { size: 1, over: 0 });
        shares.release(&ana);
        assert_eq!(shares.used(), ShareUsage::default());
    }

    #[test]
    fn the_largest_user_gives_way_when_all_is_used() {
        let shares = Shares::new(80, 100);
        for (at, filename) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            assert!(shares.claim(&key("eve", filename), at, 20).fits);
        }
        assert!(shares.claim(&key("ana", "a"), 1, 20).fits);
        let claim = shares.claim(&key("bo", "a"), 1, 30);
        assert!(claim.fits);
        assert_eq!(claim.give_way, [key("eve", "a"), key("eve", "b")]);
        assert!(!shares.is_over(&key("ana", "a")));
        // Eve may not take the room back.
        assert!(!shares.claim(&key("eve", "e"), 0, 20).fits);
        assert!(!shares.is_over(&key("bo", "a")) && !shares.is_over(&key("ana", "a")));
    }

    proptest! {
        /// No participant has more than their share, all together not more than there is, and a
        /// participant below an equal part loses nothing by the claims of others.
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
                let state = shares.state.lock();
                let of = |share: &UserShare| -> u64 {
                    let kept = share.items.values().filter(|item| !item.is_over);
                    kept.map(|item| item.size).sum()
                };
                for share in state.users.values() {
                    prop_assert_eq!(share.used, of(share));
                    prop_assert!(share.used <= 50);
                }
                prop_assert_eq!(state.used, state.users.values().map(of).sum::<u64>());
                prop_assert!(state.used <= 120);
                drop(state);
                prop_assert!(!shares.is_over(&ana));
            }
        }
    }
}
