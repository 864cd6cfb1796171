//! The class's list, brought to the system: at the start, at each change of the file by hand, and
//! by what instructors ask for.
//!
//! `users.txt` is the truth. Whatever is asked for is written to it first and done then; so after
//! an end at any moment the next start goes on where this one was.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use shared::users::{
    AuditEntry, ListedUser, NewUser, RefusalKind, RefusedUser, StoredPassword, UserCredentials,
    UsersChange, UsersFileProblem, UsersResponse,
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    accounts::Accounts,
    applied::AppliedUsers,
    audit::AuditList,
    error::{MAX_ADDED, UserListError},
    file::{Credential, MAX_FILE_BYTES, UserEntry, UsersFile},
    name::Username,
    password::{self, PasswordError},
    system::AccountError,
    user_list_lock::{UserListLock, make_state_folder},
};
use crate::{files, secret::Secret, time};

/// Where the list and what belongs to it are.
#[derive(Clone, Debug)]
pub(crate) struct UserListSettings {
    /// The file `users.txt`.
    pub(crate) users_file: PathBuf,
    /// The steward's own folder.
    pub(crate) state: PathBuf,
    /// The file holds hashes in place of passwords.
    pub(crate) keep_hashes: bool,
}

/// The list with the accounts it is for.
pub(crate) struct UserList {
    settings: UserListSettings,
    accounts: Accounts,
    audit: AuditList,
    /// One change at a time.
    turn: Mutex<()>,
}

/// What a change of the list needs: the file as it is, and what was applied before.
struct OpenUserList {
    file: UsersFile,
    applied: AppliedUsers,
    /// The lock against other processes.
    _lock: UserListLock,
}

impl UserList {
    pub(crate) fn new(settings: UserListSettings, accounts: Accounts) -> Self {
        let audit = AuditList::new(&settings.state);
        Self {
            settings,
            accounts,
            audit,
            turn: Mutex::default(),
        }
    }

    /// The file `users.txt`.
    pub(crate) fn users_file(&self) -> &Path {
        &self.settings.users_file
    }

    /// What accounts the list is for.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Waits until the change in progress is done, and lets no further one begin.
    pub(crate) async fn close(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Fails where the list cannot be kept.
    pub(crate) fn check(&self) -> Result<(), UserListError> {
        self.read()?;
        make_state_folder(&self.settings.state)
    }

    /// Everyone in the list.
    pub(crate) fn everyone(&self) -> Result<UsersResponse, UserListError> {
        let file = self.read()?;
        let users = file.entries().map(|entry| {
            let (has_account, failure) = match self.accounts.has(&entry.name) {
                Ok(has) => (has, None),
                Err(error) => (false, Some(error.to_string())),
            };
            ListedUser {
                username: entry.name.to_string(),
                password: match entry.credential {
                    Credential::Password(_) => StoredPassword::Plain,
                    Credential::Hash(_) => StoredPassword::Hash,
                    Credential::Absent => StoredPassword::None,
                },
                has_account,
                failure,
            }
        });
        Ok(UsersResponse {
            users: users.collect(),
            problems: self.problems(&file),
        })
    }

    /// The newest changes.
    pub(crate) fn audit(&self, most: usize) -> Result<Vec<AuditEntry>, UserListError> {
        let newest = self.audit.newest(most);
        newest.map_err(|error| UserListError::Read(self.settings.state.clone(), error))
    }

    /// Brings the system to what the list says.
    pub(crate) async fn reconcile(&self) -> Result<UsersChange, UserListError> {
        let _turn = self.turn.lock().await;
        let mut open = self.open().await?;
        let change = self.apply(&mut open, &mut |_| {}).await?;
        // What has failed is in the log, and tried again and again.
        let done = change.added.iter().chain(&change.changed);
        let done = done.map(|it| it.username.as_str());
        let done = done.chain(change.removed.iter().map(String::as_str));
        self.note(
            "the file",
            "reconcile",
            done.map(|username| (username, None)),
        );
        Ok(change)
    }

    /// Adds users, each with the password that is given or a new one; `on_progress` is told how
    /// many accounts are made. Those that cannot be added are named and are not in the list
    /// afterwards.
    pub(crate) async fn add(
        &self,
        by: &str,
        users: &[NewUser],
        on_progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<UsersChange, UserListError> {
        if users.len() > MAX_ADDED {
            return Err(UserListError::TooMany(users.len()));
        }
        let _turn = self.turn.lock().await;
        let mut open = self.open().await?;
        let mut refused = Vec::new();
        let mut new = Vec::new();
        for user in users {
            match self.entry_of(user, &open.file) {
                Ok(entry) => {
                    open.file.set(&entry.name, &entry.credential);
                    new.push(entry);
                }
                Err((kind, reason)) => refused.push(RefusedUser {
                    username: user.username.clone(),
                    kind,
                    reason,
                }),
            }
        }
        self.write(&open.file)?;
        let mut change = self.apply(&mut open, on_progress).await?;
        self.take_out_refused(&mut open, &new, &change)?;
        // The passwords are those that were given, whatever the file has by now.
        for added in &mut change.added {
            let own = new.iter().find(|it| it.name.as_str() == added.username);
            added.password = own.and_then(|it| Some(it.credential.text()?.to_owned()));
        }
        change.refused.splice(0..0, refused);
        let failed = change.refused.iter();
        let failed = failed.map(|it| (it.username.as_str(), Some(it.reason.clone())));
        let added = change.added.iter().map(|it| (it.username.as_str(), None));
        self.note(by, "add", failed.chain(added));
        Ok(change)
    }

    /// Gives a user another password: this one, or a new one.
    pub(crate) async fn reset(
        &self,
        by: &str,
        username: &str,
        password: Option<&str>,
    ) -> Result<UserCredentials, UserListError> {
        let _turn = self.turn.lock().await;
        let mut open = self.open().await?;
        let name = self.known(&open.file, username)?;
        if !self.accounts.has_passwords() {
            return Err(UserListError::Refused(format!(
                "passwords are not made here, so {name}'s is reset where they sign in"
            )));
        }
        let secret = match password {
            Some(given) => {
                password::check(given)
                    .map_err(|error| UserListError::Refused(error.to_string()))?;
                Secret::new(given)
            }
            None => password::generate(),
        };
        open.file.set(&name, &Credential::Password(secret.clone()));
        self.write(&open.file)?;
        let change = self.apply(&mut open, &mut |_| {}).await?;
        let failure = change
            .refused
            .into_iter()
            .find(|it| it.username == username);
        let failure = failure.map(|it| it.reason);
        self.note(by, "reset", [(username, failure.clone())].into_iter());
        match failure {
            Some(reason) => Err(UserListError::Refused(reason)),
            None => Ok(UserCredentials {
                username: username.to_owned(),
                password: Some(secret.reveal().to_owned()),
            }),
        }
    }

    /// Removes a user from the list and their account; the home stays.
    pub(crate) async fn remove(&self, by: &str, username: &str) -> Result<(), UserListError> {
        let _turn = self.turn.lock().await;
        let mut open = self.open().await?;
        let name = self.known(&open.file, username)?;
        open.file.remove(&name);
        self.write(&open.file)?;
        // The last one of the list: an empty file is else taken for a slip.
        let gone = self.accounts.remove(&name).await;
        if gone.is_ok() {
            open.applied.forget(username);
            self.save(&open.applied)?;
        }
        let failure = gone.err().map(|error| error.to_string());
        self.note(by, "remove", [(username, failure.clone())].into_iter());
        match failure {
            Some(reason) => Err(UserListError::Refused(reason)),
            None => Ok(()),
        }
    }

    /// Deletes the home that a removed user has left.
    pub(crate) async fn delete_home(&self, by: &str, username: &str) -> Result<(), UserListError> {
        let _turn = self.turn.lock().await;
        let open = self.open().await?;
        let name = Username::parse(username, self.accounts.rule())
            .map_err(|error| UserListError::Refused(error.to_string()))?;
        if open.file.mentions(username) {
            return Err(UserListError::Refused(format!(
                "{name} is in the list: remove the user first"
            )));
        }
        let deleted = self.accounts.delete_home(&name).await;
        let failure = deleted.err().map(|error| error.to_string());
        self.note(by, "delete_home", [(username, failure.clone())].into_iter());
        match failure {
            Some(reason) => Err(UserListError::Refused(reason)),
            None => Ok(()),
        }
    }

    /// The user whom somebody wants to add.
    fn entry_of(
        &self,
        user: &NewUser,
        file: &UsersFile,
    ) -> Result<UserEntry, (RefusalKind, String)> {
        let name = Username::parse(&user.username, self.accounts.rule());
        let name = name.map_err(|error| (RefusalKind::Username, error.to_string()))?;
        if file.mentions(name.as_str()) {
            let reason = format!("{name} is in the list already");
            return Err((RefusalKind::Exists, reason));
        }
        // Nobody's account may be taken over by adding their name.
        if let Err(error) = self.accounts.has(&name) {
            return Err((kind_of(&error), error.to_string()));
        }
        let given = user.password.as_deref().filter(|it| !it.is_empty());
        let credential = match (given, self.accounts.has_passwords()) {
            (_, false) => Credential::Absent,
            (Some(given), true) => {
                let wrong = |error: PasswordError| (RefusalKind::Password, error.to_string());
                password::check(given).map_err(wrong)?;
                Credential::Password(Secret::new(given))
            }
            (None, true) => Credential::Password(password::generate()),
        };
        Ok(UserEntry { name, credential })
    }

    fn known(&self, file: &UsersFile, username: &str) -> Result<Username, UserListError> {
        let name = Username::parse(username, self.accounts.rule()).ok();
        let name = name.filter(|name| file.find(name).is_some());
        name.ok_or_else(|| {
            let shown: String = username.chars().take(80).collect();
            UserListError::Unknown(shown)
        })
    }

    /// Does what is left to do, and keeps what is done after each step.
    async fn apply(
        &self,
        open: &mut OpenUserList,
        on_progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<UsersChange, UserListError> {
        let mut change = UsersChange {
            problems: self.problems(&open.file),
            ..UsersChange::default()
        };
        let entries = open.file.entries().cloned();
        let is_open = |entry: &UserEntry| {
            !open.applied.is_applied(entry) || !self.accounts.has(&entry.name).unwrap_or(false)
        };
        let entries: Vec<UserEntry> = entries.filter(is_open).collect();
        self.begin(open, &entries)?;
        let mut waiting = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let is_begun = open.applied.is_begun(entry.name.as_str());
            match self.accounts.create(entry, is_begun).await {
                Ok(is_new) => waiting.push((entry, is_new)),
                Err(error) => change.refused.push(refused(entry.name.as_str(), &error)),
            }
            on_progress(at + 1);
        }
        open.applied.finish();
        for (entry, is_new) in self.set_passwords(waiting, &mut change).await {
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
        self.save(&open.applied)?;
        self.remove_gone(open, &mut change).await?;
        if self.settings.keep_hashes {
            self.hash_passwords(open)?;
        }
        Ok(change)
    }

    /// Notes whose accounts are not there and will be made.
    fn begin(&self, open: &mut OpenUserList, entries: &[UserEntry]) -> Result<(), UserListError> {
        let new = entries
            .iter()
            .filter(|it| matches!(self.accounts.has(&it.name), Ok(false)));
        let new: Vec<String> = new.map(|it| it.name.to_string()).collect();
        if new.is_empty() {
            return Ok(());
        }
        open.applied.begin(new);
        self.save(&open.applied)
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
        change: &mut UsersChange,
    ) -> Result<(), UserListError> {
        let names = open.applied.names().map(ToOwned::to_owned);
        let gone: Vec<String> = names.filter(|name| !open.file.mentions(name)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        if open.file.entries().next().is_none() {
            change.problems.push(UsersFileProblem {
                line: None,
                reason: format!(
                    "the list is empty or gone, and {} accounts are there: none is removed. Remove \
                     users one by one with `pipalhub users remove`",
                    gone.len()
                ),
            });
            return Ok(());
        }
        for name in gone {
            let removed = match Username::parse(&name, open.file.rule()) {
                Ok(name) => self.accounts.remove(&name).await.map(|_| ()),
                Err(_) => Ok(()),
            };
            match removed {
                Ok(()) => {
                    open.applied.forget(&name);
                    change.removed.push(name);
                }
                Err(error) => change.refused.push(refused(&name, &error)),
            }
        }
        self.save(&open.applied)
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
            self.write(&open.file)?;
            self.save(&open.applied)?;
        }
        Ok(())
    }

    /// Takes new users whose accounts could not be made out of the list again.
    fn take_out_refused(
        &self,
        open: &mut OpenUserList,
        new: &[UserEntry],
        change: &UsersChange,
    ) -> Result<(), UserListError> {
        let is_refused = |entry: &&UserEntry| {
            change
                .refused
                .iter()
                .any(|it| it.username == entry.name.as_str())
        };
        let mut took = false;
        for entry in new.iter().filter(is_refused) {
            took |= open.file.remove(&entry.name);
        }
        match took {
            true => self.write(&open.file),
            false => Ok(()),
        }
    }

    fn problems(&self, file: &UsersFile) -> Vec<UsersFileProblem> {
        let lines = file.problems().into_iter().map(|it| UsersFileProblem {
            line: Some(it.line),
            reason: it.error.to_string(),
        });
        lines.collect()
    }

    /// Locks the list against other processes, and reads it.
    async fn open(&self) -> Result<OpenUserList, UserListError> {
        let lock = UserListLock::take(&self.settings.state).await?;
        self.accounts.prepare();
        let applied = AppliedUsers::load(&self.settings.state);
        let applied =
            applied.map_err(|error| UserListError::Read(self.settings.state.clone(), error))?;
        Ok(OpenUserList {
            file: self.read()?,
            applied,
            _lock: lock,
        })
    }

    /// Reads the file; one that is not there is empty.
    fn read(&self) -> Result<UsersFile, UserListError> {
        let path = &self.settings.users_file;
        let rule = self.accounts.rule();
        let fail = |error| UserListError::Read(path.clone(), error);
        match fs::metadata(path) {
            Ok(file) if file.len() > MAX_FILE_BYTES => {
                return Err(UserListError::TooLarge(path.clone()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(UsersFile::parse(b"", rule));
            }
            Err(error) => return Err(fail(error)),
        }
        Ok(UsersFile::parse(&fs::read(path).map_err(fail)?, rule))
    }

    fn write(&self, file: &UsersFile) -> Result<(), UserListError> {
        let path = &self.settings.users_file;
        let written = files::replace_edited(path, &file.bytes());
        written.map_err(|error| UserListError::Write(path.clone(), error))
    }

    fn save(&self, applied: &AppliedUsers) -> Result<(), UserListError> {
        let saved = applied.save();
        saved.map_err(|error| UserListError::Write(self.settings.state.clone(), error))
    }

    fn note<'a>(
        &self,
        by: &str,
        action: &str,
        who: impl Iterator<Item = (&'a str, Option<String>)>,
    ) {
        let entries: Vec<AuditEntry> = who
            .map(|(username, failure)| AuditEntry {
                at_ms: time::now_ms(),
                by: by.to_owned(),
                action: action.to_owned(),
                username: username.chars().take(100).collect(),
                failure,
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        if let Err(error) = self.audit.note(&entries) {
            tracing::error!(%error, "the audit list cannot be written");
        }
    }
}

fn refused(username: &str, error: &AccountError) -> RefusedUser {
    RefusedUser {
        username: username.to_owned(),
        kind: kind_of(error),
        reason: error.to_string(),
    }
}

fn kind_of(error: &AccountError) -> RefusalKind {
    match error {
        AccountError::NotOurs(_) => RefusalKind::Exists,
        AccountError::NoPassword(_) => RefusalKind::Password,
        AccountError::Home(..) | AccountError::Command(_) | AccountError::Read(..) => {
            RefusalKind::Account
        }
    }
}
