//! The class's list, brought to the system: at the start, at each change of the file by hand, and
//! by what instructors ask for.
//!
//! `users.txt` is the truth. Whatever is asked for is written to it first and done then; so after
//! an end at any moment the next start goes on where this one was.

use std::path::Path;

use shared::users::{
    AuditEntry, ListedUser, NewUser, RefusalKind, RefusedUser, StoredPassword, UserCredentials,
    UsersChange, UsersResponse,
};
use tokio::sync::MutexGuard;

use super::{
    accounts::{Accounts, AccountsView},
    apply::{Applier, Removal, kind_of},
    error::{MAX_ADDED, UserListError},
    file::{Credential, UserEntry, UsersFile},
    hub_servers::{HubServers, ServerWork},
    list_store::{ListStore, OpenUserList, UserListSettings},
    name::Username,
    password::{self, PasswordError},
    protection::{self, Asker, Protection},
    running_change::ChangeTurns,
};
use crate::{audit::AuditList, secret::Secret, time};

/// Who changes accounts when the file was changed by hand, and what that is called.
const BY_FILE: &str = "the file";
const RECONCILE: &str = "reconcile";

/// The list with the accounts it is for.
pub(crate) struct UserList {
    store: ListStore,
    accounts: Accounts,
    audit: AuditList,
    /// The servers of the Hub, where the steward is a service of it.
    servers: Option<HubServers>,
    protection: Protection,
    /// One change at a time.
    turns: ChangeTurns,
}

impl UserList {
    pub(crate) fn new(
        settings: UserListSettings,
        accounts: Accounts,
        servers: Option<HubServers>,
        protection: Protection,
    ) -> Self {
        let audit = AuditList::new(&settings.state);
        let store = ListStore {
            settings,
            rule: accounts.rule(),
            state_file: accounts.state_file(),
            makes_accounts: accounts.has_passwords() || accounts.of_hub().is_some(),
        };
        Self {
            store,
            accounts,
            audit,
            servers,
            protection,
            turns: ChangeTurns::default(),
        }
    }

    /// The file `users.txt`.
    pub(crate) fn users_file(&self) -> &Path {
        &self.store.settings.users_file
    }

    /// What accounts the list is for.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Waits until the change in progress is done, and lets no further one begin.
    pub(crate) async fn close(&self) -> MutexGuard<'_, ()> {
        self.turns.close().await
    }

    /// Fails where the list cannot be kept.
    pub(crate) fn check(&self) -> Result<(), UserListError> {
        self.store.check()
    }

    /// The words for whoever wants a change while too many others wait for theirs.
    pub(crate) fn busy(&self) -> String {
        let running = self.turns.running();
        let running = running.map_or_else(String::new, |it| format!(", and {it}"));
        format!("too many changes wait already{running}: try again in a minute")
    }

    /// Everyone in the list.
    pub(crate) async fn everyone(&self) -> Result<UsersResponse, UserListError> {
        let file = self.store.read()?;
        let view = self.accounts.recent_view().await?;
        let users = file.entries().map(|entry| {
            let (has_account, failure) = match self.accounts.has(&view, &entry.name) {
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
                server_failure: self
                    .servers
                    .as_ref()
                    .and_then(|servers| servers.failure_of(&entry.name)),
            }
        });
        Ok(UsersResponse {
            users: users.collect(),
            problems: self.store.problems(&file),
            servers_waiting: self.servers.as_ref().map(HubServers::waiting),
            accounts: self.accounts.summary(),
            change: self.turns.running(),
        })
    }

    /// Has servers started or stopped, of everyone or of these users. Nobody waits.
    pub(crate) fn enqueue_servers(
        &self,
        by: &str,
        usernames: Option<&[String]>,
        work: ServerWork,
    ) -> Result<(), UserListError> {
        let Some(servers) = &self.servers else {
            return Err(UserListError::Refused(
                "the steward is no service of the Hub's, so it can start no servers: \
                 configure(c, steward=True) makes it one"
                    .to_owned(),
            ));
        };
        let file = self.store.read()?;
        let names = match usernames {
            None => file.entries().map(|entry| entry.name.clone()).collect(),
            Some(usernames) => {
                let names = usernames.iter().map(|it| self.known(&file, it));
                names.collect::<Result<Vec<_>, _>>()?
            }
        };
        let action = match work {
            ServerWork::Start => "start_servers",
            ServerWork::Stop => "stop_servers",
        };
        let whom = format!("{} users", names.len());
        servers.enqueue(names, work);
        self.note(by, action, [(whom.as_str(), None)].into_iter());
        Ok(())
    }

    /// The newest changes.
    pub(crate) fn audit(&self, most: usize) -> Result<Vec<AuditEntry>, UserListError> {
        let newest = self.audit.newest(most);
        newest.map_err(|error| UserListError::Read(self.store.settings.state.clone(), error))
    }

    /// Brings the system to what the list says. More than a few accounts are removed only when
    /// `remove` says how many. Whoever is patient waits for the end of a change that takes long.
    pub(crate) async fn reconcile(
        &self,
        remove: Option<usize>,
        is_patient: bool,
    ) -> Result<UsersChange, UserListError> {
        let _turn = match is_patient {
            true => self.turns.take_patiently(BY_FILE, RECONCILE).await,
            false => self.turns.take(BY_FILE, RECONCILE, 0).await?,
        };
        let mut open = self.open().await?;
        let removal = remove.map_or(Removal::Few, Removal::Confirmed);
        let change = self.apply(&mut open, removal, &mut |_| {}).await?;
        // What has failed is in the log, and tried again and again.
        let done = change.added.iter().chain(&change.changed);
        let done = done.map(|it| it.username.as_str());
        let done = done.chain(change.removed.iter().map(String::as_str));
        self.note(BY_FILE, RECONCILE, done.map(|username| (username, None)));
        Ok(change)
    }

    /// Adds users, each with the password that is given or a new one; `on_progress` is told how
    /// many accounts are made. Those that cannot be added are named and are not in the list
    /// afterwards.
    pub(crate) async fn add(
        &self,
        by: Asker<'_>,
        users: &[NewUser],
        on_progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<UsersChange, UserListError> {
        if users.len() > MAX_ADDED {
            return Err(UserListError::TooMany(users.len()));
        }
        let turn = self.turns.take(by.name, "add", users.len()).await?;
        let names: Vec<&str> = users.iter().map(|it| it.username.as_str()).collect();
        let protected = self.protection.among(by, &names).await?;
        let mut open = self.open_to_change().await?;
        let view = self.accounts.view().await?;
        let mut refused = Vec::new();
        let mut new = Vec::new();
        for user in users {
            let entry = match protected.contains(&user.username) {
                true => Err((RefusalKind::Exists, protection::reason(&user.username))),
                false => self.entry_of(user, &open.file, &view),
            };
            match entry {
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
        self.store.write(&open.file)?;
        let mut note = |done| {
            turn.note(done);
            on_progress(done);
        };
        let mut change = self.apply(&mut open, Removal::None, &mut note).await?;
        self.take_out_refused(&mut open, &new, &change)?;
        // The passwords are those that were given, whatever the file has by now.
        for added in &mut change.added {
            let own = new.iter().find(|it| it.name.as_str() == added.username);
            let own = own.and_then(|it| Some(it.credential.text()?.to_owned()));
            added.password = own.or_else(|| self.accounts.summary().shared_password);
        }
        change.refused.splice(0..0, refused);
        let failed = change.refused.iter();
        let failed = failed.map(|it| (it.username.as_str(), Some(it.reason.clone())));
        let added = change.added.iter().map(|it| (it.username.as_str(), None));
        self.note(by.name, "add", failed.chain(added));
        Ok(change)
    }

    /// Gives a user another password: this one, or a new one.
    pub(crate) async fn reset(
        &self,
        by: Asker<'_>,
        username: &str,
        password: Option<&str>,
    ) -> Result<UserCredentials, UserListError> {
        let _turn = self.turns.take(by.name, "reset", 1).await?;
        self.protection.check(by, username).await?;
        let mut open = self.open_to_change().await?;
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
        self.store.write(&open.file)?;
        let change = self.apply(&mut open, Removal::None, &mut |_| {}).await?;
        let failure = change
            .refused
            .into_iter()
            .find(|it| it.username == username);
        let failure = failure.map(|it| it.reason);
        self.note(by.name, "reset", [(username, failure.clone())].into_iter());
        match failure {
            Some(reason) => Err(UserListError::Refused(reason)),
            None => Ok(UserCredentials {
                username: username.to_owned(),
                password: Some(secret.reveal().to_owned()),
            }),
        }
    }

    /// Removes a user from the list and their account; the home stays.
    pub(crate) async fn remove(&self, by: Asker<'_>, username: &str) -> Result<(), UserListError> {
        let _turn = self.turns.take(by.name, "remove", 1).await?;
        self.protection.check(by, username).await?;
        let mut open = self.open_to_change().await?;
        let name = self.known(&open.file, username)?;
        open.file.remove(&name);
        self.store.write(&open.file)?;
        let gone = self.applier().remove(&mut open, username).await;
        let failure = gone.err().map(|error| error.to_string());
        self.note(by.name, "remove", [(username, failure.clone())].into_iter());
        match failure {
            Some(reason) => Err(UserListError::Refused(reason)),
            None => Ok(()),
        }
    }

    /// Deletes the home that a removed user has left.
    pub(crate) async fn delete_home(
        &self,
        by: Asker<'_>,
        username: &str,
    ) -> Result<(), UserListError> {
        let _turn = self.turns.take(by.name, "delete_home", 1).await?;
        self.protection.check(by, username).await?;
        let mut open = self.open().await?;
        let name = Username::parse(username, self.accounts.rule())
            .map_err(|error| UserListError::Refused(error.to_string()))?;
        if open.file.mentions(username) {
            return Err(UserListError::Refused(format!(
                "{name} is in the list: remove the user first"
            )));
        }
        let Some(number) = open.applied.left_number(username) else {
            return Err(UserListError::Refused(format!(
                "no home of {name} is known that was left by removing them from the list"
            )));
        };
        let deleted = self.accounts.delete_home(&name, number).await;
        if deleted.is_ok() {
            open.applied.note_home_deleted(username);
            self.store.save(&open.applied)?;
        }
        let failure = deleted.err().map(|error| error.to_string());
        self.note(
            by.name,
            "delete_home",
            [(username, failure.clone())].into_iter(),
        );
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
        view: &AccountsView,
    ) -> Result<UserEntry, (RefusalKind, String)> {
        let name = Username::parse(&user.username, self.accounts.rule());
        let name = name.map_err(|error| (RefusalKind::Username, error.to_string()))?;
        if file.mentions(name.as_str()) {
            let reason = format!("{name} is in the list already");
            return Err((RefusalKind::Exists, reason));
        }
        // Nobody's account may be taken over by adding their name.
        if let Err(error) = self.accounts.has(view, &name) {
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

    fn applier(&self) -> Applier<'_> {
        Applier {
            store: &self.store,
            accounts: &self.accounts,
            servers: self.servers.as_ref(),
        }
    }

    async fn apply(
        &self,
        open: &mut OpenUserList,
        removal: Removal,
        on_progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<UsersChange, UserListError> {
        self.applier().apply(open, removal, on_progress).await
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
            true => self.store.write(&open.file),
            false => Ok(()),
        }
    }

    /// Locks the list against other processes, and reads it.
    async fn open(&self) -> Result<OpenUserList, UserListError> {
        let open = self.store.open().await?;
        self.accounts.prepare();
        Ok(open)
    }

    /// The same for a change of the file, which would else write a new one in the place of one that
    /// was lost.
    async fn open_to_change(&self) -> Result<OpenUserList, UserListError> {
        let open = self.open().await?;
        let made = open.applied.len();
        if made > 0 && open.file.entries().next().is_none() {
            return Err(UserListError::Emptied(self.users_file().to_owned(), made));
        }
        Ok(open)
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
                subject: username.chars().take(100).collect(),
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
