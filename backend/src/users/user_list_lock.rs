//! The lock that lets one process at a time change the list: the steward, or the command line of
//! an administrator.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::error::UserListError;

/// How long another process is waited for: a class of 200 is made in less.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(50);

/// A lock that ends with the process, however that ends.
pub(super) struct UserListLock(#[expect(dead_code, reason = "holds the lock")] File);

impl UserListLock {
    /// Makes the folder for the steward's user alone, and takes the lock in it.
    pub(super) async fn take(folder: &Path) -> Result<Self, UserListError> {
        let fail = |error| UserListError::Write(folder.to_owned(), error);
        make_state_folder(folder)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))
            .map_err(fail)?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(INTERVAL).await,
                Err(TryLockError::WouldBlock) => return Err(UserListError::Busy),
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
    }
}

/// Makes the steward's own folder, which nobody else may enter.
pub(super) fn make_state_folder(folder: &Path) -> Result<(), UserListError> {
    if fs::metadata(folder).is_ok() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| UserListError::Write(folder.to_owned(), error))
}
