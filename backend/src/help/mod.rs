//! The help queue: who asks for help, who comes, who is done.
//!
//! * `event.rs`: what happens to tickets and notes, as it is kept
//! * `machine.rs`: what all of it comes to, as a function of the events and the time
//! * `order.rs`: in which order people are helped
//! * `desk.rs`: the [`HelpDesk`], which keeps an event before it says so, and tells whom it concerns
//! * `clock.rs`: whether the clock can be believed
//! * `sqlite.rs`: keeps the events, behind [`HelpStore`]
//!
//! What a ticket is about is found out by [`crate::insight`], which also puts whoever asks into the
//! lane. Not here: who may do what ([`crate::routes`]) and how often ([`crate::limits`]).

mod clock;
mod desk;
mod event;
mod machine;
mod order;
mod sqlite;

pub use desk::{HelpDesk, Press, Pressed};
pub use event::{HelpDeed, HelpEvent, StoredHelpEvent, TicketPlace};
pub use machine::{Attended, HelpRefusal};
pub use sqlite::SqliteHelp;
pub(crate) use sqlite::inspect;

/// How long an open ticket, a note and a help count: a class is over by then.
pub(crate) const CLASS_MS: i64 = 12 * 3_600 * 1_000;
/// How long events are kept.
pub(crate) const MAX_AGE_MS: i64 = 30 * 24 * 3_600 * 1_000;
/// What one participant may change of their note within [`CLASS_MS`]: more than anybody does, and
/// little enough to keep.
pub(crate) const MAX_PRESSES: usize = 200;

/// Why something about the help queue was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HelpError {
    /// The store failed: a full or read-only disk, an I/O error.
    #[error("the help queue cannot be used: {0}")]
    Engine(String),
    /// The queue is in another state than was thought.
    #[error(transparent)]
    Refused(#[from] HelpRefusal),
}

/// Keeps what happens to tickets and notes. Every method may wait for the disk; written data is on
/// it afterwards.
pub trait HelpStore: Send + Sync {
    /// What has happened since then, in order.
    ///
    /// # Errors
    /// When the store cannot be read or written; so with the other methods.
    fn since(&self, at_ms: i64) -> Result<Vec<StoredHelpEvent>, HelpError>;

    /// Adds all of these events or none. Returns their numbers, which no other event had or gets.
    ///
    /// # Errors
    /// As above.
    fn append(&self, at_ms: i64, events: &[HelpEvent]) -> Result<Vec<i64>, HelpError>;

    /// Removes what has happened before then.
    ///
    /// # Errors
    /// As above.
    fn tidy(&self, before_ms: i64) -> Result<(), HelpError>;

    /// Removes what is kept of a participant.
    ///
    /// # Errors
    /// As above.
    fn forget(&self, user: &str) -> Result<(), HelpError>;
}
