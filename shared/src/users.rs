//! The wire types of users: who is in the class's list, and what is done with it. They travel
//! between the steward, the service, the page and the command line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The page of users, below the service's prefix. A program that asks for it gets the list.
pub const USERS_PAGE: &str = "users";

/// Somebody to add.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUser {
    /// The name of the account.
    pub username: String,
    /// The password; one is made where there is none.
    #[serde(default)]
    pub password: Option<String>,
}

/// A user with a password that has just been set, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserCredentials {
    /// The name of the account.
    pub username: String,
    /// The password; none where somebody else makes passwords.
    pub password: Option<String>,
}

/// Passwords are in no log, which `Debug` writes.
macro_rules! debug_without_password {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("username", &self.username)
                    .field("password", &self.password.as_ref().map(|_| "***"))
                    .finish()
            }
        }
    };
}

debug_without_password!(NewUser);
debug_without_password!(UserCredentials);

/// What the list has of a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoredPassword {
    /// The password itself.
    Plain,
    /// Its hash.
    Hash,
    /// Nothing.
    None,
}

/// A user of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedUser {
    /// The name of the account.
    pub username: String,
    /// What the list has of the password.
    pub password: StoredPassword,
    /// Whether the account is there.
    pub has_account: bool,
    /// Why there is none, or why it is not as the list says.
    pub failure: Option<String>,
}

/// A line of `users.txt` that is passed over, or a warning about the whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersFileProblem {
    /// The number of the line, from 1; none where it is about the whole file.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// The class's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersResponse {
    /// In the order of the file.
    pub users: Vec<ListedUser>,
    /// What of the file is passed over.
    pub problems: Vec<UsersFileProblem>,
}

/// A line of a list that somebody wants to import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportLine {
    /// The number of the line, from 1.
    pub line: u64,
    /// The name as it is written there.
    pub username: String,
    /// Whether a password stands beside it.
    pub has_password: bool,
    /// Why the line cannot be used.
    pub problem: Option<String>,
    /// A name that could be taken instead.
    pub proposed: Option<String>,
}

/// What keeps somebody from being added, changed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The name can be none of an account.
    Username,
    /// The password cannot be kept.
    Password,
    /// There is one of this name, in the list or on the system.
    Exists,
    /// The system has not done it.
    Account,
}

/// Somebody who could not be added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedUser {
    /// The name of the account.
    pub username: String,
    /// What is wrong.
    pub kind: RefusalKind,
    /// Why, in words for an instructor.
    pub reason: String,
}

/// The body of `POST /users/import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportRequest {
    /// Whom to add.
    pub users: Vec<NewUser>,
}

/// The body of `POST /users/import/preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewRequest {
    /// Names, `name,password`, a table with a header, or lines of a `users.txt`.
    pub text: String,
}

/// A list as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewResponse {
    /// Every line of the list.
    pub lines: Vec<ImportLine>,
    /// Those who can be added, for `POST /users/import`.
    pub users: Vec<NewUser>,
}

/// The changes of the list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditResponse {
    /// 1,000 at most.
    pub entries: Vec<AuditEntry>,
}

/// What has been done with the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersChange {
    /// Whose account is new, with the password, which is shown this once.
    pub added: Vec<UserCredentials>,
    /// Whose password is another.
    pub changed: Vec<UserCredentials>,
    /// Whose account is gone. Their homes stay.
    pub removed: Vec<String>,
    /// For whom it did not work.
    pub refused: Vec<RefusedUser>,
    /// What of the file is passed over.
    pub problems: Vec<UsersFileProblem>,
}

/// A change that somebody has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// When, in milliseconds since 1970, by the steward's clock.
    pub at_ms: i64,
    /// Who: an instructor, or an account of the system before the command line.
    pub by: String,
    /// What was done: `add`, `reset`, `remove`, `delete_home` or `reconcile`.
    pub action: String,
    /// With whom.
    pub username: String,
    /// Why it did not work, if so.
    pub failure: Option<String>,
}
