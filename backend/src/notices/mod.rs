//! Notices: short texts of instructors that participants read while they work.
//!
//! * `draft.rs`: checks a notice before it is sent
//! * `shown.rs`: how it is shown
//! * `board.rs`: the [`NoticeBoard`] with all notices: the participants each is for, the changes
//!   since a number, and waking waiting readers
//! * `listeners.rs`: who has a page open that shows it at once
//! * `sqlite.rs`: stores notices and receipts, behind [`NoticeStore`]
//!
//! The board holds the notices in memory, ready to be sent, because a whole class asks for them at
//! once; only the store has the receipts.
//!
//! Not here: who may write ([`crate::routes`]) and how often ([`crate::limits`]).

mod board;
mod draft;
mod listeners;
mod shown;
mod sqlite;

pub use board::{AddressedNotice, NoticeBoard, NoticeUpdate};
pub use draft::NoticeDraft;
pub use listeners::{NoticeListener, NoticeListeners};
pub use shown::{brief, rendered};
pub use sqlite::SqliteNotices;
pub(crate) use sqlite::inspect;

/// Notices that are kept. For a new one the oldest that is over is removed; when all stand, the new
/// one is refused.
pub(crate) const MAX_NOTICES: usize = 1_000;

/// Why a notice could not be read or stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoticeError {
    /// The store failed: a full or read-only disk, an I/O error.
    #[error("the notices cannot be used: {0}")]
    Engine(String),
    /// As many notices stand as are kept.
    #[error("{MAX_NOTICES} notices stand: take some back first")]
    Full,
}

/// A notice in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNotice {
    /// Its number.
    pub id: i64,
    /// What the instructor wrote.
    pub draft: NoticeDraft,
    /// The instructor who wrote it.
    pub author: String,
    /// When it was posted.
    pub created_at_ms: i64,
    /// When it was taken back.
    pub retracted_at_ms: Option<i64>,
}

impl StoredNotice {
    /// Whether readers see it at that time.
    #[must_use]
    pub fn stands(&self, now_ms: i64) -> bool {
        self.retracted_at_ms.is_none() && !self.is_over(now_ms)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.draft.until_ms.is_some_and(|until| until <= now_ms)
    }
}

/// How far a notice got with one reader, with the first time of each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// When the notice was on the reader's screen.
    pub shown_at_ms: Option<i64>,
    /// When the reader opened or dismissed it.
    pub opened_at_ms: Option<i64>,
}

/// Stores notices and receipts. Every method may wait for the disk; written data is on it
/// afterwards.
pub trait NoticeStore: Send + Sync {
    /// All notices, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read or written; so with the other methods.
    fn all(&self) -> Result<Vec<StoredNotice>, NoticeError>;

    /// Adds a notice. Returns its number, which no other notice had or gets.
    ///
    /// # Errors
    /// As above.
    fn add(&self, draft: &NoticeDraft, author: &str, at_ms: i64) -> Result<i64, NoticeError>;

    /// Records that a notice was taken back.
    ///
    /// # Errors
    /// As above.
    fn retract(&self, id: i64, at_ms: i64) -> Result<(), NoticeError>;

    /// Removes a notice and its receipts.
    ///
    /// # Errors
    /// As above.
    fn remove(&self, id: i64) -> Result<(), NoticeError>;

    /// Adds to the receipt of a reader; times that are known already stay.
    ///
    /// # Errors
    /// As above.
    fn note(&self, id: i64, user: &str, receipt: Receipt) -> Result<(), NoticeError>;

    /// The receipts of one reader, by the notice's number.
    ///
    /// # Errors
    /// As above.
    fn read_by(&self, user: &str) -> Result<Vec<(i64, Receipt)>, NoticeError>;

    /// The receipts of one notice, by the reader's name.
    ///
    /// # Errors
    /// As above.
    fn readers_of(&self, id: i64) -> Result<Vec<(String, Receipt)>, NoticeError>;
}
