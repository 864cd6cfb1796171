//! The history: every version of every notebook, for as long as the settings say.
//!
//! A version is stored as the bytes of the file without private cells ([`crate::homes::NotebookFile`]),
//! cut where its cells are (`pieces`). Each piece is stored once for the whole class, and the
//! pieces together give the bytes back. The recorder is an observer of the class and gives versions
//! to a [`HistoryStore`] from a thread of its own, so a save never waits for its history.
//!
//! History follows the path. A renamed notebook begins a new history, and the old one stays under
//! the old path until its retention ends, as that of a deleted notebook does. The newest version of
//! each notebook stays for as long as there is room, so that a notebook of last month has a past.
//!
//! Not here: writing a version back into a home ([`crate::homes::OpenHome::create_beside`]) and
//! which users may ask for a version ([`crate::routes`]).

mod align;
mod diff;
mod lru_cache;
mod pieces;
mod queue;
mod recorder;
mod sqlite;

use std::time::Duration;

pub use align::CellChanges;
pub use diff::{difference, line_difference};
pub use recorder::Recorder;
pub use sqlite::SqliteHistory;
pub(crate) use sqlite::inspect;

use crate::class::CopyId;

/// How long versions are kept. A version's age counts from when the service noticed it, not from
/// the file's modification time.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Versions older than this are removed, but for the newest of each notebook.
    pub max_age: Duration,
    /// While the store is larger than this, the oldest versions of the participant with the most
    /// bytes are removed.
    pub max_bytes: u64,
    /// An age and an interval: of versions older than the age, one in each interval is kept.
    pub thinned: [(Duration, Duration); 2],
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Retention {
    /// Every version for a day, one in five minutes for a week, then one an hour.
    #[must_use]
    pub fn new(days: u32, max_bytes: u64) -> Self {
        Self {
            max_age: 24 * HOUR * days,
            max_bytes,
            thinned: [(24 * HOUR, HOUR / 12), (7 * 24 * HOUR, HOUR)],
        }
    }
}

/// A version to be added to the history.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// The copy that was saved.
    pub key: &'a CopyId,
    /// Modification time of the file.
    pub saved_at_ms: i64,
    /// When the service noticed the save, by this machine's clock.
    pub noted_at_ms: i64,
    /// Number of cells.
    pub cells: usize,
    /// The cells that differ from the version before.
    pub counts: CellChanges,
    /// The file without private cells.
    pub bytes: &'a [u8],
}

/// A version in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, which counts upwards through the versions of all notebooks.
    pub id: i64,
    /// Modification time of the file.
    pub saved_at_ms: i64,
    /// Number of cells.
    pub cells: usize,
    /// The cells that differed from the version before.
    pub counts: CellChanges,
}

/// Why the history gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// SQLite failed.
    #[error("the history cannot be used: {0}")]
    Engine(String),
    /// The disk has only the reserve left, which is for events.
    #[error("{0}")]
    NoRoom(String),
}

/// Is told of versions that were added.
pub trait HistoryFollower: Send + Sync {
    /// Copies of this notebook have new versions. The recorder calls this: it takes note and leaves
    /// the work to a thread of its own.
    fn has_versions(&self, filename: &str);
}

/// Stores versions. Every method may wait for the disk.
pub trait HistoryStore: Send + Sync {
    /// Adds the versions that differ from the newest version of their notebook, all or none.
    /// Returns for each whether it was added.
    ///
    /// # Errors
    /// When they could not be stored.
    fn add(&self, saves: &[NewVersion<'_>]) -> Result<Vec<bool>, HistoryError>;

    /// The newest `limit` versions of one notebook, or those before version `before`;
    /// newest first.
    ///
    /// # Errors
    /// When the store cannot be read; so with the other methods.
    fn versions(
        &self,
        key: &CopyId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Version>, HistoryError>;

    /// One version of one notebook, `None` when it is not kept or is another notebook's.
    ///
    /// # Errors
    /// As above.
    fn version(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError>;

    /// The version of the same notebook that came after `id`.
    ///
    /// # Errors
    /// As above.
    fn next(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError>;

    /// The versions of everyone's copies of the notebook `filename` that came after version `after`,
    /// at most `limit`, oldest first, each with its participant.
    ///
    /// # Errors
    /// As above.
    fn versions_of_all(
        &self,
        filename: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, HistoryError>;

    /// The number of the newest version of all notebooks; 0 when there is none.
    ///
    /// # Errors
    /// As above.
    fn newest(&self) -> Result<i64, HistoryError>;

    /// Size of the file in that version, in bytes; it is found piece by piece.
    ///
    /// # Errors
    /// As above.
    fn length(&self, key: &CopyId, id: i64) -> Result<Option<u64>, HistoryError>;

    /// The bytes of that version.
    ///
    /// # Errors
    /// As above.
    fn bytes(&self, key: &CopyId, id: i64) -> Result<Option<Vec<u8>>, HistoryError>;

    /// Does one small step of removing versions beyond the retention, and of deleting pieces that
    /// no version needs. Returns whether there is more to do now.
    ///
    /// # Errors
    /// As above.
    fn tidy(&self, retention: &Retention, now_ms: i64) -> Result<bool, HistoryError>;

    /// Size on the disk, in bytes.
    ///
    /// # Errors
    /// As above.
    fn size(&self) -> Result<u64, HistoryError>;

    /// Checks that the reserve on the disk leaves room for so many bytes.
    ///
    /// # Errors
    /// [`HistoryError::NoRoom`] when it does not.
    fn check_room(&self, bytes: u64) -> Result<(), HistoryError>;

    /// Whether [`HistoryStore::tidy`] has to be called before more versions are added: a
    /// participant may have exceeded the quota.
    fn is_urgent(&self) -> bool;

    /// Why versions of this participant are missing, for them and for instructors to read.
    fn note(&self, user: &str) -> Option<String>;
}
