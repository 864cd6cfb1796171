//! Reading one file that a participant may have made to trick us.
//!
//! The kernel is asked to stay below the home that is open and to follow no link out of it
//! (`openat2(RESOLVE_BENEATH)`), so there is no moment between a check and the use of what was
//! checked. The open file is then checked: a regular file, the
//! owner's own, of a sane size. The check of the owner refuses a hard link to another user's
//! file; a second name of a file of their own is as good as the first.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
};

use jiff::Timestamp;
use rustix::fs::{OFlags, Stat};

use super::{Home, HomeError, NotebookFile, OpenHome};
use crate::time;

/// The largest notebook that is read. Larger ones exist only by accident: a loop that
/// printed for an hour.
const MAX_NOTEBOOK_BYTES: u64 = 64 << 20;

/// Tells two versions of a file apart without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i128,
    size: u64,
    file: FileId,
}

/// Identifies a file whatever its name is: two names of one file have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Stat> for Fingerprint {
    fn from(stat: &Stat) -> Self {
        Self {
            modified_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            file: FileId {
                device: stat.st_dev,
                inode: stat.st_ino,
            },
        }
    }
}

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
            size: metadata.size(),
            file: FileId {
                device: metadata.dev(),
                inode: metadata.ino(),
            },
        }
    }
}

impl Fingerprint {
    /// The version of content that is in no file of a participant's: saved at this time, in
    /// milliseconds since the Unix epoch, with so many bytes and such a hash.
    pub(crate) fn of_content(saved_at_ms: i64, size: u64, hash: (u64, u64)) -> Self {
        Self {
            modified_ns: i128::from(saved_at_ms) * 1_000_000,
            size,
            file: FileId {
                device: hash.0,
                inode: hash.1,
            },
        }
    }

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

    /// Which file this is a version of.
    #[must_use]
    pub fn file(self) -> FileId {
        self.file
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
    /// A link, a way out of the home, a device, another user's file.
    #[error("{0}")]
    Refused(&'static str),
    /// Larger than anything that is read.
    #[error("The file has {0} bytes; notebooks are read up to {MAX_NOTEBOOK_BYTES}.")]
    TooLarge(u64),
    /// The participant's server keeps the content to itself.
    #[error("{0}")]
    Withheld(&'static str),
    /// An error of the operating system.
    #[error("The file cannot be read: {0}.")]
    Io(io::Error),
}

impl From<rustix::io::Errno> for ReadError {
    fn from(errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::LOOP | Errno::XDEV => Self::Refused(
                "The file is behind a link out of the home; such links are not followed.",
            ),
            other => Self::Io(other.into()),
        }
    }
}

impl From<HomeError> for ReadError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Missing => Self::Missing,
            HomeError::Refused(why) => Self::Refused(why),
            HomeError::Io(error) => Self::Io(error),
        }
    }
}

impl OpenHome {
    /// Opens the file `filename`, if it may be read; nothing of it is read yet.
    fn notebook(&self, filename: &str) -> Result<(File, Fingerprint), ReadError> {
        // Non-blocking: opening a pipe must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file: File = self.open_within(filename, flags)?.into();
        let metadata = file.metadata().map_err(ReadError::Io)?;
        if !metadata.is_file() {
            return Err(ReadError::Refused("This is not a regular file."));
        }
        if metadata.uid() != self.owner().user {
            return Err(ReadError::Refused(
                "The file does not belong to the owner of the home.",
            ));
        }
        if metadata.size() > MAX_NOTEBOOK_BYTES {
            return Err(ReadError::TooLarge(metadata.size()));
        }
        Ok((file, Fingerprint::from(&metadata)))
    }

    /// Whether there is a file `filename` that may be read.
    #[must_use]
    pub fn has(&self, filename: &str) -> bool {
        self.notebook(filename).is_ok()
    }
}

/// A notebook that is open, of which nothing is in memory yet.
pub struct OpenNotebook {
    file: File,
    /// Where the notebook begins in the file, in bytes.
    begin: u64,
    version: Fingerprint,
}

impl OpenNotebook {
    /// The notebook in `version` that begins at byte `begin` of `file` and ends with it.
    pub(crate) fn at(file: File, begin: u64, version: Fingerprint) -> Self {
        Self {
            file,
            begin,
            version,
        }
    }

    /// The version that was opened.
    #[must_use]
    pub fn version(&self) -> Fingerprint {
        self.version
    }

    /// Reads all of it, from its start each time.
    ///
    /// # Errors
    /// When it has grown too large, or the operating system reports an error.
    pub fn read(&self) -> Result<NotebookFile, ReadError> {
        let size = usize::try_from(self.version.size()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(size + 1);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.begin))
            .map_err(ReadError::Io)?;
        // A file may grow while it is read; the limit holds all the same.
        file.take(MAX_NOTEBOOK_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(ReadError::Io)?;
        if bytes.len() as u64 > MAX_NOTEBOOK_BYTES {
            return Err(ReadError::TooLarge(bytes.len() as u64));
        }
        Ok(bytes.into())
    }
}

/// Opens `filename` below `home`.
///
/// # Errors
/// See [`ReadError`].
pub fn open_notebook(home: &Home, filename: &str) -> Result<OpenNotebook, ReadError> {
    let (file, version) = home.open()?.notebook(filename)?;
    Ok(OpenNotebook::at(file, 0, version))
}

/// Reads `filename` below `home`, whole unless `known` says that the caller already has
/// this version, in which case there is only the fingerprint.
///
/// # Errors
/// See [`ReadError`].
pub fn read_notebook(
    home: &Home,
    filename: &str,
    known: Option<Fingerprint>,
) -> Result<(Fingerprint, Option<NotebookFile>), ReadError> {
    let opened = open_notebook(home, filename)?;
    let version = opened.version();
    let file = (known != Some(version))
        .then(|| opened.read())
        .transpose()?;
    Ok((version, file))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{chown, symlink},
        path::Path,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Instant,
    };

    use rustix::fs::{CWD, Mode, RenameFlags, renameat_with};

    use super::*;
    use crate::homes::RACE_TIMEOUT;

    fn refusal(home: &Path, filename: &str) -> String {
        let read = read_notebook(&Home::at(home), filename, None);
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_known_version_is_not_read_again() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("m1")).unwrap();
        fs::write(home.path().join("m1/a.ipynb"), "{}").unwrap();
        let place = Home::at(home.path());
        let (fingerprint, bytes) = read_notebook(&place, "m1/a.ipynb", None).unwrap();
        assert_eq!(bytes.unwrap().content().unwrap(), b"{}");
        let (_, again) = read_notebook(&place, "m1/a.ipynb", Some(fingerprint)).unwrap();
        assert_eq!(again, None);
    }

    #[test]
    fn reading_stays_in_the_home() {
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
        assert!(read_notebook(&Home::at(home.path()), "a\0b", None).is_err());
    }

    #[test]
    fn links_within_the_home_are_read() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".course/in")).unwrap();
        fs::write(home.path().join(".course/in/a.ipynb"), "own").unwrap();
        symlink(".course", home.path().join("course")).unwrap();
        symlink("../.course/in/a.ipynb", home.path().join(".course/b.ipynb")).unwrap();
        for filename in ["course/in/a.ipynb", "course/b.ipynb"] {
            let (_, file) = read_notebook(&Home::at(home.path()), filename, None).unwrap();
            assert_eq!(file.unwrap().content().unwrap(), b"own", "{filename}");
        }
        // A link to itself, and a link up and down again beside the home.
        symlink("loop.ipynb", home.path().join("loop.ipynb")).unwrap();
        let name = home.path().file_name().unwrap().display();
        let around = format!("../{name}/.course/in/a.ipynb");
        symlink(&around, home.path().join("around.ipynb")).unwrap();
        for filename in ["loop.ipynb", "around.ipynb", &around] {
            assert!(
                refusal(home.path(), filename).contains("link"),
                "{filename}"
            );
        }
    }

    #[test]
    fn a_hard_link_to_another_users_file_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().join("ana");
        fs::create_dir(&home).unwrap();
        let own = home.join("a.ipynb");
        fs::write(&own, "own").unwrap();
        fs::hard_link(&own, home.join("b.ipynb")).unwrap();
        let [one, other] = ["a.ipynb", "b.ipynb"].map(|name| {
            let (version, file) = read_notebook(&Home::at(&home), name, None).unwrap();
            assert_eq!(file.unwrap().content().unwrap(), b"own");
            version.file()
        });
        assert_eq!(one, other);

        let others = base.path().join("secret");
        fs::write(&others, "canary").unwrap();
        fs::hard_link(&others, home.join("c.ipynb")).unwrap();
        // Only root may give a file away; for other users the test ends here.
        if chown(&others, Some(12345), None).is_ok() {
            assert!(refusal(&home, "c.ipynb").contains("does not belong"));
        }
    }

    /// A folder and a file change places with links as fast as one thread can do it.
    #[test]
    fn exchanging_links_and_files_lets_no_read_out_of_the_home() {
        let base = tempfile::tempdir().unwrap();
        let outside = base.path().join("outside");
        let home = base.path().join("home");
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(home.join("dir")).unwrap();
        fs::write(outside.join("a.ipynb"), "canary").unwrap();
        fs::write(home.join("dir/a.ipynb"), "own").unwrap();
        fs::write(home.join("a.ipynb"), "own").unwrap();
        symlink(&outside, home.join("other-dir")).unwrap();
        symlink(outside.join("a.ipynb"), home.join("other-a")).unwrap();
        let enough = AtomicBool::new(false);
        let place = Home::at(&home);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    for (one, other) in [("dir", "other-dir"), ("a.ipynb", "other-a")] {
                        let (one, other) = (home.join(one), home.join(other));
                        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
                    }
                }
            });
            let until = Instant::now() + RACE_TIMEOUT;
            let mut seen = [[0_usize; 2]; 2];
            // Each of the two was met in both of its shapes, often.
            while seen.as_flattened().iter().any(|times| *times < 1000) && Instant::now() < until {
                for (seen, filename) in seen.iter_mut().zip(["dir/a.ipynb", "a.ipynb"]) {
                    match read_notebook(&place, filename, None) {
                        Ok((_, bytes)) => {
                            let bytes = bytes.unwrap().content().unwrap();
                            // Not an assertion here: the other thread must end first.
                            if bytes != b"own" {
                                enough.store(true, Ordering::Relaxed);
                                panic!("read {}", String::from_utf8_lossy(&bytes));
                            }
                            seen[0] += 1;
                        }
                        Err(_) => seen[1] += 1,
                    }
                }
            }
            enough.store(true, Ordering::Relaxed);
            assert!(
                seen.as_flattened().iter().all(|times| *times > 0),
                "{seen:?}"
            );
        });
    }

    #[test]
    fn only_regular_files_are_opened() {
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
        large.set_len(MAX_NOTEBOOK_BYTES + 1).unwrap();
        assert!(refusal(home.path(), "large.ipynb").contains("bytes"));
        assert!(matches!(
            read_notebook(&Home::at(home.path()), "none.ipynb", None),
            Err(ReadError::Missing)
        ));
    }
}
