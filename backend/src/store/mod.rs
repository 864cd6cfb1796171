//! Events: the trait of a store, and its promises. `sqlite/` implements it.
//!
//! Two views of the same facts: the *list*, which holds the latest event of each
//! `(type, user, path)` in the order they first came, and the *journal*, which holds
//! every event under a sequence number of its own and feeds the stream.

mod sqlite;

use futures::future::BoxFuture;
use shared::wire::Event;
use tokio::sync::broadcast;

pub use sqlite::{SqliteStore, StoreOptions, versions};
pub(crate) use sqlite::{inspect, users};

/// An event to be stored; the store gives it its `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The type of the event, such as [`shared::wire::SAVE_NOTEBOOK`].
    pub kind: String,
    /// The participant.
    pub user: String,
    /// The path below the participant's home.
    pub filename: String,
    /// The whole path.
    pub path: String,
    /// In the form of [`crate::time::format()`].
    pub timestamp: String,
}

/// An event that is on disk, and its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedEvent {
    /// Counts every event ever stored, from 1.
    pub seq: i64,
    /// The event as it was stored.
    pub event: Event,
}

/// A filter of events by equal fields; a field that is `None` matches every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// [`Event::id`]
    pub id: Option<i64>,
    /// [`Event::kind`]
    pub kind: Option<String>,
    /// [`Event::user`]
    pub user: Option<String>,
    /// [`Event::filename`]
    pub filename: Option<String>,
    /// [`Event::path`]
    pub path: Option<String>,
    /// [`Event::timestamp`], in the form of [`crate::time::format()`]
    pub timestamp: Option<String>,
}

impl EventFilter {
    /// The same filter for one user alone; `None` when it asks for another user's events.
    #[must_use]
    pub fn of_user(mut self, user: &str) -> Option<Self> {
        let asked = self.user.get_or_insert_with(|| user.to_owned());
        (asked == user).then_some(self)
    }

    /// Whether `event` matches.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        fn is(wanted: Option<&String>, value: &str) -> bool {
            wanted.is_none_or(|wanted| wanted == value)
        }
        self.id.is_none_or(|id| id == event.id)
            && is(self.kind.as_ref(), &event.kind)
            && is(self.user.as_ref(), &event.user)
            && is(self.filename.as_ref(), &event.filename)
            && is(self.path.as_ref(), &event.path)
            && is(self.timestamp.as_ref(), &event.timestamp)
    }
}

/// Matching entries of the journal, and how far it was searched for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPage {
    /// The entries that match, oldest first.
    pub entries: Vec<CommittedEvent>,
    /// No other entry matches up to this sequence number. It is later than the one in the
    /// request, unless the journal ends there.
    pub seen: i64,
    /// Whether no entry after the sequence number in the request has been cut off.
    pub is_whole: bool,
}

/// The part of the journal that is still kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalBounds {
    /// A reader that has seen this sequence number, or a later one, has missed no entry that was
    /// cut off.
    pub complete_after: i64,
    /// The newest committed sequence number, 0 when there is none.
    pub newest: i64,
}

/// Why a store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The engine failed: a full or read-only disk, an I/O error.
    #[error("{0}")]
    Engine(String),
    /// The event would be one key more than its user may have.
    #[error("{user} has {most} entries already")]
    TooManyKeys {
        /// The event's user.
        user: String,
        /// How many they may have.
        most: u32,
    },
    /// The queue of events is full.
    #[error("too many events are waiting to be stored")]
    Overloaded,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A store of events.
pub trait EventStore: Send + Sync + 'static {
    /// Stores `event`; when this returns, it survives a crash. A known
    /// `(kind, user, path)` keeps its id and its place in the list.
    fn append(&self, event: NewEvent) -> BoxFuture<'_, Result<CommittedEvent, StoreError>>;

    /// The same, unless the event has a new key and its user has `most` keys already.
    fn append_within(
        &self,
        event: NewEvent,
        most: u32,
    ) -> BoxFuture<'_, Result<CommittedEvent, StoreError>>;

    /// The latest events that match, in the order their keys first came.
    fn list(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<Event>, StoreError>>;

    /// At most `limit` journal entries after `seq` that match, as far as can be searched in a
    /// moment: a reader who may see few entries does not wait until one matches.
    fn journal_after(
        &self,
        seq: i64,
        limit: usize,
        filter: EventFilter,
    ) -> BoxFuture<'_, Result<JournalPage, StoreError>>;

    /// The part of the journal that is still kept.
    fn journal_bounds(&self) -> BoxFuture<'_, Result<JournalBounds, StoreError>>;

    /// Every event committed from now on. A receiver that lags reads what it missed
    /// from [`EventStore::journal_after`].
    fn subscribe(&self) -> broadcast::Receiver<CommittedEvent>;

    /// Why the last write failed, until one succeeds again, in words that every user may
    /// read. A store in trouble tries by itself whether it is over.
    fn trouble(&self) -> Option<String>;
}
