//! The accounts that the list is for.

use shared::users::{AccountsKind, AccountsSummary};

use super::{
    applied,
    file::{Credential, UserEntry},
    hub_accounts::{self, HubAccounts, HubUsersView},
    name::{NameRule, Username},
    stale_locks,
    system::{AccountError, SystemAccounts},
    system_view::{self, SystemView},
};

/// What an entry of the list becomes.
pub(crate) enum Accounts {
    /// An account of the system, whom the Hub signs in by PAM.
    System(SystemAccounts),
    /// A user of the Hub, which signs people in without the system.
    Hub(Box<HubAccounts>),
    /// Nothing: the list has names only.
    Names,
}

/// The accounts at one moment, where the list is for such.
pub(crate) enum AccountsView {
    System(SystemView),
    Hub(HubUsersView),
    Names,
}

impl Accounts {
    /// What the list says of itself.
    pub(crate) fn summary(&self) -> AccountsSummary {
        let kind = match self {
            Self::System(_) => AccountsKind::System,
            Self::Hub(hub) => return hub.summary(),
            Self::Names => AccountsKind::Names,
        };
        AccountsSummary {
            kind,
            ..AccountsSummary::default()
        }
    }

    /// What names there can be.
    pub(crate) fn rule(&self) -> NameRule {
        match self {
            Self::System(_) => NameRule::System,
            Self::Hub(_) | Self::Names => NameRule::Hub,
        }
    }

    /// Whether passwords are made here.
    pub(crate) fn has_passwords(&self) -> bool {
        match self {
            Self::System(_) => true,
            Self::Hub(hub) => hub.has_passwords(),
            Self::Names => false,
        }
    }

    /// The file of what was applied, in the steward's own folder.
    pub(super) fn state_file(&self) -> &'static str {
        match self {
            Self::Hub(_) => hub_accounts::STATE_FILE,
            Self::System(_) | Self::Names => applied::STATE_FILE,
        }
    }

    /// The users of the Hub, if the list is for them.
    pub(super) fn of_hub(&self) -> Option<&HubAccounts> {
        match self {
            Self::Hub(hub) => Some(hub),
            Self::System(_) | Self::Names => None,
        }
    }

    /// Makes ready for a change.
    pub(super) fn prepare(&self) {
        if let Self::System(_) = self {
            stale_locks::remove();
        }
    }

    /// The accounts as they are now.
    pub(super) async fn view(&self) -> Result<AccountsView, AccountError> {
        self.look(true).await
    }

    /// The accounts as they are or were a moment ago, for those who only read.
    pub(super) async fn recent_view(&self) -> Result<AccountsView, AccountError> {
        self.look(false).await
    }

    async fn look(&self, is_to_change: bool) -> Result<AccountsView, AccountError> {
        Ok(match self {
            Self::System(system) => AccountsView::System(system.view()?),
            Self::Hub(hub) => AccountsView::Hub(hub.view(is_to_change).await?),
            Self::Names => AccountsView::Names,
        })
    }

    /// Whether there is an account.
    ///
    /// # Errors
    /// When there is one of this name that the list must not touch.
    pub(super) fn has(&self, view: &AccountsView, name: &Username) -> Result<bool, AccountError> {
        match (self, view) {
            (Self::System(system), AccountsView::System(view)) => system.has(view, name),
            (Self::Hub(hub), AccountsView::Hub(view)) => hub.has(view, name),
            _ => Ok(true),
        }
    }

    /// The number of a new account of this name, above `mark`; `None` where nothing is made, and 0
    /// where accounts have no numbers.
    pub(super) async fn number_for(
        &self,
        view: &AccountsView,
        name: &Username,
        mark: u32,
    ) -> Result<Option<u32>, AccountError> {
        match (self, view) {
            (Self::System(system), AccountsView::System(view)) => {
                system.number_for(view, name, mark).await.map(Some)
            }
            (Self::Hub(_), _) => Ok(Some(0)),
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
            Self::Hub(hub) => hub.create(entry, begun.is_some()).await,
            Self::Names => Ok(true),
        }
    }

    /// Sets the passwords of accounts that are there.
    pub(super) async fn set_passwords(&self, entries: &[&UserEntry]) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.set_passwords(entries).await,
            Self::Hub(hub) => hub.set_passwords(entries).await,
            Self::Names => Ok(()),
        }
    }

    /// The hash that the system keeps of a password.
    pub(super) fn hash_of(&self, name: &Username) -> Result<Option<String>, AccountError> {
        match self {
            Self::System(_) => Ok(system_view::hash_of(name.as_str())?),
            Self::Hub(_) | Self::Names => Ok(None),
        }
    }

    /// Removes an account and returns its number, if it has one; the home stays.
    pub(super) async fn remove(&self, name: &Username) -> Result<Option<u32>, AccountError> {
        match self {
            Self::System(system) => system.remove(name).await,
            Self::Hub(hub) => hub.remove(name).await.map(|()| None),
            Self::Names => Ok(None),
        }
    }

    /// Deletes the home that somebody with this number has left.
    pub(super) async fn delete_home(&self, name: &Username, id: u32) -> Result<(), AccountError> {
        match self {
            Self::System(system) => system.delete_home(name, id).await,
            Self::Hub(_) | Self::Names => Ok(()),
        }
    }
}
