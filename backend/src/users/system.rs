//! Accounts of the system, made and removed by its own programs: `useradd`, `chpasswd`,
//! `usermod` and `userdel`.
//!
//! Only accounts in the group [`GROUP`] are touched, which is the mark of those that were made
//! here. So nobody can get at an administrator's account by naming it, or at one of a service.

use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use super::{
    command::{self, CommandError},
    file::{Credential, UserEntry},
    name::Username,
};

/// The group of all accounts that were made here.
pub(crate) const GROUP: &str = "pipalhub-participants";
/// The lowest id of a person's account; those below are the system's.
const FIRST_ID: u32 = 1_000;
/// How often an account whose processes do not end is tried to be removed.
const REMOVALS: usize = 5;

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
        "the system has an account {0} that was not made here: choose another name, or hand it \
         over with `gpasswd --add {0} {GROUP}`"
    )]
    NotOurs(Username),
    #[error("{0} has no password in the file: write {0}:PASSWORD, or reset it")]
    NoPassword(Username),
    #[error("the home {0} cannot be deleted: {1}")]
    Home(PathBuf, String),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("cannot read {0}: {1}")]
    Read(&'static str, io::Error),
}

/// An account as the system has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SystemAccount {
    pub(crate) id: u32,
    pub(crate) home: PathBuf,
    pub(crate) is_ours: bool,
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
        let programs = ["useradd", "usermod", "userdel", "chpasswd", "groupadd"];
        let missing = programs.into_iter().find_map(|it| command::find(it).err());
        missing.map(|error| error.to_string())
    }

    /// The account of this name.
    pub(crate) fn find(&self, name: &Username) -> Result<Option<SystemAccount>, AccountError> {
        let passwd = read("/etc/passwd")?;
        let Some(fields) = line_of(&passwd, name.as_str()) else {
            return Ok(None);
        };
        let id = fields.get(2).and_then(|id| text(id)?.parse().ok());
        let id = id.unwrap_or_default();
        let home = PathBuf::from(OsStr::from_bytes(fields.get(5).copied().unwrap_or(b"/")));
        let group = read("/etc/group")?;
        let members = line_of(&group, GROUP).and_then(|fields| text(fields.get(3)?));
        let is_member = members.is_some_and(|all| all.split(',').any(|it| it == name.as_str()));
        Ok(Some(SystemAccount {
            id,
            home,
            is_ours: is_member && id >= FIRST_ID,
        }))
    }

    /// Makes the account, unless it is there. `true` if it is new.
    ///
    /// One that was begun and lacks its group or its home, because the program was ended, is
    /// finished.
    pub(crate) async fn create(
        &self,
        name: &Username,
        is_begun: bool,
    ) -> Result<bool, AccountError> {
        match self.find(name)? {
            Some(account) if account.is_ours => {
                self.make_missing_home(name, &account).await?;
                return Ok(is_begun);
            }
            Some(account) if is_begun && account.id >= FIRST_ID => {
                command::run("groupadd", &["--force", GROUP], b"").await?;
                let join = ["--append", "--groups", GROUP, "--", name.as_str()];
                command::run("usermod", &join, b"").await?;
                self.make_missing_home(name, &account).await?;
                return Ok(true);
            }
            Some(_) => return Err(AccountError::NotOurs(name.clone())),
            None => {}
        }
        command::run("groupadd", &["--force", GROUP], b"").await?;
        let home = self.homes.join(name.as_str());
        let home_text = home.display().to_string();
        let mut arguments = vec!["--groups", GROUP, "--shell", self.shell];
        arguments.extend(["--home-dir", &home_text]);
        // A home that somebody of this name had before is theirs again, by its owner's number.
        let owner = owner_of_folder(&home).filter(|id| *id >= FIRST_ID);
        let owner = match owner {
            Some(id) if !has_account(id)? => Some(id.to_string()),
            _ => None,
        };
        match &owner {
            Some(id) => arguments.extend(["--no-create-home", "--uid", id]),
            None => arguments.push("--create-home"),
        }
        arguments.extend(["--", name.as_str()]);
        command::run("useradd", &arguments, b"").await?;
        if owner.is_none() && owner_of_folder(&home).is_some() {
            // Some systems make homes that everyone may read.
            close(&home)?;
        }
        Ok(true)
    }

    /// Makes the home that an account of ours lacks, with what every new home has.
    async fn make_missing_home(
        &self,
        name: &Username,
        account: &SystemAccount,
    ) -> Result<(), AccountError> {
        let home = &account.home;
        if home.parent() != Some(&self.homes) || fs::symlink_metadata(home).is_ok() {
            return Ok(());
        }
        let path = home.display().to_string();
        let owner = format!("{}:", name.as_str());
        if Path::new("/etc/skel").is_dir() {
            let copy = [
                "--recursive",
                "--no-target-directory",
                "--",
                "/etc/skel",
                &path,
            ];
            command::run("cp", &copy, b"").await?;
        } else {
            command::run("mkdir", &["--", &path], b"").await?;
        }
        close(home)?;
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

    /// The hash that the system keeps of a password.
    pub(crate) fn hash_of(&self, name: &Username) -> Result<Option<String>, AccountError> {
        let shadow = read("/etc/shadow")?;
        let fields = line_of(&shadow, name.as_str());
        let hash = fields.and_then(|fields| Some(text(fields.get(1)?)?.to_owned()));
        Ok(hash.filter(|it| super::password::is_hash(it)))
    }

    /// Removes an account that was made here; its home stays. `false` if there is none.
    pub(crate) async fn remove(&self, name: &Username) -> Result<bool, AccountError> {
        let account = match self.find(name)? {
            None => return Ok(false),
            Some(account) if account.is_ours => account,
            Some(_) => return Err(AccountError::NotOurs(name.clone())),
        };
        // From here on nobody signs in, whatever else fails.
        let lock = ["--lock", "--expiredate", "1", "--", name.as_str()];
        command::run("usermod", &lock, b"").await?;
        let mut removed = Ok(String::new());
        for _ in 0..REMOVALS {
            end_processes(account.id);
            removed = command::run("userdel", &["--", name.as_str()], b"").await;
            // 8 says that a process of theirs runs.
            match &removed {
                Err(CommandError::Failed { code: 8, .. }) => {}
                _ => break,
            }
        }
        removed?;
        Ok(true)
    }

    /// Deletes the home that somebody has left behind.
    pub(crate) async fn delete_home(&self, name: &Username) -> Result<(), AccountError> {
        let home = self.homes.join(name.as_str());
        let fail = |why: &str| AccountError::Home(home.clone(), why.to_owned());
        if self.find(name)?.is_some() {
            return Err(fail("its account is there: remove the user first"));
        }
        let found = match fs::symlink_metadata(&home) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| fail(&error.to_string()))?,
        };
        if !found.is_dir() {
            return Err(fail("it is no folder"));
        }
        if found.uid() < FIRST_ID || has_account(found.uid())? {
            return Err(fail("it belongs to somebody else"));
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
}

fn read(path: &'static str) -> Result<Vec<u8>, AccountError> {
    fs::read(path).map_err(|error| AccountError::Read(path, error))
}

fn text(field: &[u8]) -> Option<&str> {
    str::from_utf8(field).ok()
}

/// The fields of the line of `name` in a file such as `/etc/passwd`.
fn line_of<'a>(file: &'a [u8], name: &str) -> Option<Vec<&'a [u8]>> {
    let lines = file.split(|byte| *byte == b'\n');
    let mut fields = lines.map(|line| line.split(|byte| *byte == b':').collect::<Vec<_>>());
    fields.find(|fields| fields.first() == Some(&name.as_bytes()))
}

/// The number of the account of this name, of whomever.
pub(crate) fn user_id(name: &str) -> Result<Option<u32>, AccountError> {
    let passwd = read("/etc/passwd")?;
    let fields = line_of(&passwd, name);
    Ok(fields.and_then(|fields| text(fields.get(2)?)?.parse().ok()))
}

/// Whether some account has this number.
fn has_account(id: u32) -> Result<bool, AccountError> {
    let passwd = read("/etc/passwd")?;
    let mut ids = passwd.split(|byte| *byte == b'\n').filter_map(|line| {
        text(line.split(|byte| *byte == b':').nth(2)?)?
            .parse::<u32>()
            .ok()
    });
    Ok(ids.any(|it| it == id))
}

/// Whose the folder is, if it is one.
fn owner_of_folder(path: &Path) -> Option<u32> {
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir);
    found.map(|it| it.uid())
}

/// Closes a home to everyone but its owner.
fn close(home: &Path) -> Result<(), AccountError> {
    let closed = fs::set_permissions(home, fs::Permissions::from_mode(0o700));
    closed.map_err(|error| AccountError::Home(home.to_owned(), error.to_string()))
}

/// Kills the processes of a person, whose account is locked.
fn end_processes(id: u32) {
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let number = process.file_name().to_string_lossy().parse().ok();
        let Some(pid) = number.and_then(Pid::from_raw) else {
            continue;
        };
        if process.metadata().is_ok_and(|it| it.uid() == id) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_system_is_found_by_its_whole_name() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\nalice-b:x:1001:1001::/home/alice-b:/bin/sh\n";
        assert!(line_of(passwd, "alice").is_none());
        assert_eq!(line_of(passwd, "alice-b").unwrap()[2], b"1001");
    }

    #[test]
    fn an_account_that_was_not_made_here_is_not_ours() {
        let accounts = SystemAccounts::new("/home".into());
        // `sys` is no name for a participant, so the check is by a name that systems have.
        assert!(has_account(0).unwrap());
        assert!(
            accounts
                .find(
                    &Username::parse("no-such-user", super::super::name::NameRule::System).unwrap()
                )
                .unwrap()
                .is_none()
        );
    }
}
