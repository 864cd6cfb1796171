//! The accounts that the list is for.

use super::{
    file::{Credential, UserEntry},
    name::{NameRule, Username},
    stale_locks,
    system::{AccountError, SystemAccounts},
};

/// What an entry of the list becomes.
#[derive(Debug)]
pub(crate) enum Accounts {
    /// An account of the system, whom the Hub signs in by PAM.
    System(SystemAccounts),
    /// Nothing: an outside provider signs people in, and the list has their names only.
    Names,
}

impl Accounts {
    /// What names there can be.
    pub(crate) fn rule(&self) -> NameRule {
        match self {
            Self::System(_) => NameRule::System,
            Self::Names => NameRule::Hub,
        }
    }

    /// Whether passwords are made here.
    pub(crate) fn has_passwords(&self) -> bool {
        matches!(self, Self::System(_))
    }

    /// Makes ready for a change.
    pub(crate) fn prepare(&self) {
        if let Self::System(_) = self {
            stale_locks::remove();
        }
    }

    /// Whether there is an account.
    ///
    /// # Errors
    /// When there is one of this name that the list must not touch.
    pub(crate) fn has(&self, name: &Username) -> Result<bool, AccountError> {
        match self {
            Self::System(system) => match system.find(name)? {
                None => Ok(false),
                Some(account) if account.is_ours => Ok(true),
                Some(_) => Err(AccountError::NotOurs(name.clone())),
            },
            Self::Names => Ok(true),
        }
    }

    /// Makes an account, unless it is there; one that was begun is finished. `true` if it is new.
    pub(crate) async fn create(
        &self,
        entry: &UserEntry,
        is_begun: bool,
    ) -> Result<bool, AccountError> {
        match self {
            // An account without a password would wait for somebody to find that out.
            Self::System(_) if matches!(entry.credential, Credential::Absent) => {
                Err(AccountError::NoPassword(entry.name.clone()))
            }
            Self::System(system) => system.create(&entry.name, is_begun).await,
            Self::Names => Ok(true),
        }
    }

    /// Sets the passwords of accounts that are there.
    pub(crate) async fn set_passwords(&self, entries: &[&UserEntry]) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.set_passwords(entries).await,
            Self::Names => Ok(()),
        }
    }

    /// The hash that the system keeps of a password.
    pub(crate) fn hash_of(&self, name: &Username) -> Result<Option<String>, AccountError> {
        match self {
            Self::System(system) => system.hash_of(name),
            Self::Names => Ok(None),
        }
    }

    /// Removes an account; the home stays. `false` if there is none.
    pub(crate) async fn remove(&self, name: &Username) -> Result<bool, AccountError> {
        match self {
            Self::System(system) => system.remove(name).await,
            Self::Names => Ok(true),
        }
    }

    /// Deletes the home that somebody has left.
    pub(crate) async fn delete_home(&self, name: &Username) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.delete_home(name).await,
            Self::Names => Ok(()),
        }
    }
}
