//! What is asked of the steward, and what it answers: one request a connection, as a line of
//! JSON, and lines of JSON back, of which the last is the answer.
//!
//! The steward trusts nothing of a request: names, passwords and sizes are checked where they are
//! used, whoever has checked them before.

use serde::{Deserialize, Serialize};
use shared::{
    packages::{PackageEdit, PackageJob, PackageLogResponse, PackagePlan, PackagesResponse},
    users::{AuditEntry, NewUser, PreviewResponse, UserCredentials, UsersChange, UsersResponse},
};

/// Longest request in bytes: a class that is imported, with passwords.
pub(crate) const MAX_REQUEST_BYTES: usize = 2 << 20;
/// Longest answer in bytes.
pub(crate) const MAX_REPLY_BYTES: usize = 4 << 20;

/// A request. It has no `Debug`, since it holds passwords.
///
/// `as_root` is said by the command line for root, who may change those who are protected; of
/// others it counts for nothing, and the service says it never.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StewardRequest {
    /// What can be done here.
    Hello {},
    /// Everyone in the list.
    ListUsers {},
    /// Reads a list that somebody has pasted, and adds nobody.
    ReadList { text: String },
    /// Adds users.
    AddUsers {
        by: String,
        users: Vec<NewUser>,
        #[serde(default)]
        as_root: bool,
    },
    /// Gives a user another password: this one, or a new one.
    ResetPassword {
        by: String,
        username: String,
        #[serde(default)]
        password: Option<String>,
        #[serde(default)]
        as_root: bool,
    },
    /// Removes a user; the home stays.
    RemoveUser {
        by: String,
        username: String,
        #[serde(default)]
        as_root: bool,
    },
    /// Deletes the home that a removed user has left.
    DeleteHome {
        by: String,
        username: String,
        #[serde(default)]
        as_root: bool,
    },
    /// Has servers started or stopped: of these users, or of everyone.
    Servers {
        by: String,
        start: bool,
        #[serde(default)]
        usernames: Option<Vec<String>>,
    },
    /// Brings the system to what the list says; more than a few accounts are removed only when
    /// `remove` says how many.
    Reconcile {
        #[serde(default)]
        remove: Option<usize>,
    },
    /// The newest changes.
    Audit { most: usize },
    /// Something about packages.
    Packages { request: PackageRequest },
}

/// What is asked about packages.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum PackageRequest {
    /// What is asked for, and what is installed.
    List {},
    /// What a change would do.
    Plan { edit: PackageEdit },
    /// Begins a change.
    Start { by: String, edit: PackageEdit },
    /// Brings the environment to what the file says: begins a change if there is one.
    Apply { by: String },
    /// The log of a change from a line on.
    Log { job: Option<u64>, from: usize },
    /// Stops a change.
    Stop { by: String, job: u64 },
}

impl StewardRequest {
    /// Whether it changes users, one request at a time; what only reads waits for none of them.
    pub(crate) fn changes_users(&self) -> bool {
        matches!(
            self,
            Self::AddUsers { .. }
                | Self::ResetPassword { .. }
                | Self::RemoveUser { .. }
                | Self::DeleteHome { .. }
                | Self::Reconcile { .. }
        )
    }
}

/// A line of an answer.
#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum StewardReply {
    /// How far a long request is; more lines follow.
    Progress {
        done: usize,
        of: usize,
    },
    Hello(StewardInfo),
    Users(UsersResponse),
    List(PreviewResponse),
    Change(UsersChange),
    Credentials(UserCredentials),
    Done {},
    Audit {
        entries: Vec<AuditEntry>,
    },
    Packages(PackagesResponse),
    PackagePlan(PackagePlan),
    PackageJob(PackageJob),
    PackageLog(PackageLogResponse),
    /// This steward is for no environment.
    NoEnvironment {},
    /// Nothing was done, and why.
    Refused {
        reason: String,
        /// The user who is meant is not in the list.
        #[serde(default)]
        is_unknown: bool,
    },
}

/// What a steward can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StewardInfo {
    pub(crate) version: String,
    /// Whether it makes passwords.
    pub(crate) makes_accounts: bool,
    /// Where the list is.
    pub(crate) users_file: String,
}
