//! The connections by their holders, and which of them makes room when there are too many.
//!
//! A connection is in one of three states: it waits for a request (its head is not complete,
//! or the last answer is sent), an unauthenticated request is answered on it, or an authenticated
//! one. When there is no room, the newest is taken all the same, and one goes:
//!
//! 1. the one that has waited longest, of the peer with most waiting connections;
//! 2. where none waits, the oldest with an unauthenticated request, of the peer with most such;
//! 3. where there is none of those either, the oldest of the person with most, if they are
//!    more than [`MAX_KEPT_PER_PERSON`]: no browser and no server has so many.
//!
//! So a client that fills the service up makes room with its own connections.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use crate::identity::Identity;

/// How many connections with a request a person keeps when there is no room.
const MAX_KEPT_PER_PERSON: usize = 64;

/// The holder of a connection, and the connection's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// A peer from which no request has come (since the last answer).
    Waiting(Peer),
    /// A peer with an unauthenticated request.
    Stranger(Peer),
    /// A person with a request; without a Hub all people are the same.
    Person(Option<String>),
}

impl Holder {
    /// The order in which holders of `has` connections make room; `None` keeps all it has.
    fn rank(&self, has: usize) -> Option<u8> {
        match self {
            Self::Waiting(_) => Some(0),
            Self::Stranger(_) => Some(1),
            Self::Person(Some(_)) if has > MAX_KEPT_PER_PERSON => Some(2),
            Self::Person(_) => None,
        }
    }
}

/// All connections, by their holders.
#[derive(Default)]
pub(super) struct ConnectionTable {
    held: Mutex<HeldConnections>,
    changed: Notify,
}

/// The connections in the table, and those that are about to end.
#[derive(Default)]
struct HeldConnections {
    /// Goes up with each change, so that a smaller number is an older one.
    clock: u64,
    /// The tokens that end each holder's connections, the oldest first; no map is empty.
    by_holder: HashMap<Holder, BTreeMap<u64, CancellationToken>>,
    /// The count of connections that were told to end and are still there.
    leaving: usize,
}

/// The place of one connection in the table, free when it is dropped.
pub(crate) struct ConnectionPlace {
    table: Arc<ConnectionTable>,
    peer: Peer,
    ended: CancellationToken,
    /// Its position in the table; `None` once it was told to end.
    position: Mutex<Option<(Holder, u64)>>,
}

impl ConnectionTable {
    /// A place for a new connection of this peer's.
    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> ConnectionPlace {
        let ended = CancellationToken::new();
        let holder = Holder::Waiting(peer);
        let since = self.held.lock().add(holder.clone(), ended.clone());
        ConnectionPlace {
            table: Arc::clone(self),
            peer,
            ended,
            position: Mutex::new(Some((holder, since))),
        }
    }

    /// Tells one connection to end; false when each keeps its place.
    pub(super) fn make_room(&self) -> bool {
        let mut held = self.held.lock();
        let Some((holder, since)) = held.next_to_go() else {
            return false;
        };
        let ended = held.remove(&holder, since);
        held.leaving += usize::from(ended.is_some());
        drop(held);
        metrics::counter!("pipalhub_connections_ended_for_room_total").increment(1);
        if let Some(ended) = ended {
            ended.cancel();
        }
        true
    }

    /// How many connections were told to end and have not ended yet.
    pub(super) fn leaving(&self) -> usize {
        self.held.lock().leaving
    }

    /// Waits until a connection has changed its state, or is gone.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl HeldConnections {
    fn add(&mut self, holder: Holder, ended: CancellationToken) -> u64 {
        self.clock += 1;
        self.by_holder
            .entry(holder)
            .or_default()
            .insert(self.clock, ended);
        self.clock
    }

    fn remove(&mut self, holder: &Holder, since: u64) -> Option<CancellationToken> {
        let all = self.by_holder.get_mut(holder)?;
        let ended = all.remove(&since);
        if all.is_empty() {
            self.by_holder.remove(holder);
        }
        ended
    }

    fn next_to_go(&self) -> Option<(Holder, u64)> {
        let ranked = self.by_holder.iter().filter_map(|(holder, all)| {
            let (oldest, _) = all.first_key_value()?;
            let rank = holder.rank(all.len())?;
            Some((rank, std::cmp::Reverse(all.len()), *oldest, holder))
        });
        let (_, _, oldest, holder) =
            ranked.min_by_key(|(rank, most, oldest, _)| (*rank, *most, *oldest))?;
        Some((holder.clone(), oldest))
    }
}

impl ConnectionPlace {
    /// The token that ends the connection, when it is to make room.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Notes that a request has come, not authenticated yet; false when the connection was told
    /// to end.
    pub(super) fn begin_request(&self) -> bool {
        self.move_to(Holder::Stranger(self.peer))
    }

    /// Notes that the request is this person's.
    pub(crate) fn set_person(&self, identity: &Identity) {
        let person = identity.from_hub.then(|| identity.user.clone());
        self.move_to(Holder::Person(person));
    }

    /// Notes that the answer is sent.
    pub(super) fn end_request(&self) {
        self.move_to(Holder::Waiting(self.peer));
    }

    /// The peer at the other end.
    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    fn move_to(&self, holder: Holder) -> bool {
        let mut at = self.position.lock();
        let Some((before, since)) = at.as_ref() else {
            return false;
        };
        let mut held = self.table.held.lock();
        let Some(ended) = held.remove(before, *since) else {
            // It was told to end in between.
            *at = None;
            return false;
        };
        let since = held.add(holder.clone(), ended);
        drop(held);
        *at = Some((holder, since));
        self.table.changed.notify_one();
        true
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let at = self.position.lock().take();
        let mut held = self.table.held.lock();
        let was_held = at.is_some_and(|(holder, since)| held.remove(&holder, since).is_some());
        if !was_held {
            held.leaving = held.leaving.saturating_sub(1);
        }
        drop(held);
        self.table.changed.notify_one();
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

    fn ended(places: &[ConnectionPlace]) -> Vec<bool> {
        let ended = places.iter().map(|place| place.ended.is_cancelled());
        ended.collect()
    }

    #[test]
    fn the_oldest_waiting_connection_of_the_peer_with_most_goes_first() {
        let table = Arc::new(ConnectionTable::default());
        let ana = table.take(peer(1));
        let mallory: Vec<_> = (0..3).map(|_| table.take(peer(2))).collect();
        // A connection whose request was answered waits anew.
        assert!(mallory[0].begin_request());
        mallory[0].end_request();
        assert!(table.make_room());
        assert_eq!(ended(&mallory), [false, true, false]);
        assert!(table.make_room());
        assert_eq!(ended(&mallory), [false, true, true]);
        assert!(!ana.ended.is_cancelled());
        assert_eq!(table.leaving(), 2);
        drop(mallory);
        assert_eq!(table.leaving(), 0);
    }

    #[test]
    fn a_connection_with_a_request_stays_longer() {
        let table = Arc::new(ConnectionTable::default());
        let mallory: Vec<_> = (0..4).map(|_| table.take(peer(2))).collect();
        let ana = table.take(peer(1));
        assert!(ana.begin_request());
        ana.set_person(&person("ana"));
        assert!(mallory[0].begin_request() && mallory[1].begin_request());
        // The waiting ones first; then those with an unauthenticated request.
        for expected in [
            [false, false, true, false],
            [false, false, true, true],
            [true, false, true, true],
            [true, true, true, true],
        ] {
            assert!(table.make_room());
            assert_eq!(ended(&mallory), expected);
        }
        assert!(!table.make_room());
        assert!(!ana.ended.is_cancelled());
        // A connection that was told to end begins no further request.
        assert!(!mallory[0].begin_request());
    }

    #[test]
    fn a_person_keeps_as_many_connections_as_any_browser_needs() {
        let table = Arc::new(ConnectionTable::default());
        let hold = |user: &str, from_hub: bool| {
            let place = table.take(peer(1));
            assert!(place.begin_request());
            place.set_person(&Identity {
                from_hub,
                ..person(user)
            });
            place
        };
        let instructor: Vec<_> = (0..2 * MAX_KEPT_PER_PERSON)
            .map(|_| hold("instructor", false))
            .collect();
        let ana: Vec<_> = (0..MAX_KEPT_PER_PERSON)
            .map(|_| hold("ana", true))
            .collect();
        assert!(!table.make_room());
        let mallory: Vec<_> = (0..=MAX_KEPT_PER_PERSON)
            .map(|_| hold("mallory", true))
            .collect();
        assert!(table.make_room() && !table.make_room());
        assert!(mallory[0].ended.is_cancelled());
        drop((instructor, ana, mallory));
        let held = table.held.lock();
        assert_eq!((held.by_holder.len(), held.leaving), (0, 0));
    }
}
