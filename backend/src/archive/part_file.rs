//! The file that an archive is while it is written.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::{
    fs::{CWD, OFlags, RenameFlags, renameat_with},
    io::Errno,
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

/// The file that an archive is written to before it is complete. What a killed program has left of
/// one is taken over, and removed with the rest when writing fails.
pub(super) struct PartFile {
    pub(super) path: PathBuf,
    /// A database while it is packed.
    pub(super) snapshot: PathBuf,
    /// Locked, so that no two programs write it.
    pub(super) file: File,
}

impl PartFile {
    pub(super) fn open(out: &Path) -> anyhow::Result<Self> {
        let with_ending = |ending: &str| {
            let mut path = out.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let path = with_ending(".part");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another pipalhub is writing {}", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        let part = Self {
            snapshot: with_ending(".part.sqlite3"),
            path,
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
    }
}
