//! A store whose reads of the journal a test can pause.

use std::sync::Arc;

use backend::store::{
    CommittedEvent, EventFilter, EventStore, JournalBounds, JournalPage, NewEvent, SqliteStore,
    StoreError,
};
use futures::future::BoxFuture;
use shared::wire::Event;
use tokio::sync::{broadcast, watch};

/// A [`SqliteStore`] whose reads of the journal wait while `is_paused`.
pub(crate) struct PausedStore {
    store: SqliteStore,
    pub(crate) is_paused: watch::Sender<bool>,
}

impl PausedStore {
    pub(crate) fn new(store: SqliteStore) -> Arc<Self> {
        let is_paused = watch::Sender::new(false);
        Arc::new(Self { store, is_paused })
    }
}

impl EventStore for PausedStore {
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
        let mut is_paused = self.is_paused.subscribe();
        Box::pin(async move {
            is_paused.wait_for(|is_paused| !is_paused).await.unwrap();
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
