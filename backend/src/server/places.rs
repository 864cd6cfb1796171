//! Who holds the connections there are, and which of them makes room when there are too many.
//!
//! A connection is in one of three states: it waits for a request (its head is not complete,
//! or the last answer is sent), a request of nobody's is answered on it, or one of somebody
//! who is signed in. When there is no room, the newest is taken all the same, and one goes:
//!
//! 1. the one that has waited longest, of the peer that has most that wait;
//! 2. where none waits, the oldest whose request is nobody's, of the peer that has most;
//! 3. where there is none of those either, the oldest of the person who has most, if that is
//!    more than [`OF_ONE`]: no browser and no server has so many.
//!
//! Nobody's else goes for somebody's greed: who fills the service up makes room themselves.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use crate::identity::Identity;

/// How many connections with a request on them a person keeps when there is no room.
const OF_ONE: usize = 64;

/// What a connection is held by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// A peer that has not asked for anything (more).
    Waiting(Peer),
    /// A request of nobody's.
    Stranger(Peer),
    /// A request of somebody's; without a Hub everyone is the same.
    Person(Option<String>),
}

impl Holder {
    /// The first to make room, when it has so many; `None` keeps all it has.
    fn rank(&self, has: usize) -> Option<u8> {
        match self {
            Self::Waiting(_) => Some(0),
            Self::Stranger(_) => Some(1),
            Self::Person(Some(_)) if has > OF_ONE => Some(2),
            Self::Person(_) => None,
        }
    }
}

/// See the module's words.
#[derive(Default)]
pub(super) struct Places {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    /// Goes up with each change, so that a smaller one is an older one.
    clock: u64,
    /// By holder, the oldest first; none is empty.
    held: HashMap<Holder, BTreeMap<u64, CancellationToken>>,
    /// Those that were told to end and are still there.
    leaving: usize,
}

/// One connection's. It is free when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    peer: Peer,
    ended: CancellationToken,
    /// Where it stands among those held; nowhere once it was told to end.
    at: Mutex<Option<(Holder, u64)>>,
}

impl Places {
    /// A place for a connection of this peer's, which waits.
    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> Place {
        let ended = CancellationToken::new();
        let holder = Holder::Waiting(peer);
        let since = self.inner.lock().add(holder.clone(), ended.clone());
        Place {
            places: Arc::clone(self),
            peer,
            ended,
            at: Mutex::new(Some((holder, since))),
        }
    }

    /// Tells one to end; false when each keeps its place.
    pub(super) fn make_room(&self) -> bool {
        let mut inner = self.inner.lock();
        let Some((holder, since)) = inner.next_to_go() else {
            return false;
        };
        let ended = inner.remove(&holder, since);
        inner.leaving += usize::from(ended.is_some());
        drop(inner);
        metrics::counter!("pipalhub_connections_ended_for_room_total").increment(1);
        if let Some(ended) = ended {
            ended.cancel();
        }
        true
    }

    /// How many were told to end and have not ended yet.
    pub(super) fn leaving(&self) -> usize {
        self.inner.lock().leaving
    }

    /// Returns after one has come into another state, or is gone.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Inner {
    fn add(&mut self, holder: Holder, ended: CancellationToken) -> u64 {
        self.clock += 1;
        self.held
            .entry(holder)
            .or_default()
            .insert(self.clock, ended);
        self.clock
    }

    fn remove(&mut self, holder: &Holder, since: u64) -> Option<CancellationToken> {
        let all = self.held.get_mut(holder)?;
        let ended = all.remove(&since);
        if all.is_empty() {
            self.held.remove(holder);
        }
        ended
    }

    fn next_to_go(&self) -> Option<(Holder, u64)> {
        let ranked = self.held.iter().filter_map(|(holder, all)| {
            let (oldest, _) = all.first_key_value()?;
            let rank = holder.rank(all.len())?;
            Some((rank, std::cmp::Reverse(all.len()), *oldest, holder))
        });
        let (_, _, oldest, holder) =
            ranked.min_by_key(|(rank, most, oldest, _)| (*rank, *most, *oldest))?;
        Some((holder.clone(), oldest))
    }
}

impl Place {
    /// Ends the connection, when it is to make room.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// A request has come, of nobody's as far as is known; false when it is too late for it.
    pub(super) fn begins(&self) -> bool {
        self.move_to(Holder::Stranger(self.peer))
    }

    /// The request is this person's.
    pub(crate) fn is_of(&self, identity: &Identity) {
        let person = identity.from_hub.then(|| identity.user.clone());
        self.move_to(Holder::Person(person));
    }

    /// The answer is sent.
    pub(super) fn waits(&self) {
        self.move_to(Holder::Waiting(self.peer));
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    fn move_to(&self, holder: Holder) -> bool {
        let mut at = self.at.lock();
        let Some((before, since)) = at.as_ref() else {
            return false;
        };
        let mut inner = self.places.inner.lock();
        let Some(ended) = inner.remove(before, *since) else {
            // It was told to end in between.
            *at = None;
            return false;
        };
        let since = inner.add(holder.clone(), ended);
        drop(inner);
        *at = Some((holder, since));
        self.places.changed.notify_one();
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let at = self.at.lock().take();
        let mut inner = self.places.inner.lock();
        let held = at.and_then(|(holder, since)| inner.remove(&holder, since));
        if held.is_none() {
            inner.leaving = inner.leaving.saturating_sub(1);
        }
        drop(inner);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Role;

    use super::*;

    fn peer(uid: u32) -> Peer {
        Peer {
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            uid: Some(uid),
        }
    }

    fn person(user: &str) -> Identity {
        Identity {
            user: user.to_owned(),
            role: Role::Participant,
            from_hub: true,
            groups: Vec::new(),
        }
    }

    fn ended(places: &[Place]) -> Vec<bool> {
        let ended = places.iter().map(|place| place.ended.is_cancelled());
        ended.collect()
    }

    #[test]
    fn the_oldest_of_who_has_most_goes_first() {
        let places = Arc::new(Places::default());
        let ana = places.take(peer(1));
        let mallory: Vec<_> = (0..3).map(|_| places.take(peer(2))).collect();
        // One that asks and is answered waits anew.
        assert!(mallory[0].begins());
        mallory[0].waits();
        assert!(places.make_room());
        assert_eq!(ended(&mallory), [false, true, false]);
        assert!(places.make_room());
        assert_eq!(ended(&mallory), [false, true, true]);
        assert!(!ana.ended.is_cancelled());
        assert_eq!(places.leaving(), 2);
        drop(mallory);
        assert_eq!(places.leaving(), 0);
    }

    #[test]
    fn what_is_in_the_middle_of_a_request_stays_longer() {
        let places = Arc::new(Places::default());
        let mallory: Vec<_> = (0..4).map(|_| places.take(peer(2))).collect();
        let ana = places.take(peer(1));
        assert!(ana.begins());
        ana.is_of(&person("ana"));
        assert!(mallory[0].begins() && mallory[1].begins());
        // Those that wait, whoever has more requests; then a stranger's.
        for expected in [
            [false, false, true, false],
            [false, false, true, true],
            [true, false, true, true],
            [true, true, true, true],
        ] {
            assert!(places.make_room());
            assert_eq!(ended(&mallory), expected);
        }
        assert!(!places.make_room());
        assert!(!ana.ended.is_cancelled());
        // What was told to end begins nothing more.
        assert!(!mallory[0].begins());
    }

    #[test]
    fn a_person_keeps_as_many_as_anyone_needs() {
        let places = Arc::new(Places::default());
        let hold = |user: &str, from_hub: bool| {
            let place = places.take(peer(1));
            assert!(place.begins());
            place.is_of(&Identity {
                from_hub,
                ..person(user)
            });
            place
        };
        let instructor: Vec<_> = (0..2 * OF_ONE).map(|_| hold("instructor", false)).collect();
        let ana: Vec<_> = (0..OF_ONE).map(|_| hold("ana", true)).collect();
        assert!(!places.make_room());
        let mallory: Vec<_> = (0..=OF_ONE).map(|_| hold("mallory", true)).collect();
        assert!(places.make_room() && !places.make_room());
        assert!(mallory[0].ended.is_cancelled());
        drop((instructor, ana, mallory));
        let inner = places.inner.lock();
        assert_eq!((inner.held.len(), inner.leaving), (0, 0));
    }
}
