//! Brings accounts to what the list says, a few at a time, and keeps what is done after each few.

use shared::users::{RefusalKind, RefusedUser, UserCredentials, UsersChange, UsersFileProblem};

use super::{
    accounts::{Accounts, AccountsView},
    error::UserListError,
    file::{Credential, LineError, UserEntry},
    hub_servers::HubServers,
    list_store::{ListStore, OpenUserList},
    name::Username,
    system::AccountError,
};
use crate::secret::Secret;

/// Accounts that are made before their passwords are set and all of it is kept.
const STEP: usize = 25;
/// So many accounts a change of the file by hand removes without being asked: a few, or a tenth.
const FEW: usize = 3;
const FEW_OF: usize = 10;

/// Whose accounts may be removed because they are not in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// Nobody's: somebody was added, or has another password.
    None,
    /// A few: the file was changed by hand, or cut by an accident.
    Few,
    /// Exactly so many, as whoever asks for it has said.
    Confirmed(usize),
}

/// Applies the list.
pub(super) struct Applier<'a> {
    pub(super) store: &'a ListStore,
    pub(super) accounts: &'a Accounts,
    pub(super) servers: Option<&'a HubServers>,
}

impl Applier<'_> {
    /// Does what is left to do; `on_progress` is told how many accounts were looked after.
    pub(super) async fn apply(
        &self,
        open: &mut OpenUserList,
        removal: Removal,
        on_progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<UsersChange, UserListError> {
        let mut change = UsersChange {
            problems: self.store.problems(&open.file),
            ..UsersChange::default()
        };
        let view = self.accounts.view().await?;
        let entries = open.file.entries().cloned();
        let is_open = |entry: &UserEntry| {
            let is_there = self.accounts.has(&view, &entry.name).unwrap_or(false);
            !open.applied.is_applied(entry) || !is_there
        };
        let entries: Vec<UserEntry> = entries.filter(is_open).collect();
        let mut done = 0;
        for step in entries.chunks(STEP) {
            self.apply_step(open, step, &view, &mut change).await?;
            done += step.len();
            on_progress(done);
            if self.store.settings.keep_hashes {
                self.hash_passwords(open)?;
            }
        }
        self.remove_gone(open, removal, &mut change).await?;
        if self.store.settings.keep_hashes {
            self.hash_passwords(open)?;
        }
        Ok(change)
    }

    async fn apply_step(
        &self,
        open: &mut OpenUserList,
        step: &[UserEntry],
        view: &AccountsView,
        change: &mut UsersChange,
    ) -> Result<(), UserListError> {
        let without_number = self.begin(open, step, view).await?;
        let mut waiting = Vec::new();
        for entry in step {
            let refusal = without_number.iter().find(|(name, _)| *name == &entry.name);
            if let Some((_, error)) = refusal {
                change.refused.push(refused(entry.name.as_str(), error));
                continue;
            }
            let begun = open.applied.begun(entry.name.as_str());
            match self.accounts.create(entry, begun).await {
                Ok(is_new) => {
                    if self.accounts.of_hub().is_some() && begun.is_some() {
                        open.applied.note_made(entry.name.as_str());
                    }
                    waiting.push((entry, is_new));
                }
                Err(error) => change.refused.push(refused(entry.name.as_str(), &error)),
            }
        }
        open.applied.finish();
        let made: Vec<&UserEntry> = waiting.iter().map(|(entry, _)| *entry).collect();
        let set = self.set_passwords(waiting, change).await;
        let has_none = |entry: &&UserEntry| !set.iter().any(|(it, _)| it.name == entry.name);
        for entry in made.into_iter().filter(has_none) {
            self.take_back(open, entry).await;
        }
        for (entry, is_new) in set {
            open.applied.note(entry);
            let credentials = UserCredentials {
                username: entry.name.to_string(),
                password: None,
            };
            match is_new {
                true => change.added.push(credentials),
                false => change.changed.push(credentials),
            }
        }
        self.store.save(&open.applied)
    }

    /// Chooses the numbers of accounts that are not there, and keeps them before any is made.
    /// Returns those for whom there is none.
    async fn begin<'a>(
        &self,
        open: &mut OpenUserList,
        step: &'a [UserEntry],
        view: &AccountsView,
    ) -> Result<Vec<(&'a Username, AccountError)>, UserListError> {
        // A system is looked at anew, for the numbers that were given; nobody but this makes the
        // Hub's users meanwhile, and listing them takes requests.
        let now;
        let view = match self.accounts.of_hub() {
            Some(_) => view,
            None => {
                now = self.accounts.view().await?;
                &now
            }
        };
        let mut without = Vec::new();
        let mut has_begun = false;
        for entry in step {
            let name = &entry.name;
            if open.applied.begun(name.as_str()).is_some()
                || !matches!(self.accounts.has(view, name), Ok(false))
            {
                continue;
            }
            let mark = open.applied.highest_number();
            match self.accounts.number_for(view, name, mark).await {
                Ok(Some(number)) => {
                    open.applied.begin(name.as_str(), number);
                    has_begun = true;
                }
                Ok(None) => {}
                Err(error) => without.push((name, error)),
            }
        }
        if has_begun {
            self.store.save(&open.applied)?;
        }
        Ok(without)
    }

    /// Removes a user of the Hub who was made and could not be given the password, so that they are
    /// not there without being in the list.
    async fn take_back(&self, open: &mut OpenUserList, entry: &UserEntry) {
        let name = &entry.name;
        let is_known = open.applied.names().any(|it| it == name.as_str());
        if is_known || !open.applied.has_made(name.as_str()) {
            return;
        }
        match self.accounts.remove(name).await {
            Ok(_) => open.applied.note_removed(name.as_str(), None),
            Err(error) => tracing::warn!(user = %name, %error, "a user of the Hub is left"),
        }
    }

    /// Sets passwords, all at once; where that fails, one by one, so that one bad password keeps
    /// nobody else out. Returns those that are set.
    async fn set_passwords<'a>(
        &self,
        waiting: Vec<(&'a UserEntry, bool)>,
        change: &mut UsersChange,
    ) -> Vec<(&'a UserEntry, bool)> {
        let entries: Vec<&UserEntry> = waiting.iter().map(|(entry, _)| *entry).collect();
        if self.accounts.set_passwords(&entries).await.is_ok() {
            return waiting;
        }
        let mut done = Vec::new();
        for (entry, is_new) in waiting {
            match self.accounts.set_passwords(&[entry]).await {
                Ok(()) => done.push((entry, is_new)),
                Err(error) => change.refused.push(refused(entry.name.as_str(), &error)),
            }
        }
        done
    }

    /// Removes the accounts of those who are gone from the list.
    async fn remove_gone(
        &self,
        open: &mut OpenUserList,
        removal: Removal,
        change: &mut UsersChange,
    ) -> Result<(), UserListError> {
        let names = open.applied.names().map(ToOwned::to_owned);
        let gone: Vec<String> = names.filter(|name| !open.file.mentions(name)).collect();
        if gone.is_empty() || removal == Removal::None {
            return Ok(());
        }
        if let Some(reason) = reason_to_keep(open, removal, gone.len()) {
            change
                .problems
                .push(UsersFileProblem { line: None, reason });
            return Ok(());
        }
        for name in gone {
            match self.remove(open, &name).await {
                Ok(()) => change.removed.push(name),
                Err(error) => change.refused.push(refused(&name, &error)),
            }
        }
        Ok(())
    }

    /// Removes the account of somebody who is not in the list.
    pub(super) async fn remove(
        &self,
        open: &mut OpenUserList,
        name: &str,
    ) -> Result<(), AccountError> {
        let mut number = None;
        if let Ok(name) = Username::parse(name, open.file.rule()) {
            let is_of_hub = self.accounts.of_hub().is_some();
            // Their account goes all the same, and with it what runs.
            if !is_of_hub
                && let Some(servers) = self.servers
                && let Err(reason) = servers.remove(&name).await
            {
                tracing::warn!(user = %name, %reason, "the Hub keeps a user who was removed");
            }
            // Those who were users of the Hub before stay.
            if !is_of_hub || open.applied.has_made(name.as_str()) {
                number = self.accounts.remove(&name).await?;
            }
        }
        open.applied.note_removed(name, number);
        if let Err(error) = self.store.save(&open.applied) {
            tracing::error!(%error, "a removal is not kept; it is done once more");
        }
        Ok(())
    }

    /// Puts the system's hashes in the place of passwords.
    fn hash_passwords(&self, open: &mut OpenUserList) -> Result<(), UserListError> {
        let plain = open.file.entries().filter(|entry| {
            matches!(entry.credential, Credential::Password(_)) && open.applied.is_applied(entry)
        });
        let plain: Vec<Username> = plain.map(|entry| entry.name.clone()).collect();
        let mut hashed = false;
        for name in plain {
            let Ok(Some(hash)) = self.accounts.hash_of(&name) else {
                continue;
            };
            let credential = Credential::Hash(Secret::new(hash));
            open.file.set(&name, &credential);
            open.applied.note(&UserEntry { name, credential });
            hashed = true;
        }
        if hashed {
            // In this order an end between the two sets hashes once more, and loses nothing.
            self.store.write(&open.file)?;
            self.store.save(&open.applied)?;
        }
        Ok(())
    }
}

/// Why accounts that are not in the list stay, if they do: the file may have been cut, or be half
/// written.
fn reason_to_keep(open: &OpenUserList, removal: Removal, gone: usize) -> Option<String> {
    let is_unclear = |error: &LineError| !matches!(error, LineError::Twice(_));
    let unclear = open
        .file
        .problems()
        .into_iter()
        .find(|it| is_unclear(&it.error));
    let confirm = format!("remove them with `pipalhub users apply --remove {gone}`");
    match removal {
        Removal::Confirmed(number) if number == gone => None,
        Removal::Confirmed(number) => Some(format!(
            "{gone} accounts are not in the list, and not {number}: none is removed. To do so, \
             {confirm}"
        )),
        _ if open.file.entries().next().is_none() => Some(format!(
            "the list is empty or gone, and {gone} accounts are there that it has made: none is \
             removed. If they are to go, {confirm}"
        )),
        _ if unclear.is_some() => Some(format!(
            "while lines of the list are passed over, nobody is removed: mend them, or {confirm}"
        )),
        _ if gone > FEW.max(open.applied.len() / FEW_OF) => Some(format!(
            "{gone} of {} accounts are not in the list any more, which are many at once: none is \
             removed. If they are to go, {confirm}",
            open.applied.len()
        )),
        Removal::None | Removal::Few => None,
    }
}

pub(super) fn refused(username: &str, error: &AccountError) -> RefusedUser {
    RefusedUser {
        username: username.to_owned(),
        kind: kind_of(error),
        reason: error.to_string(),
    }
}

pub(super) fn kind_of(error: &AccountError) -> RefusalKind {
    match error {
        AccountError::NotOurs(_)
        | AccountError::HomeTaken(_)
        | AccountError::OfHub(_)
        | AccountError::Powerful(_) => RefusalKind::Exists,
        AccountError::NoPassword(_) | AccountError::HashOfSystem(_) => RefusalKind::Password,
        AccountError::NoNumber
        | AccountError::Home(..)
        | AccountError::Hub(_)
        | AccountError::Command(_)
        | AccountError::Read(..) => RefusalKind::Account,
    }
}
