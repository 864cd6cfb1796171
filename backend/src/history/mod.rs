//! Every version of every notebook, for as long as the settings say.
//!
//! A version is kept as the bytes that were on the disk but for private cells
//! ([`crate::homes::NotebookFile`]), cut where its cells are (`pieces`), each piece once for the
//! whole class; so what comes back is the file as it was saved. The recorder is told of versions as an observer of the class and gives them
//! to a [`HistoryStore`] from a thread of its own: a save never waits for its history.
//!
//! History follows the path. A notebook that is renamed begins a new one, and the old one
//! stays where it was, as that of a deleted notebook does, until its time is over. The newest
//! version of each stays for as long as there is room: so nobody who looks at a notebook of
//! last month finds that it has no past.
//!
//! Not here: writing a version back into a home ([`crate::homes::OpenHome::create_beside`]) and who
//! may ask for what ([`crate::routes`]).

mod align;
mod diff;
mod pieces;
mod queue;
mod recent;
mod recorder;
mod sqlite;

use std::time::Duration;

pub use align::Counts;
pub use diff::difference;
pub use recorder::Recorder;
pub use sqlite::SqliteHistory;
pub(crate) use sqlite::inspect;

use crate::class::CopyId;

/// What is kept for how long, by when a version was noticed and not by what its file says.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Versions older than this go, but for the newest of each notebook.
    pub longest: Duration,
    /// While the store is larger than this, in bytes, the oldest versions of whoever takes
    /// up the most go.
    pub size: u64,
    /// Of the versions older than the first, one in each of the second is kept.
    pub thinned: [(Duration, Duration); 2],
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Bounds {
    /// Every version for a day, one in five minutes for a week, then one an hour.
    #[must_use]
    pub fn new(days: u32, size: u64) -> Self {
        Self {
            longest: 24 * HOUR * days,
            size,
            thinned: [(24 * HOUR, HOUR / 12), (7 * 24 * HOUR, HOUR)],
        }
    }
}

/// A notebook that was saved.
#[derive(Clone, Debug)]
pub struct Save<'a> {
    /// Whose, and which.
    pub key: &'a CopyId,
    /// When, by the file.
    pub saved_at_ms: i64,
    /// When it was noticed, by this machine's clock.
    pub noted_at_ms: i64,
    /// How many cells it has.
    pub cells: usize,
    /// What is new since the version before.
    pub counts: Counts,
    /// The file.
    pub bytes: &'a [u8],
}

/// A version that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, which counts upwards through the versions of all notebooks.
    pub id: i64,
    /// When it was saved, by the file.
    pub saved_at_ms: i64,
    /// How many cells it has.
    pub cells: usize,
    /// What was new when it was saved.
    pub counts: Counts,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// The engine failed.
    #[error("the history cannot be used: {0}")]
    Engine(String),
    /// So little is free on the disk that the rest is left for events.
    #[error("{0}")]
    NoRoom(String),
}

/// Keeps versions. Every method may wait for the disk.
pub trait HistoryStore: Send + Sync {
    /// Adds those that differ from the newest version of their notebook, all or none;
    /// the answer says of each whether it was one of those.
    ///
    /// # Errors
    /// When they could not be stored.
    fn add(&self, saves: &[Save<'_>]) -> Result<Vec<bool>, HistoryError>;

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

    /// The version that came after `id`.
    ///
    /// # Errors
    /// As above.
    fn next(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError>;

    /// How many bytes the file had in that version; found out without holding them.
    ///
    /// # Errors
    /// As above.
    fn length(&self, key: &CopyId, id: i64) -> Result<Option<u64>, HistoryError>;

    /// The file as it was in that version.
    ///
    /// # Errors
    /// As above.
    fn bytes(&self, key: &CopyId, id: i64) -> Result<Option<Vec<u8>>, HistoryError>;

    /// Takes one small step of removing what the bounds do not allow, and of collecting
    /// what nothing needs any more; the answer is whether there is more to do now.
    ///
    /// # Errors
    /// As above.
    fn tidy(&self, bounds: &Bounds, now_ms: i64) -> Result<bool, HistoryError>;

    /// How many bytes it takes up on the disk.
    ///
    /// # Errors
    /// As above.
    fn size(&self) -> Result<u64, HistoryError>;

    /// Whether so many bytes may be added.
    ///
    /// # Errors
    /// [`HistoryError::NoRoom`] when they may not.
    fn check_room(&self, bytes: u64) -> Result<(), HistoryError>;

    /// Whether nothing should be added before [`HistoryStore::tidy`] has had its time:
    /// somebody may have more than their quota.
    fn is_urgent(&self) -> bool;

    /// Why versions of this person are missing, in words for them and for instructors.
    fn note(&self, user: &str) -> Option<String>;
}
