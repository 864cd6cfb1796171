//! A store whose journal is read by nobody for as long as a test says so.

use std::sync::Arc;

use backend::store::{
    CommittedEvent, EventFilter, EventStore, JournalBounds, JournalPage, NewEvent, SqliteStore,
    StoreError,
};
use futures::future::BoxFuture;
use shared::wire::Event;
use tokio::sync::{broadcast, watch};

/// See the module's words.
pub(crate) struct Held {
    store: SqliteStore,
    pub(crate) is_held: watch::Sender<bool>,
}

impl Held {
    pub(crate) fn new(store: SqliteStore) -> Arc<Self> {
        let is_held = watch::Sender::new(false);
        Arc::new(Self { store, is_held })
    }
}

impl EventStore for Held {
    fn append(&self, event: NewEvent) -> BoxFuture<'_, Result<CommittedEvent, StoreError>> {
        self.store.append(event)
    }

    fn append_within(
        &self,
        event: NewEvent,
        most: u32,
    ) -> BoxFuture<'_, Result<CommittedEvent, StoreError>> {
        self.store.append_within(event, most)
    }

    fn list(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<Event>, StoreError>> {
        self.store.list(filter)
    }

    fn journal_after(
        &self,
        seq: i64,
        limit: usize,
        filter: EventFilter,
    ) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        let mut is_held = self.is_held.subscribe();
        Box::pin(async move {
            is_held.wait_for(|is_held| !is_held).await.unwrap();
            self.store.journal_after(seq, limit, filter).await
        })
    }

    fn journal_bounds(&self) -> BoxFuture<'_, Result<JournalBounds, StoreError>> {
        self.store.journal_bounds()
    }

    fn subscribe(&self) -> broadcast::Receiver<CommittedEvent> {
        self.store.subscribe()
    }

    fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }
}
