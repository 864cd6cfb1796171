//! Where the list and what belongs to it are on the disk, and who else could change it there.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use shared::users::UsersFileProblem;

use super::{
    applied::AppliedUsers,
    error::UserListError,
    file::{MAX_FILE_BYTES, UsersFile},
    name::NameRule,
    user_list_lock::{UserListLock, make_state_folder},
};
use crate::files;

/// Mode bits by which others than the owner and the group get at a file.
const OTHERS_MODE: u32 = 0o007;
/// Mode bits by which others than the owner change a file or what is in a folder.
const CHANGING_MODE: u32 = 0o022;
/// In a folder with this bit, as /tmp, nobody replaces another's files.
const STICKY_MODE: u32 = 0o1000;

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

/// The list on the disk.
pub(super) struct ListStore {
    pub(super) settings: UserListSettings,
    pub(super) rule: NameRule,
    /// The file of what was applied, in the steward's own folder.
    pub(super) state_file: &'static str,
    /// The list makes accounts or users of the Hub, so whoever changes it lets people in, and may be
    /// as good as root.
    pub(super) makes_accounts: bool,
}

/// What a change of the list needs: the file as it is, and what was applied before.
pub(super) struct OpenUserList {
    pub(super) file: UsersFile,
    pub(super) applied: AppliedUsers,
    /// The lock against other processes.
    _lock: UserListLock,
}

impl ListStore {
    /// Locks the list against other processes, and reads it.
    pub(super) async fn open(&self) -> Result<OpenUserList, UserListError> {
        let state = &self.settings.state;
        let lock = UserListLock::take(state).await?;
        let applied = AppliedUsers::load(state, self.state_file);
        Ok(OpenUserList {
            applied: applied.map_err(|error| UserListError::Read(state.clone(), error))?,
            file: self.read()?,
            _lock: lock,
        })
    }

    /// Fails where the list cannot be kept.
    pub(super) fn check(&self) -> Result<(), UserListError> {
        self.read()?;
        make_state_folder(&self.settings.state)
    }

    /// Reads the file; one that is not there is empty.
    pub(super) fn read(&self) -> Result<UsersFile, UserListError> {
        let path = &self.settings.users_file;
        let fail = |error| UserListError::Read(path.clone(), error);
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check_folders(path)?;
                return Ok(UsersFile::parse(b"", self.rule));
            }
            Err(error) => return Err(fail(error)),
        };
        self.check_folders(&real)?;
        let mut options = OpenOptions::new();
        // Opening a pipe would wait for its writer.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let mut file = options
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&real)
            .map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(UserListError::NoFile(real));
        }
        self.check_owner(&real, &metadata)?;
        self.close_to_others(&file, &metadata, &real);
        let mut bytes = Vec::new();
        let limited = (&mut file).take(MAX_FILE_BYTES + 1);
        read_to_end(limited, &mut bytes).map_err(fail)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(UserListError::TooLarge(real));
        }
        Ok(UsersFile::parse(&bytes, self.rule))
    }

    /// Writes the file.
    pub(super) fn write(&self, file: &UsersFile) -> Result<(), UserListError> {
        let path = &self.settings.users_file;
        let bytes = file.bytes();
        // What could not be read again is not written.
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(UserListError::TooLarge(path.clone()));
        }
        let written = files::replace_edited(path, &bytes);
        written.map_err(|error| UserListError::Write(path.clone(), error))
    }

    /// Writes what was applied.
    pub(super) fn save(&self, applied: &AppliedUsers) -> Result<(), UserListError> {
        let saved = applied.save();
        saved.map_err(|error| UserListError::Write(self.settings.state.clone(), error))
    }

    /// The lines that are passed over.
    pub(super) fn problems(&self, file: &UsersFile) -> Vec<UsersFileProblem> {
        let lines = file.problems().into_iter().map(|it| UsersFileProblem {
            line: Some(it.line),
            reason: it.error.to_string(),
        });
        lines.collect()
    }

    /// Refuses a file in a folder that others may change, or in one below such a folder.
    fn check_folders(&self, path: &Path) -> Result<(), UserListError> {
        if !self.makes_accounts {
            return Ok(());
        }
        for folder in path.ancestors().skip(1) {
            let Ok(metadata) = fs::metadata(folder) else {
                continue;
            };
            if !is_owned(&metadata) || is_open(&metadata) && metadata.mode() & STICKY_MODE == 0 {
                return Err(UserListError::Untrusted(folder.to_owned()));
            }
        }
        Ok(())
    }

    fn check_owner(&self, path: &Path, metadata: &Metadata) -> Result<(), UserListError> {
        match self.makes_accounts && (!is_owned(metadata) || is_open(metadata)) {
            true => Err(UserListError::Untrusted(path.to_owned())),
            false => Ok(()),
        }
    }

    /// Takes the right to read passwords from those who are neither the owner nor in the group.
    fn close_to_others(&self, file: &File, metadata: &Metadata, path: &Path) {
        if !self.makes_accounts || metadata.mode() & OTHERS_MODE == 0 {
            return;
        }
        let closed = Permissions::from_mode(metadata.mode() & 0o777 & !OTHERS_MODE);
        match file.set_permissions(closed) {
            Ok(()) => {
                tracing::warn!(file = %path.display(), "everyone could read the passwords: closed");
            }
            Err(error) => {
                tracing::error!(%error, file = %path.display(), "everyone can read the passwords");
            }
        }
    }
}

fn is_owned(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == geteuid().as_raw()
}

/// Whether others than the owner may change it; root's group is root.
fn is_open(metadata: &Metadata) -> bool {
    let mode = metadata.mode() & CHANGING_MODE;
    mode & 0o002 != 0 || mode != 0 && metadata.gid() != 0
}

fn read_to_end(mut from: impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    from.read_to_end(bytes).map(drop)
}
