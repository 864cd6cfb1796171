//! Reading one file that a participant may have made to trick us.
//!
//! The kernel is asked to stay below the home and to follow no link
//! (`openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)`), so there is no moment between a
//! check and the use of what was checked. What is open is then looked at: a regular
//! file, the owner's own, of a sane size.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

use crate::time;

/// The largest notebook that is read. Larger ones exist only by accident: a loop that
/// printed for an hour.
const LARGEST: u64 = 64 << 20;

/// Tells two versions of a file apart without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i128,
    size: u64,
    inode: u64,
}

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        }
    }
}

impl Fingerprint {
    /// Modification time, milliseconds since the Unix epoch.
    #[must_use]
    pub fn modified_ms(self) -> i64 {
        i64::try_from(self.modified_ns / 1_000_000).unwrap_or(0)
    }

    /// Size, bytes.
    #[must_use]
    pub fn size(self) -> u64 {
        self.size
    }

    /// Modification time as events carry it.
    #[must_use]
    pub fn modified_text(self) -> String {
        let micros = i64::try_from(self.modified_ns.div_euclid(1_000)).unwrap_or(0);
        time::format(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

/// Why a file was not read, in words for the instructor.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("The file is not there.")]
    Missing,
    /// A link, a way out of the home, a device, somebody else's file.
    #[error("{0}")]
    Refused(&'static str),
    /// Larger than anything that is read.
    #[error("The file has {0} bytes; notebooks are read up to {LARGEST}.")]
    TooLarge(u64),
    /// What the operating system said.
    #[error("The file cannot be read: {0}.")]
    Io(io::Error),
}

impl From<rustix::io::Errno> for ReadError {
    fn from(errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::LOOP | Errno::XDEV => {
                Self::Refused("The file is a link, or below one; links are not followed.")
            }
            other => Self::Io(other.into()),
        }
    }
}

/// Reads `filename` below `home`, whole unless `known` says that the caller already has
/// this version, in which case the bytes are `None`.
///
/// # Errors
/// See [`ReadError`].
pub fn read_notebook(
    home: &Path,
    filename: &str,
    known: Option<Fingerprint>,
) -> Result<(Fingerprint, Option<Vec<u8>>), ReadError> {
    let home = open(
        home,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let owner = rustix::fs::fstat(&home)?.st_uid;
    let file: File = openat2(
        &home,
        filename,
        // Non-blocking: opening a pipe must not wait for somebody to write to it.
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    )?
    .into();
    let metadata = file.metadata().map_err(ReadError::Io)?;
    if !metadata.is_file() {
        return Err(ReadError::Refused("This is not a regular file."));
    }
    if metadata.uid() != owner {
        return Err(ReadError::Refused(
            "The file does not belong to the owner of the home.",
        ));
    }
    if metadata.size() > LARGEST {
        return Err(ReadError::TooLarge(metadata.size()));
    }
    let fingerprint = Fingerprint::from(&metadata);
    if known == Some(fingerprint) {
        return Ok((fingerprint, None));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.size()).unwrap_or(0) + 1);
    // A file may grow while it is read; the limit holds all the same.
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ReadError::TooLarge(bytes.len() as u64));
    }
    Ok((fingerprint, Some(bytes)))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn refusal(home: &Path, filename: &str) -> String {
        read_notebook(home, filename, None).unwrap_err().to_string()
    }

    #[test]
    fn reads_once_and_knows_it_again() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("m1")).unwrap();
        fs::write(home.path().join("m1/a.ipynb"), "{}").unwrap();
        let (fingerprint, bytes) = read_notebook(home.path(), "m1/a.ipynb", None).unwrap();
        assert_eq!(bytes.unwrap(), b"{}");
        let (_, again) = read_notebook(home.path(), "m1/a.ipynb", Some(fingerprint)).unwrap();
        assert_eq!(again, None);
    }

    #[test]
    fn stays_in_the_home() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.ipynb"), "canary").unwrap();
        let home = tempfile::tempdir().unwrap();
        symlink(outside.path(), home.path().join("dir")).unwrap();
        symlink(
            outside.path().join("secret.ipynb"),
            home.path().join("a.ipynb"),
        )
        .unwrap();
        let absolute = outside.path().join("secret.ipynb").display().to_string();
        let up = format!(
            "../{}/secret.ipynb",
            outside.path().file_name().unwrap().display()
        );
        for filename in ["dir/secret.ipynb", "a.ipynb", &absolute, &up] {
            assert!(
                refusal(home.path(), filename).contains("link"),
                "{filename}"
            );
        }
        assert!(read_notebook(home.path(), "a\0b", None).is_err());
    }

    #[test]
    fn opens_nothing_but_regular_files() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("folder.ipynb")).unwrap();
        let pipe = home.path().join("pipe.ipynb");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        for filename in ["folder.ipynb", "pipe.ipynb"] {
            assert!(
                refusal(home.path(), filename).contains("regular"),
                "{filename}"
            );
        }
        let large = File::create(home.path().join("large.ipynb")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        assert!(refusal(home.path(), "large.ipynb").contains("bytes"));
        assert!(matches!(
            read_notebook(home.path(), "none.ipynb", None),
            Err(ReadError::Missing)
        ));
    }
}
