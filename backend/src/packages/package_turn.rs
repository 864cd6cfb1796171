//! The right to change packages, which one process has at a time, with what is kept of them.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    error::PackageError,
    kept::{Kept, KeptPackages},
};
use crate::files;

const LOCK_FILE: &str = "packages.lock";

/// The turn of this process, which ends with it.
pub(super) struct PackageTurn {
    state: PathBuf,
    file: KeptPackages,
    _lock: File,
}

impl PackageTurn {
    /// Takes the turn in the steward's own folder, unless another process has it.
    pub(super) fn take(state: &Path) -> Result<Self, PackageError> {
        let fail = |error| PackageError::Write(state.to_owned(), error);
        files::make_folder(state).map_err(fail)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(state.join(LOCK_FILE)).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(PackageError::Busy {
                    by: "another process".to_owned(),
                    title: "change packages".to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        Ok(Self {
            state: state.to_owned(),
            file: load(state)?,
            _lock: lock,
        })
    }

    /// What is kept.
    pub(super) fn kept(&mut self) -> &mut Kept {
        &mut self.file.kept
    }

    /// Writes what is kept.
    pub(super) fn save(&self) -> Result<(), PackageError> {
        let saved = self.file.save();
        saved.map_err(|error| PackageError::Write(self.state.clone(), error))
    }
}

/// What is kept, for whoever only looks.
pub(super) fn kept(state: &Path) -> Result<Kept, PackageError> {
    load(state).map(|it| it.kept)
}

fn load(state: &Path) -> Result<KeptPackages, PackageError> {
    KeptPackages::load(state).map_err(|error| PackageError::Read(state.to_owned(), error))
}
