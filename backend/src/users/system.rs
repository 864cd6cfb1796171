//! Accounts of the system, made and removed by its own programs: `useradd`, `chpasswd`,
//! `usermod` and `userdel`.
//!
//! Only accounts are touched that were made here: in the group [`GROUP`], in no other but their
//! own, and with a number of a person's. So nobody can get at an administrator's account by naming
//! it, or at one of a service. A number that was given once is never given to somebody else, since
//! files outlive accounts.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tokio::time::sleep;

use super::{
    command::{self, CommandError},
    file::{Credential, UserEntry},
    name::Username,
    system_view::{SystemView, UnreadablePath},
};

/// The group of all accounts that were made here.
pub(crate) const GROUP: &str = "pipalhub-participants";
/// The numbers of people's accounts; those below are the system's, and above there are nobody and
/// those of containers.
const FIRST_ID: u32 = 1_000;
const LAST_ID: u32 = 59_999;
/// How often an account whose processes do not end is tried to be removed, and the time between.
const REMOVALS: usize = 10;
const REMOVAL_INTERVAL: Duration = Duration::from_millis(100);

/// Accounts of the system, with their homes in one folder.
#[derive(Debug)]
pub(crate) struct SystemAccounts {
    homes: PathBuf,
    shell: &'static str,
}

/// Why an account was not made, changed or removed.
#[derive(Debug, Error)]
pub(crate) enum AccountError {
    #[error(
        "the system has an account {0} that was not made here: choose another name. One that is in \
         no group but its own is handed over by `gpasswd --add {0} {GROUP}`"
    )]
    NotOurs(Username),
    #[error("{0} has no password in the file: write {0}:PASSWORD, or reset it")]
    NoPassword(Username),
    #[error(
        "the Hub has a user {0} who was not added here, so their password is not set here: choose \
         another name, or remove that user on the Hub's own page"
    )]
    OfHub(Username),
    #[error(
        "{0} is an account of this machine with more rights than a participant's: choose another \
         name"
    )]
    Powerful(Username),
    #[error(
        "{0} has the hash of a password in the file, and the Hub takes none: write \
         {0}:PASSWORD, or reset it"
    )]
    HashOfSystem(Username),
    /// The Hub has not done it, in its own words.
    #[error("{0}")]
    Hub(String),
    #[error("{0} is there and is somebody else's: choose another name, or move it away")]
    HomeTaken(PathBuf),
    #[error("no number is left for an account, below {LAST_ID}")]
    NoNumber,
    #[error("the home {0} cannot be deleted: {1}")]
    Home(PathBuf, String),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Read(#[from] UnreadablePath),
}

impl SystemAccounts {
    /// Accounts whose homes are below `homes`.
    pub(crate) fn new(homes: PathBuf) -> Self {
        let shell = ["/bin/bash", "/bin/sh"].into_iter();
        let mut there = shell.filter(|path| Path::new(path).exists());
        Self {
            homes,
            shell: there.next().unwrap_or("/bin/sh"),
        }
    }

    /// Why accounts cannot be made here, if so.
    pub(crate) fn obstacle() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("accounts of the system are made by root: run the steward as root".into());
        }
        let programs = [
            "useradd", "usermod", "userdel", "chpasswd", "groupadd", "setpriv",
        ];
        let missing = programs.into_iter().find_map(|it| command::find(it).err());
        missing.map(|error| error.to_string())
    }

    /// The accounts as they are now.
    pub(crate) fn view(&self) -> Result<SystemView, AccountError> {
        Ok(SystemView::read()?)
    }

    /// Whether the account is there. Fails for one that was not made here.
    pub(crate) fn has(&self, view: &SystemView, name: &Username) -> Result<bool, AccountError> {
        match view.account(name.as_str()) {
            None => Ok(false),
            Some(account) if view.is_only_in(account, GROUP) && is_person(account.id) => Ok(true),
            Some(_) => Err(AccountError::NotOurs(name.clone())),
        }
    }

    /// The number of a new account of this name, above `mark`, the highest that was ever given:
    /// that of whoever has left a home of the name, or a new one.
    pub(crate) async fn number_for(
        &self,
        view: &SystemView,
        name: &Username,
        mark: u32,
    ) -> Result<u32, AccountError> {
        if let Some(owner) = self.owner_of_home(name)? {
            // Nobody's folder is taken: it must be of a number that no account has, here or in a
            // directory of people.
            return match is_person(owner) && !self.is_taken(owner).await? {
                true => Ok(owner),
                false => Err(AccountError::HomeTaken(self.homes.join(name.as_str()))),
            };
        }
        let of_accounts = view.numbers().filter(|id| is_person(*id)).max();
        let highest = [
            of_accounts,
            self.highest_owner(),
            Some(mark),
            Some(FIRST_ID - 1),
        ];
        let mut id = highest.into_iter().flatten().max().unwrap_or(FIRST_ID) + 1;
        while id <= LAST_ID && self.is_taken(id).await? {
            id += 1;
        }
        match is_person(id) {
            true => Ok(id),
            false => Err(AccountError::NoNumber),
        }
    }

    /// Makes the account with this number, unless it is there. `true` if it is new.
    ///
    /// One that was begun with this number, and lacks its group or its home because the program was
    /// ended, is finished.
    pub(crate) async fn create(
        &self,
        name: &Username,
        begun: Option<u32>,
    ) -> Result<bool, AccountError> {
        let mut view = self.view()?;
        let begun_account = view
            .account(name.as_str())
            .filter(|it| begun == Some(it.id));
        if let Some(group) = begun_account.and_then(|account| view.missing_group(account)) {
            // `useradd` was ended between writing the account and writing its group.
            let id = group.to_string();
            command::run("groupadd", &["--gid", &id, "--", name.as_str()], b"").await?;
            view = self.view()?;
        }
        if let Some(account) = view.account(name.as_str()) {
            let is_begun = begun == Some(account.id);
            if is_begun && !view.is_only_in(account, GROUP) && view.is_in_no_group(account) {
                let join = ["--append", "--groups", GROUP, "--", name.as_str()];
                command::run("usermod", &join, b"").await?;
            }
            self.has(&self.view()?, name)?;
            self.finish_home(name, account.id, &account.home, is_begun)
                .await?;
            return Ok(is_begun);
        }
        let id = match begun {
            Some(id) => id,
            None => self.number_for(&view, name, 0).await?,
        };
        command::run("groupadd", &["--force", GROUP], b"").await?;
        let home = self.homes.join(name.as_str());
        let (home_text, id_text) = (home.display().to_string(), id.to_string());
        let has_home = self.owner_of_home(name)?.is_some();
        let mut arguments = vec!["--groups", GROUP, "--shell", self.shell, "--uid", &id_text];
        arguments.extend(["--home-dir", &home_text]);
        arguments.push(match has_home {
            true => "--no-create-home",
            false => "--create-home",
        });
        arguments.extend(["--", name.as_str()]);
        command::run("useradd", &arguments, b"").await?;
        if !has_home {
            // Some systems make homes that everyone may read.
            close(&home)?;
        }
        Ok(true)
    }

    /// Makes the home that an account of ours lacks, and makes one the account's that was begun and
    /// is still root's.
    async fn finish_home(
        &self,
        name: &Username,
        id: u32,
        home: &Path,
        is_begun: bool,
    ) -> Result<(), AccountError> {
        if home != self.homes.join(name.as_str()) {
            return Ok(());
        }
        let path = home.display().to_string();
        match self.owner_of_home(name)? {
            Some(0) if is_begun => {}
            Some(_) => return Ok(()),
            None if Path::new("/etc/skel").is_dir() => {
                let copy = [
                    "--recursive",
                    "--no-target-directory",
                    "--",
                    "/etc/skel",
                    &path,
                ];
                command::run("cp", &copy, b"").await?;
            }
            None => {
                command::run("mkdir", &["--", &path], b"").await?;
            }
        }
        close(home)?;
        let owner = format!("{id}:{id}");
        let own = ["--recursive", "--no-dereference", "--", &owner, &path];
        command::run("chown", &own, b"").await?;
        Ok(())
    }

    /// Sets the passwords of accounts that are there.
    pub(crate) async fn set_passwords(&self, entries: &[&UserEntry]) -> Result<(), AccountError> {
        let mut plain = Vec::new();
        let mut hashed = Vec::new();
        for entry in entries {
            let (input, secret) = match &entry.credential {
                Credential::Password(secret) => (&mut plain, secret),
                Credential::Hash(secret) => (&mut hashed, secret),
                Credential::Absent => return Err(AccountError::NoPassword(entry.name.clone())),
            };
            let line = format!("{}:{}\n", entry.name, secret.reveal());
            input.extend_from_slice(line.as_bytes());
        }
        if !plain.is_empty() {
            command::run("chpasswd", &[], &plain).await?;
        }
        if !hashed.is_empty() {
            command::run("chpasswd", &["--encrypted"], &hashed).await?;
        }
        Ok(())
    }

    /// Removes an account that was made here, and returns its number; its home stays. `None` if
    /// there is none.
    pub(crate) async fn remove(&self, name: &Username) -> Result<Option<u32>, AccountError> {
        let view = self.view()?;
        if !self.has(&view, name)? {
            return Ok(None);
        }
        let id = view.account(name.as_str()).map(|account| account.id);
        // From here on nobody signs in, whatever else fails.
        let lock = ["--lock", "--expiredate", "1", "--", name.as_str()];
        command::run("usermod", &lock, b"").await?;
        let mut removed = Ok(String::new());
        for _ in 0..REMOVALS {
            if let Some(id) = id {
                end_processes(id).await;
            }
            removed = command::run("userdel", &["--", name.as_str()], b"").await;
            // 8 says that a process of theirs runs.
            match &removed {
                Err(CommandError::Failed { code: 8, .. }) => sleep(REMOVAL_INTERVAL).await,
                _ => break,
            }
        }
        removed?;
        Ok(id)
    }

    /// Deletes the home that somebody with this number has left behind.
    pub(crate) async fn delete_home(&self, name: &Username, id: u32) -> Result<(), AccountError> {
        let home = self.homes.join(name.as_str());
        let fail = |why: &str| AccountError::Home(home.clone(), why.to_owned());
        if self.view()?.account(name.as_str()).is_some() {
            return Err(fail("its account is there: remove the user first"));
        }
        match self.owner_of_home(name)? {
            None => return Ok(()),
            Some(owner) if owner == id && is_person(id) && !self.is_taken(id).await? => {}
            Some(_) => return Err(fail("it belongs to somebody else")),
        }
        let path = home.display().to_string();
        command::run(
            "rm",
            &["--recursive", "--one-file-system", "--", &path],
            b"",
        )
        .await?;
        Ok(())
    }

    /// Whose folder stands where the home of this name would be; `None` if nothing does.
    fn owner_of_home(&self, name: &Username) -> Result<Option<u32>, AccountError> {
        let home = self.homes.join(name.as_str());
        match fs::symlink_metadata(&home) {
            Ok(found) if found.is_dir() => Ok(Some(found.uid())),
            Ok(_) => Err(AccountError::HomeTaken(home)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(UnreadablePath(home, error).into()),
        }
    }

    /// The highest number of a person to whom anything in the folder of homes belongs.
    fn highest_owner(&self) -> Option<u32> {
        let entries = fs::read_dir(&self.homes).ok()?.flatten();
        let owners = entries.filter_map(|entry| Some(entry.metadata().ok()?.uid()));
        owners.filter(|id| is_person(*id)).max()
    }

    /// Whether some account has this number, here or in a directory of people that the system asks.
    async fn is_taken(&self, id: u32) -> Result<bool, AccountError> {
        match command::run("getent", &["passwd", &id.to_string()], b"").await {
            Ok(_) => Ok(true),
            // 2 says that there is none.
            Err(CommandError::Failed { code: 2, .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether this is the number of a person's account.
fn is_person(id: u32) -> bool {
    (FIRST_ID..=LAST_ID).contains(&id)
}

/// Closes a home to everyone but its owner.
fn close(home: &Path) -> Result<(), AccountError> {
    let closed = fs::set_permissions(home, fs::Permissions::from_mode(0o700));
    closed.map_err(|error| AccountError::Home(home.to_owned(), error.to_string()))
}

/// Kills the processes of a person, whose account is locked: with their own rights, so that the
/// kernel finds all at once, also those that have borrowed other rights.
async fn end_processes(id: u32) {
    let id = id.to_string();
    let own = ["--reuid", &id, "--regid", &id, "--clear-groups", "--"];
    let kill = ["sh", "-c", "kill -KILL -1"];
    // It kills itself, too; whether something is left is seen when the account is removed.
    let _ = command::run("setpriv", &[&own[..], &kill].concat(), b"").await;
}
