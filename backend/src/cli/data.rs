//! The folder that the service keeps its data in: its path, and the lock against a second
//! service. [`super::private`] checks that other users cannot read it.

use std::{
    env,
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{archive::INCOMPLETE_FOLDER, files::make_folder};

/// The path of the data folder, which need not exist yet.
pub(super) fn data_path(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let usual = || {
        let variable = |name| {
            env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let data =
            variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?;
        Some(data.join("pipalhub"))
    };
    asked
        .or_else(usual)
        .context("there is no home folder to keep data in: say where with --data DIR")
}

/// The data folder, made when it is not there, for its owner alone.
pub(super) fn data_folder(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let folder = data_path(asked)?;
    if let Some(parent) = folder.parent()
        && !folder.exists()
        && parent.join(INCOMPLETE_FOLDER).exists()
    {
        bail!(
            "a restore into {} was not finished: run pipalhub restore again, with the same folder",
            parent.display()
        );
    }
    make_folder(&folder).with_context(|| {
        format!(
            "cannot make the data folder {}: choose another with --data",
            folder.display()
        )
    })?;
    Ok(folder)
}

/// Locks the folder, because two services on it would each believe to be alone.
pub(super) fn lock_folder(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| {
            format!(
                "cannot write to the data folder {}: choose another with --data",
                folder.display()
            )
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another pipalhub uses the data folder {}: end it, or choose another with --data",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_service_on_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock_folder(folder.path()).unwrap();
        let refusal = lock_folder(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("another pipalhub"), "{refusal}");
        drop(first);
        lock_folder(folder.path()).unwrap();
    }
}
