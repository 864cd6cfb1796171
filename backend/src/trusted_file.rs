//! Reads a file by which whoever can change it changes the system: one that root's steward obeys.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use thiserror::Error;

/// Mode bits by which others than the owner change a file or what is in a folder.
const CHANGING_MODE: u32 = 0o022;
/// In a folder with this bit, as /tmp, nobody replaces another's files.
const STICKY_MODE: u32 = 0o1000;

/// Why a file is not read.
#[derive(Debug, Error)]
pub(crate) enum TrustedFileError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("{0} has more than {1} bytes")]
    TooLarge(PathBuf, u64),
    #[error(
        "{0} can be changed by others than root, who could change the system by it: \
         `chown root: {0} && chmod go-w {0}`"
    )]
    Untrusted(PathBuf),
    #[error("{0} is no file")]
    NoFile(PathBuf),
}

/// A file that was read.
pub(crate) struct TrustedFile {
    pub(crate) file: File,
    /// Where it is, whatever links led there.
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
    pub(crate) bytes: Vec<u8>,
}

impl TrustedFile {
    /// Reads a file of at most `max_bytes`; `None` if it is not there. One that others than root or
    /// this user can change, or replace in a folder above it, is refused if it `is_obeyed`.
    pub(crate) fn read(
        path: &Path,
        max_bytes: u64,
        is_obeyed: bool,
    ) -> Result<Option<Self>, TrustedFileError> {
        let fail = |error| TrustedFileError::Read(path.to_owned(), error);
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                check_folders(path, is_obeyed)?;
                return Ok(None);
            }
            Err(error) => return Err(fail(error)),
        };
        check_folders(&real, is_obeyed)?;
        let mut options = OpenOptions::new();
        // Opening a pipe would wait for its writer.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let opened = options
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&real);
        let mut file = opened.map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(TrustedFileError::NoFile(real));
        }
        if is_obeyed && (!is_owned(&metadata) || is_open(&metadata)) {
            return Err(TrustedFileError::Untrusted(real));
        }
        let mut bytes = Vec::new();
        let mut limited = (&mut file).take(max_bytes + 1);
        limited.read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > max_bytes {
            return Err(TrustedFileError::TooLarge(real, max_bytes));
        }
        Ok(Some(Self {
            file,
            path: real,
            metadata,
            bytes,
        }))
    }
}

/// Refuses a file in a folder that others may change, or in one below such a folder.
fn check_folders(path: &Path, is_obeyed: bool) -> Result<(), TrustedFileError> {
    if !is_obeyed {
        return Ok(());
    }
    for folder in path.ancestors().skip(1) {
        let Ok(metadata) = fs::metadata(folder) else {
            continue;
        };
        if !is_owned(&metadata) || is_open(&metadata) && metadata.mode() & STICKY_MODE == 0 {
            return Err(TrustedFileError::Untrusted(folder.to_owned()));
        }
    }
    Ok(())
}

fn is_owned(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == geteuid().as_raw()
}

/// Whether others than the owner may change it; root's group is root.
fn is_open(metadata: &Metadata) -> bool {
    let mode = metadata.mode() & CHANGING_MODE;
    mode & 0o002 != 0 || mode != 0 && metadata.gid() != 0
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_file_that_others_can_change_is_refused_if_it_is_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.txt");
        let read = |is_obeyed| TrustedFile::read(&path, 10, is_obeyed);
        assert!(read(true).unwrap().is_none());
        fs::write(&path, "text").unwrap();
        let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(read(true).unwrap().unwrap().bytes, b"text");
        mode(0o646);
        assert!(matches!(read(true), Err(TrustedFileError::Untrusted(it)) if it == path));
        assert!(read(false).unwrap().is_some());
        mode(0o644);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(read(true), Err(TrustedFileError::Untrusted(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        fs::write(&path, "more than ten").unwrap();
        assert!(matches!(read(true), Err(TrustedFileError::TooLarge(_, 10))));
        assert!(matches!(
            TrustedFile::read(folder.path(), 10, true),
            Err(TrustedFileError::NoFile(_))
        ));
    }
}
