//! Users of the Hub itself, where its authenticator asks no system.
//!
//! The list touches only those whom it has made: whoever was there before is not given another
//! password, and is not removed.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use shared::users::{AccountsKind, AccountsSummary};

use super::{
    applied::AppliedUsers,
    file::{Credential, UserEntry},
    hub_api::{HubError, StewardHub},
    hub_servers::HubServers,
    name::Username,
    system::AccountError,
    system_view::{SystemView, UnreadablePath},
};
use crate::secret::Secret;

/// Where `HubAccounts` keeps what it has made, in the steward's own folder: apart from what was made
/// of the system, so that neither is taken for the other when the Hub's authenticator is changed.
pub(crate) const STATE_FILE: &str = "hub-users.json";
/// Groups whose members can become root, or read and change what is everyone's.
const POWERFUL_GROUPS: &[&str] = &[
    "adm", "admin", "disk", "docker", "kvm", "libvirt", "lxd", "root", "shadow", "sudo", "wheel",
];
/// How long an answer of the Hub is used for those who only read.
const FRESH: Duration = Duration::from_secs(3);
/// Accounts with smaller numbers are the system's.
const FIRST_PERSON: u32 = 1_000;

/// Users of the Hub.
#[derive(Clone)]
pub(crate) struct HubAccounts {
    pub(crate) kind: AccountsKind,
    /// The class that signs people in.
    pub(crate) provider: Option<String>,
    /// The one password, where all have the same and the Hub's configuration tells it.
    pub(crate) shared_password: Option<Secret>,
    pub(crate) hub: StewardHub,
    pub(crate) servers: HubServers,
    /// The steward's own folder.
    pub(crate) state: PathBuf,
    /// Whom the Hub knew the last time it was asked.
    pub(crate) seen: Arc<Mutex<Option<SeenUsers>>>,
}

/// Whom the Hub knew when it was asked.
#[derive(Clone)]
pub(crate) struct SeenUsers {
    at: Instant,
    there: BTreeSet<String>,
}

/// The Hub's users at one moment.
pub(crate) struct HubUsersView {
    there: BTreeSet<String>,
    /// Those whom the list has made, or is making.
    made: BTreeSet<String>,
    /// The system, where the Hub starts servers of its accounts, by whatever it signs them in.
    system: SystemView,
}

impl HubAccounts {
    /// What the list says of itself.
    pub(super) fn summary(&self) -> AccountsSummary {
        let shared = self.shared_password.as_ref();
        AccountsSummary {
            kind: self.kind,
            provider: self.provider.clone(),
            shared_password: shared.map(|it| it.reveal().to_owned()),
        }
    }

    /// Whether each has a password of their own, which NativeAuthenticator keeps.
    pub(super) fn has_passwords(&self) -> bool {
        self.kind == AccountsKind::Native
    }

    /// The Hub's users as they are now, or for a moment, for those who only read: a page that is
    /// open asks every few seconds.
    pub(super) async fn view(&self, is_to_change: bool) -> Result<HubUsersView, AccountError> {
        let seen = self.seen.lock().clone();
        let recent = seen.filter(|seen| !is_to_change && seen.at.elapsed() < FRESH);
        let there = match recent {
            Some(seen) => seen.there,
            None => self.look().await?,
        };
        let applied = AppliedUsers::load(&self.state, STATE_FILE);
        let applied =
            applied.map_err(|error| UnreadablePath(self.state.join(STATE_FILE), error))?;
        Ok(HubUsersView {
            there,
            made: applied.made().map(ToOwned::to_owned).collect(),
            system: SystemView::read()?,
        })
    }

    async fn look(&self) -> Result<BTreeSet<String>, AccountError> {
        let people = self.hub.people().await?;
        let mut there: BTreeSet<String> = people.into_iter().map(|it| it.name).collect();
        if self.has_passwords() {
            there.append(&mut self.hub.native_people().await?);
        }
        *self.seen.lock() = Some(SeenUsers {
            at: Instant::now(),
            there: there.clone(),
        });
        Ok(there)
    }

    /// Whether the user is there. Fails for one whom the list must not touch.
    pub(super) fn has(&self, view: &HubUsersView, name: &Username) -> Result<bool, AccountError> {
        // Their servers may run as the account of the same name, whatever they sign in with.
        if view.is_powerful(name) {
            return Err(AccountError::Powerful(name.clone()));
        }
        let is_there = view.there.contains(name.as_str());
        match is_there && self.has_passwords() && !view.made.contains(name.as_str()) {
            true => Err(AccountError::OfHub(name.clone())),
            false => Ok(is_there),
        }
    }

    /// Makes the user, where that was begun; those who were there stay as they are. `true` for
    /// somebody who is new in the list.
    pub(super) async fn create(
        &self,
        entry: &UserEntry,
        is_begun: bool,
    ) -> Result<bool, AccountError> {
        if is_begun {
            // Without a password that can be set nobody is made.
            self.password_of(entry)?;
            self.hub.add(&entry.name).await?;
            *self.seen.lock() = None;
        }
        Ok(is_begun || !self.has_passwords())
    }

    /// Sets the passwords of users that are there.
    pub(super) async fn set_passwords(&self, entries: &[&UserEntry]) -> Result<(), AccountError> {
        for entry in entries {
            if let Some(password) = self.password_of(entry)? {
                self.hub.set_native_password(&entry.name, password).await?;
            }
        }
        Ok(())
    }

    fn password_of<'a>(&self, entry: &'a UserEntry) -> Result<Option<&'a Secret>, AccountError> {
        let name = || entry.name.clone();
        match &entry.credential {
            _ if !self.has_passwords() => Ok(None),
            Credential::Password(password) => Ok(Some(password)),
            Credential::Hash(_) => Err(AccountError::HashOfSystem(name())),
            Credential::Absent => Err(AccountError::NoPassword(name())),
        }
    }

    /// Removes a user whom the list has made, and stops their server.
    pub(super) async fn remove(&self, name: &Username) -> Result<(), AccountError> {
        let removed = self.servers.remove(name).await;
        removed.map_err(AccountError::Hub)?;
        if self.has_passwords() {
            self.hub.forget_native(name).await?;
        }
        // Somebody may have looked meanwhile.
        *self.seen.lock() = None;
        Ok(())
    }
}

impl HubUsersView {
    fn is_powerful(&self, name: &Username) -> bool {
        let account = self.system.account(name.as_str());
        account.is_some_and(|account| {
            account.id < FIRST_PERSON || self.system.is_in_any(account, POWERFUL_GROUPS)
        })
    }
}

impl From<HubError> for AccountError {
    fn from(error: HubError) -> Self {
        Self::Hub(error.to_string())
    }
}
