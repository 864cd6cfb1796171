//! What was committed last, in memory and ready to be sent: however many follow the
//! class, an event is encoded once, and the store is asked for nothing but the past.
//!
//! * `ring.rs`: the newest events
//! * `frame.rs`: an event as the bytes of a server-sent event
//! * `asides.rs`: what streams say beside the events
//!
//! Nothing is queued for anyone here. A reader keeps its place, a sequence number, and
//! asks for what comes after it when it has room; so one that is slow costs nothing and
//! holds up nobody. Who may see what is not decided here: see `routes/stream.rs`.

mod asides;
mod frame;
mod ring;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tokio_util::sync::CancellationToken;

pub(crate) use asides::Aside;
pub use asides::{Asides, Audience};
pub(crate) use frame::{AT_ONCE, Entry, beat, greeting};
pub(crate) use ring::Tail;

use crate::store::{CommittedEvent, EventStore, StoreError};
use ring::Ring;

/// See the module's words.
pub struct Feed {
    ring: Mutex<Ring>,
    newest: watch::Sender<i64>,
}

impl Feed {
    /// Follows `store` until `ending` is cancelled.
    ///
    /// # Errors
    /// When the store cannot say where it stands.
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

    /// The events after `seq`, as far as they are here, some at a time.
    pub(crate) fn after(&self, seq: i64) -> Tail {
        self.ring().after(seq)
    }

    /// Whether a reader at this place has missed nothing that is not here.
    pub(crate) fn covers(&self, seq: i64) -> bool {
        self.ring().covers(seq)
    }

    /// The newest sequence number, to wait for the next.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    async fn follow(&self, mut live: Receiver<CommittedEvent>) {
        loop {
            match live.recv().await {
                Ok(committed) => self.add(committed, &mut live),
                // What was missed is in the journal; the ring begins anew behind the gap.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Adds an event and those that came with it, and wakes the readers once.
    fn add(&self, first: CommittedEvent, live: &mut Receiver<CommittedEvent>) {
        let mut newest = first.seq;
        self.push(first);
        // After a lag this ends, and the next turn goes on with what is left.
        while let Ok(committed) = live.try_recv() {
            newest = committed.seq;
            self.push(committed);
        }
        self.newest.send_replace(newest);
    }

    fn push(&self, committed: CommittedEvent) {
        let entry = Arc::new(Entry::new(committed));
        self.ring().push(entry);
    }

    /// A panic while it was held leaves at worst an event out, and the next one is then
    /// behind a gap.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock()
    }
}
