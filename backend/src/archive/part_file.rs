//! The file that an archive is while it is written.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
    process::geteuid,
};

use super::manifest::FILE_MODE;

/// Refuses a name that is taken.
pub(super) fn check_free(out: &Path) -> anyhow::Result<()> {
    if out.symlink_metadata().is_ok() {
        bail!(
            "{} is there, and is not overwritten: choose another name, or remove it",
            out.display()
        );
    }
    Ok(())
}

/// Refuses a folder that is another user's, or has one of the mode bits `open`: somebody else could
/// exchange what is written there.
pub(super) fn check_own(folder: &Path, open: u32) -> anyhow::Result<()> {
    let metadata = folder.symlink_metadata()?;
    let is_own = metadata.is_dir() && metadata.uid() == geteuid().as_raw();
    if !is_own || metadata.mode() & open != 0 {
        bail!(
            "{} is no folder of this user's alone: another one could change what is written \
             there; choose another",
            folder.display()
        );
    }
    Ok(())
}

/// The file that an archive is written to before it is complete, in a folder of its own, since the
/// archive may be wanted where others may write, as in `/tmp`. What a killed program has left of one
/// is taken over, and removed with the rest when writing fails.
pub(super) struct PartFile {
    folder: PathBuf,
    pub(super) path: PathBuf,
    /// A database while it is packed.
    pub(super) snapshot: PathBuf,
    /// Locked, so that no two programs write it.
    pub(super) file: File,
}

impl PartFile {
    pub(super) fn open(out: &Path) -> anyhow::Result<Self> {
        let mut folder = out.as_os_str().to_owned();
        folder.push(".part");
        let folder = PathBuf::from(folder);
        let cannot = || format!("cannot write {}", folder.display());
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(cannot);
            }
            _ => check_own(&folder, 0o077)?,
        }
        let path = folder.join("archive.zip");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another pipalhub is writing {}", path.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let part = Self {
            snapshot: folder.join("snapshot.sqlite3"),
            path,
            folder,
            file,
        };
        part.file.set_len(0)?;
        part.remove_snapshot()?;
        Ok(part)
    }

    pub(super) fn remove_snapshot(&self) -> io::Result<()> {
        match fs::remove_file(&self.snapshot) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the archive its name, unless something else has that by now.
    pub(super) fn finish(&self, out: &Path, folder: &Path) -> anyhow::Result<()> {
        let named = renameat_with(CWD, &self.path, CWD, out, RenameFlags::NOREPLACE);
        match named {
            // A file system that cannot rename so.
            Err(Errno::INVAL | Errno::NOSYS) => {
                check_free(out)?;
                fs::rename(&self.path, out)?;
            }
            named => named.with_context(|| {
                format!("{} is there by now, and is not overwritten", out.display())
            })?,
        }
        File::open(folder)?.sync_all()?;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // A finished archive has another name by now.
        let _ = fs::remove_file(&self.path);
        let _ = self.remove_snapshot();
        let _ = fs::remove_dir(&self.folder);
    }
}
