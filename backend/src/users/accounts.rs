//! The accounts that the list is for.

use super::{
    file::{Credential, UserEntry},
    name::{NameRule, Username},
    stale_locks,
    system::{AccountError, SystemAccounts},
    system_view::{self, SystemView},
};

/// What an entry of the list becomes.
#[derive(Debug)]
pub(crate) enum Accounts {
    /// An account of the system, whom the Hub signs in by PAM.
    System(SystemAccounts),
    /// Nothing: an outside provider signs people in, and the list has their names only.
    Names,
}

/// The accounts of the system at one moment, where the list is for such.
pub(crate) struct AccountsView(Option<SystemView>);

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
    pub(super) fn prepare(&self) {
        if let Self::System(_) = self {
            stale_locks::remove();
        }
    }

    /// The accounts as they are now.
    pub(super) fn view(&self) -> Result<AccountsView, AccountError> {
        match self {
            Self::System(system) => Ok(AccountsView(Some(system.view()?))),
            Self::Names => Ok(AccountsView(None)),
        }
    }

    /// Whether there is an account.
    ///
    /// # Errors
    /// When there is one of this name that the list must not touch.
    pub(super) fn has(&self, view: &AccountsView, name: &Username) -> Result<bool, AccountError> {
        match (self, &view.0) {
            (Self::System(system), Some(view)) => system.has(view, name),
            _ => Ok(true),
        }
    }

    /// The number of a new account of this name, above `mark`; `None` where accounts have none.
    pub(super) async fn number_for(
        &self,
        view: &AccountsView,
        name: &Username,
        mark: u32,
    ) -> Result<Option<u32>, AccountError> {
        match (self, &view.0) {
            (Self::System(system), Some(view)) => {
                system.number_for(view, name, mark).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Makes an account, with the number `begun`, unless it is there; one that was begun is
    /// finished. `true` if it is new.
    pub(super) async fn create(
        &self,
        entry: &UserEntry,
        begun: Option<u32>,
    ) -> Result<bool, AccountError> {
        match self {
            // An account without a password would wait for somebody to find that out.
            Self::System(_) if matches!(entry.credential, Credential::Absent) => {
                Err(AccountError::NoPassword(entry.name.clone()))
            }
            Self::System(system) => system.create(&entry.name, begun).await,
            Self::Names => Ok(true),
        }
    }

    /// Sets the passwords of accounts that are there.
    pub(super) async fn set_passwords(&self, entries: &[&UserEntry]) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.set_passwords(entries).await,
            Self::Names => Ok(()),
        }
    }

    /// The hash that the system keeps of a password.
    pub(super) fn hash_of(&self, name: &Username) -> Result<Option<String>, AccountError> {
        match self {
            Self::System(_) => Ok(system_view::hash_of(name.as_str())?),
            Self::Names => Ok(None),
        }
    }

    /// Removes an account and returns its number, if it has one; the home stays.
    pub(super) async fn remove(&self, name: &Username) -> Result<Option<u32>, AccountError> {
        match self {
            Self::System(system) => system.remove(name).await,
            Self::Names => Ok(None),
        }
    }

    /// Deletes the home that somebody with this number has left.
    pub(super) async fn delete_home(&self, name: &Username, id: u32) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.delete_home(name, id).await,
            Self::Names => Ok(()),
        }
    }
}
