//! Errands: files that a participant's own server writes into its home, where the service
//! cannot. A restored version of a notebook is one, a handout is one for each participant it is
//! for.
//!
//! * `desk.rs`: the [`ErrandDesk`], which gives errands to the servers that ask, and wakes those
//!   that wait
//! * `filename.rs`: which paths may be proposed for a new file, and which audiences a handout has
//! * `sqlite.rs`: keeps errands and handouts, behind [`ErrandStore`]
//!
//! An errand goes through the database and not through memory: a server asks for its own only,
//! by an index, and an errand that was promised survives the service.
//!
//! Not here: the right to hand out and to restore ([`crate::routes`]).

mod desk;
mod filename;
mod sqlite;

use sha2::{Digest, Sha256};
use shared::errands::{ErrandState, HandoutAudience};

pub use desk::ErrandDesk;
pub(crate) use filename::{check_audience, handout_filename, is_notebook, upload_filename};
pub use sqlite::SqliteErrands;
pub(crate) use sqlite::inspect;

/// Largest sum of the contents of all handouts, in bytes; a content of several handouts counts
/// once.
pub(crate) const MAX_STORED_BYTES: u64 = 1 << 30;
/// Most handouts that are kept; those that were taken back make room.
pub(crate) const MAX_HANDOUTS: i64 = 200;
/// Most restores of one participant that wait for the server of that participant.
pub(crate) const MAX_PENDING_RESTORES: i64 = 20;
/// Most errands in one answer; the next answer has those that follow.
const MAX_LISTED: i64 = 100;
/// An errand that was pending for so long is removed.
pub(crate) const MAX_PENDING_MS: i64 = 30 * 24 * 3_600 * 1_000;
/// A restore that was done or has failed is listed beside the versions for so long.
pub(crate) const SETTLED_LISTED_MS: i64 = 24 * 3_600 * 1_000;
/// A handout is one server's to write. Another server of the same participant may write it once
/// the first has not asked for so long: two servers would write two files.
pub(crate) const CLAIM_MS: i64 = 5 * 60 * 1_000;

/// An error of the desk or of its store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ErrandError {
    /// The store failed: a full or read-only disk, an I/O error.
    #[error("the errands cannot be used: {0}")]
    Engine(String),
    /// The limit of handouts is reached.
    #[error("{MAX_HANDOUTS} handouts stand: take some back first")]
    TooManyHandouts,
    /// The limit of bytes of all handouts is reached.
    #[error(
        "the handouts would have more than {} MiB together: take some back first",
        MAX_STORED_BYTES >> 20
    )]
    NoRoom,
    /// The same content is handed out under this name and to this audience already.
    #[error("this is handed out as {0} to the same people already: take that back first")]
    SameHandout(String),
    /// The rest of the disk is kept free for events.
    #[error("the handout cannot be kept: {0}; free some space on the service's disk")]
    DiskFull(String),
    /// The limit of waiting restores of this participant is reached.
    #[error("{MAX_PENDING_RESTORES} restores wait until {0}'s server runs: wait for those")]
    TooManyRestores(String),
}

/// What is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoutSource {
    /// The notebook of this user at this path.
    Notebook(String, String),
    /// A file from the instructor's computer.
    Upload,
}

/// A notebook or another file that is about to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoutDraft {
    /// The instructor.
    pub author: String,
    /// What it is.
    pub source: HandoutSource,
    /// The proposed path of the new files.
    pub filename: String,
    /// The participants that it is for.
    pub to: HandoutAudience,
}

/// A handout that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHandout {
    /// Its number.
    pub id: i64,
    /// What was handed out, and to whom.
    pub draft: HandoutDraft,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// When it was handed out.
    pub created_at_ms: i64,
    /// When it was taken back.
    pub retracted_at_ms: Option<i64>,
}

impl HandoutDraft {
    /// Whose notebook it is. Nobody's is a file that was uploaded.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        match &self.source {
            HandoutSource::Notebook(user, _) => Some(user),
            HandoutSource::Upload => None,
        }
    }
}

impl StoredHandout {
    /// Whether it is for `user`, a member of these groups. The owner of the notebook gets no copy
    /// of it.
    #[must_use]
    pub fn is_for(&self, user: &str, groups: &[String]) -> bool {
        self.draft.owner() != Some(user)
            && match &self.draft.to {
                HandoutAudience::Everyone(_) => true,
                HandoutAudience::Group(name) => groups.contains(name),
                HandoutAudience::User(name) => name == user,
            }
    }
}

/// A version of a notebook that is to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreDraft {
    /// Whose notebook it is.
    pub user: String,
    /// The notebook's path.
    pub notebook: String,
    /// The server of theirs that has the notebook; empty for the default one.
    pub server: String,
    /// The version's number in the history.
    pub version: i64,
    /// The proposed path of the new file.
    pub filename: String,
    /// The version's bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Where an errand's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrandSource {
    /// A version in the history.
    Version {
        /// The notebook's path.
        notebook: String,
        /// The version's number.
        version: i64,
    },
    /// The handout with this number.
    Handout(i64),
}

/// An errand that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredErrand {
    /// Its number.
    pub id: i64,
    /// Whose home the file goes to.
    pub user: String,
    /// Where the content comes from.
    pub source: ErrandSource,
    /// The proposed path of the new file.
    pub filename: String,
    /// The content's bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Its state.
    pub state: ErrandState,
    /// The path of the new file, once it is there.
    pub written: Option<String>,
    /// Why it could not be written.
    pub reason: Option<String>,
    /// When the participant opened it first.
    pub opened_at_ms: Option<i64>,
    /// The server that does it, empty for the default one; none while no server has asked for a
    /// handout.
    pub server: Option<String>,
}

/// What becomes of an errand, as the participant's server reports it or a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrandChange {
    /// The file is at this path.
    Done(String),
    /// It could not be written, for this reason.
    Failed(String),
    /// The participant has opened it.
    Opened,
    /// The restore was taken back.
    Retracted,
}

/// A participant whose server has asked for errands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPerson {
    /// Their groups of the Hub.
    pub groups: Vec<String>,
    /// Their default server has asked, and not only servers with a name.
    pub has_default_server: bool,
}

/// The SHA-256 of a file's bytes, in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps errands and handouts. Every method may wait for the disk, and returns after its changes
/// are on the disk.
pub trait ErrandStore: Send + Sync {
    /// Adds a handout and its content; returns its number, which is never used again. The oldest
    /// handout that was taken back makes room.
    ///
    /// # Errors
    /// When the store cannot be read or written; so with the other methods. And when the same
    /// handout stands, or too many do.
    fn add_handout(
        &self,
        draft: &HandoutDraft,
        content: &[u8],
        at_ms: i64,
    ) -> Result<i64, ErrandError>;

    /// Notes that a handout was taken back, and drops its content unless another handout has the
    /// same; returns whether the handout exists.
    ///
    /// # Errors
    /// As above.
    fn retract(&self, handout: i64, at_ms: i64) -> Result<bool, ErrandError>;

    /// All handouts, newest first.
    ///
    /// # Errors
    /// As above.
    fn handouts(&self) -> Result<Vec<StoredHandout>, ErrandError>;

    /// The content of a handout that stands.
    ///
    /// # Errors
    /// As above.
    fn content(&self, handout: i64) -> Result<Option<Vec<u8>>, ErrandError>;

    /// The errands of a handout, by their users' names.
    ///
    /// # Errors
    /// As above.
    fn errands_of(&self, handout: i64) -> Result<Vec<StoredErrand>, ErrandError>;

    /// Adds a restore; returns its number, or the number of the same restore that waits already.
    ///
    /// # Errors
    /// As above; and when too many wait.
    fn add_restore(&self, draft: &RestoreDraft, at_ms: i64) -> Result<i64, ErrandError>;

    /// Makes an errand for `user` of each handout that is for a member of these groups and has
    /// none yet.
    ///
    /// # Errors
    /// As above.
    fn give_handouts(&self, user: &str, groups: &[String], at_ms: i64) -> Result<(), ErrandError>;

    /// Makes this server of `user` the one that writes the pending handouts which no other server
    /// of theirs writes: no other has claimed them, or not for five minutes.
    ///
    /// # Errors
    /// As above.
    fn claim_handouts(&self, user: &str, server: &str, at_ms: i64) -> Result<(), ErrandError>;

    /// The oldest pending errands of this server of `user`, without those of handouts that were
    /// taken back.
    ///
    /// # Errors
    /// As above.
    fn pending(&self, user: &str, server: &str) -> Result<Vec<StoredErrand>, ErrandError>;

    /// The newest handout that stands which this server of `user` has written to this path, and
    /// its bytes.
    ///
    /// # Errors
    /// As above.
    fn handout_at(
        &self,
        user: &str,
        server: &str,
        path: &str,
    ) -> Result<Option<(i64, u64)>, ErrandError>;

    /// The restores of a notebook of `user` that are pending, and those that were done or have
    /// failed since `since_ms`; newest first.
    ///
    /// # Errors
    /// As above.
    fn restores(
        &self,
        user: &str,
        notebook: &str,
        since_ms: i64,
    ) -> Result<Vec<StoredErrand>, ErrandError>;

    /// One errand.
    ///
    /// # Errors
    /// As above.
    fn errand(&self, id: i64) -> Result<Option<StoredErrand>, ErrandError>;

    /// Notes a change of an errand; returns whether its state has changed. A done errand stays
    /// done, and one that has failed or was taken back may still be done.
    ///
    /// # Errors
    /// As above.
    fn change(&self, id: i64, change: &ErrandChange, at_ms: i64) -> Result<bool, ErrandError>;

    /// Removes errands that have waited since before this time.
    ///
    /// # Errors
    /// As above.
    fn expire(&self, before_ms: i64) -> Result<(), ErrandError>;

    /// The participants whose server has asked for errands.
    ///
    /// # Errors
    /// As above.
    fn people(&self) -> Result<Vec<(String, KnownPerson)>, ErrandError>;

    /// Notes what is known of a participant.
    ///
    /// # Errors
    /// As above.
    fn note_person(&self, user: &str, person: &KnownPerson) -> Result<(), ErrandError>;
}
