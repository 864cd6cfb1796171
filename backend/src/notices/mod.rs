//! Notices: short texts of an instructor's that participants read where they work.
//!
//! * `draft.rs`: what may be sent
//! * `board.rs`: the [`Board`], where they stand: whom each is for, what has changed since
//!   when, and waking those who wait
//! * `sqlite.rs`: keeping them and who has read them, behind [`NoticeStore`]
//!
//! The board holds the notices in memory, ready to be sent, since a whole class asks for
//! them at once; the store alone knows who has read what.
//!
//! Not here: who may write ([`crate::routes`]) and how often ([`crate::limits`]).

mod board;
mod draft;
mod sqlite;

pub use board::{Board, News, Sent};
pub use draft::Draft;
pub use sqlite::SqliteNotices;
pub(crate) use sqlite::inspect;

/// As many are kept; what is over goes, oldest first, and then nothing more is taken.
pub(crate) const MOST: usize = 1_000;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoticeError {
    /// The store failed: a full or read-only disk, an I/O error.
    #[error("the notices cannot be used: {0}")]
    Engine(String),
    /// As many notices stand as may.
    #[error("{MOST} notices stand: take some back first")]
    Full,
}

/// A notice that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub id: i64,
    /// What was written.
    pub draft: Draft,
    /// By whom.
    pub author: String,
    /// When.
    pub created_at_ms: i64,
    /// When it was taken back.
    pub retracted_at_ms: Option<i64>,
}

impl Kept {
    /// Whether it is to be read by anyone at that time.
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

/// How far a notice got with one reader, and when first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// It was on their screen.
    pub shown_at_ms: Option<i64>,
    /// They opened or dismissed it.
    pub opened_at_ms: Option<i64>,
}

/// Keeps notices. Every method may wait for the disk; what is written is on it afterwards.
pub trait NoticeStore: Send + Sync {
    /// All that are kept, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read or written; so with the other methods.
    fn all(&self) -> Result<Vec<Kept>, NoticeError>;

    /// Adds one; the answer is its number, which no other had or gets.
    ///
    /// # Errors
    /// As above.
    fn add(&self, draft: &Draft, author: &str, at_ms: i64) -> Result<i64, NoticeError>;

    /// Notes that it was taken back.
    ///
    /// # Errors
    /// As above.
    fn retract(&self, id: i64, at_ms: i64) -> Result<(), NoticeError>;

    /// Removes one and its receipts.
    ///
    /// # Errors
    /// As above.
    fn remove(&self, id: i64) -> Result<(), NoticeError>;

    /// Adds to what is known of a reader; what was known already stays.
    ///
    /// # Errors
    /// As above.
    fn note(&self, id: i64, user: &str, receipt: Receipt) -> Result<(), NoticeError>;

    /// What one reader has read.
    ///
    /// # Errors
    /// As above.
    fn read_by(&self, user: &str) -> Result<Vec<(i64, Receipt)>, NoticeError>;

    /// Who has read one notice, by name.
    ///
    /// # Errors
    /// As above.
    fn readers_of(&self, id: i64) -> Result<Vec<(String, Receipt)>, NoticeError>;
}
