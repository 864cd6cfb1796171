//! The newest committed events, in memory and ready to be sent: an event is encoded once for
//! all readers, and only readers of older events ask the store.
//!
//! * `ring.rs`: the newest events
//! * `frame.rs`: an event as the bytes of a server-sent event
//! * `announcements.rs`: what streams send beside the events
//!
//! No queue is kept for a reader. A reader keeps its place, a sequence number, and asks for the
//! events after it when it has room, so a slow reader costs nothing and delays no other.
//! `routes/stream.rs` decides which events a user may see.

mod announcements;
mod frame;
mod ring;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tokio_util::sync::CancellationToken;

pub(crate) use announcements::Announcement;
pub use announcements::{Announcements, Recipients};
pub(crate) use frame::{EncodedEvent, MAX_BATCH_BYTES, beat, greeting};
pub(crate) use ring::EventsAfter;

use crate::store::{CommittedEvent, EventStore, StoreError};
use ring::Ring;

/// The newest events of the store, for all readers of streams.
pub struct Feed {
    ring: Mutex<Ring>,
    newest: watch::Sender<i64>,
}

impl Feed {
    /// Follows `store` until `ending` is cancelled.
    ///
    /// # Errors
    /// When the store cannot give its newest sequence number.
    pub async fn start(
        store: &dyn EventStore,
        ending: CancellationToken,
    ) -> Result<Arc<Self>, StoreError> {
        // Before the journal is looked at, so that nothing falls between the two.
        let live = store.subscribe();
        let newest = store.journal_bounds().await?.newest;
        let feed = Arc::new(Self {
            ring: Mutex::new(Ring::beginning_after(newest)),
            newest: watch::Sender::new(newest),
        });
        let following = Arc::clone(&feed);
        tokio::spawn(async move {
            tokio::select! {
                () = following.follow(live) => {}
                () = ending.cancelled() => {}
            }
        });
        Ok(feed)
    }

    /// Some of the events after `seq`, when they are in memory.
    pub(crate) fn after(&self, seq: i64) -> EventsAfter {
        self.ring().after(seq)
    }

    /// Whether all events after `seq` are in memory.
    pub(crate) fn covers(&self, seq: i64) -> bool {
        self.ring().covers(seq)
    }

    /// The newest sequence number; a reader waits here for the next.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    async fn follow(&self, mut live: Receiver<CommittedEvent>) {
        loop {
            match live.recv().await {
                Ok(committed) => self.add(committed, &mut live),
                // The missed events are in the journal; the ring begins anew behind the gap.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Adds an event and those that came with it, and wakes the readers once.
    fn add(&self, first: CommittedEvent, live: &mut Receiver<CommittedEvent>) {
        let mut newest = first.seq;
        self.push(first);
        // A lag ends this loop, and the next call goes on with the events that are left.
        while let Ok(committed) = live.try_recv() {
            newest = committed.seq;
            self.push(committed);
        }
        self.newest.send_replace(newest);
    }

    fn push(&self, committed: CommittedEvent) {
        let entry = Arc::new(EncodedEvent::new(committed));
        self.ring().push(entry);
    }

    /// A panic under this lock loses at most one event, and the next event then follows a gap.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock()
    }
}
