//! Where the list and what belongs to it are on the disk, and who else could change it there.

use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
};

use shared::users::UsersFileProblem;

use super::{
    applied::AppliedUsers,
    error::UserListError,
    file::{MAX_FILE_BYTES, UsersFile},
    name::NameRule,
    user_list_lock::{UserListLock, make_state_folder},
};
use crate::{
    files,
    trusted_file::{TrustedFile, TrustedFileError},
};

/// Mode bits by which others than the owner and the group get at a file.
const OTHERS_MODE: u32 = 0o007;

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
        let read = TrustedFile::read(path, MAX_FILE_BYTES, self.makes_accounts)?;
        Ok(match read {
            Some(read) => {
                self.close_to_others(&read);
                UsersFile::parse(&read.bytes, self.rule)
            }
            None => UsersFile::parse(b"", self.rule),
        })
    }

    /// Writes the file.
    pub(super) fn write(&self, file: &UsersFile) -> Result<(), UserListError> {
        let path = &self.settings.users_file;
        let bytes = file.bytes();
        // What could not be read again is not written.
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(TrustedFileError::TooLarge(path.clone(), MAX_FILE_BYTES).into());
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

    /// Takes the right to read passwords from those who are neither the owner nor in the group.
    fn close_to_others(&self, read: &TrustedFile) {
        let mode = read.metadata.mode() & 0o777;
        if !self.makes_accounts || mode & OTHERS_MODE == 0 {
            return;
        }
        let closed = Permissions::from_mode(mode & !OTHERS_MODE);
        let file = read.path.display();
        match read.file.set_permissions(closed) {
            Ok(()) => tracing::warn!(%file, "everyone could read the passwords: closed"),
            Err(error) => tracing::error!(%error, %file, "everyone can read the passwords"),
        }
    }
}
