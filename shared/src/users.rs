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
    /// Why the server did not start the last time, in the Hub's words.
    pub server_failure: Option<String>,
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

/// What the names of the list become, and so who makes passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountsKind {
    /// Accounts of the system, whom the Hub signs in by PAM.
    #[default]
    System,
    /// Users of the Hub, whose passwords its NativeAuthenticator keeps.
    Native,
    /// Users of the Hub, who all have the same password.
    Shared,
    /// Users of the Hub, whom an outside provider signs in.
    Outside,
    /// Nothing: the list has names only.
    Names,
}

impl AccountsKind {
    /// Whether the list makes a password for each.
    pub fn makes_passwords(self) -> bool {
        matches!(self, Self::System | Self::Native)
    }
}

/// Who signs people in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountsSummary {
    /// What the names of the list become.
    pub kind: AccountsKind,
    /// The class of the Hub's authenticator, where the Hub was asked.
    pub provider: Option<String>,
    /// The one password of all, for instructors, where the Hub's configuration tells it.
    pub shared_password: Option<String>,
}

impl fmt::Debug for AccountsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsSummary")
            .field("kind", &self.kind)
            .field("provider", &self.provider)
            .field(
                "shared_password",
                &self.shared_password.as_ref().map(|_| "***"),
            )
            .finish()
    }
}

/// A change of the list that is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunningChange {
    /// Who has asked for it, as the audit list has it.
    pub by: String,
    /// What is done: `add`, `reset`, `remove`, `delete_home` or `reconcile`.
    pub action: String,
    /// How many are done.
    pub done: usize,
    /// Of how many; 0 where that is not known.
    pub of: usize,
    /// Since when, in milliseconds since 1970, by the steward's clock.
    pub begun_ms: i64,
}

impl fmt::Display for RunningChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, done, of, .. } = self;
        match self.action.as_str() {
            "add" => write!(f, "{by} adds users, {done} of {of} are done"),
            "reset" => write!(f, "{by} sets a password"),
            "remove" | "delete_home" => write!(f, "{by} removes a user"),
            _ => write!(
                f,
                "the list is brought to the accounts, as it was changed by hand"
            ),
        }
    }
}

/// The class's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersResponse {
    /// In the order of the file.
    pub users: Vec<ListedUser>,
    /// What of the file is passed over.
    pub problems: Vec<UsersFileProblem>,
    /// How many servers are being started or stopped from here, or wait for it; none where the
    /// steward is no service of the Hub's.
    pub servers_waiting: Option<usize>,
    /// Who signs people in.
    #[serde(default)]
    pub accounts: AccountsSummary,
    /// The change that is not done yet, if there is one.
    #[serde(default)]
    pub change: Option<RunningChange>,
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

/// The body of `POST /users/servers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServersRequest {
    /// Whether servers are started, or stopped.
    pub start: bool,
    /// Whose; of everyone in the list without it.
    #[serde(default)]
    pub usernames: Option<Vec<String>>,
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
    /// What was done: `add`, `reset`, `remove`, `delete_home`, `reconcile`, `start_servers`,
    /// `stop_servers` or `packages`.
    pub action: String,
    /// With whom, or with which packages.
    #[serde(alias = "username")]
    pub subject: String,
    /// Why it did not work, if so.
    pub failure: Option<String>,
}
