//! Writing a new file below a participant's home, which is theirs and may be made to trick
//! us: beside one of their notebooks, never over anything.
//!
//! The folder is opened from the open home like a notebook is, following no link out of it, and
//! the file is written in that open folder, so that neither can be swapped for another. The file
//! is written under a hidden name and given its own when it is whole, by a rename that fails when
//! the name is taken. It belongs to the owner of the home.

use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, openat, renameat_with, statat, unlinkat},
    io::Errno,
    process::{Gid, Uid, geteuid},
};

use super::{HomeError, OpenHome, as_owner::as_owner, copies::has_max_copies, home::FileOwner};
use crate::secret::Secret;

/// The longest name of a file on Linux.
const MAX_NAME_BYTES: usize = 255;
/// So many names are tried until one is free.
const MAX_NAME_ATTEMPTS: usize = 100;
/// The mode of the new file when the notebook, whose mode it would take, is not there any more.
const DEFAULT_MODE: u32 = 0o644;

/// Why a file was not written, in words for the user who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The notebook's folder is not there, is behind a link, or belongs to another user.
    #[error("{0}")]
    Refused(&'static str),
    /// The service may read the home and not write into it.
    #[error(
        "The service may read this home and not write into it. Where the participant's server has \
         the package pipalhub-singleuser, that writes the file; until then the version can be \
         downloaded."
    )]
    ReadOnly,
    /// An error of the operating system.
    #[error("The file cannot be written: {0}.")]
    Io(io::Error),
}

impl From<HomeError> for CreateError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Missing => Self::Refused("The notebook's folder is not there."),
            HomeError::Refused(why) => Self::Refused(why),
            HomeError::Io(error) => Self::Io(error),
        }
    }
}

impl From<Errno> for CreateError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl From<io::Error> for CreateError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl OpenHome {
    /// Writes `bytes` into a new file in the folder of `filename`, with `suffix` after the
    /// stem of its name; the answer is the new path below the home.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn create_beside(
        &self,
        filename: &str,
        suffix: &str,
        bytes: &[u8],
    ) -> Result<String, CreateError> {
        let (folder_name, name) = filename.rsplit_once('/').unwrap_or((".", filename));
        let folder = self.folder(folder_name)?;
        let owner = self.owner();
        let hidden = format!(".{}.part", Secret::random().reveal());
        let mode = mode_of(&folder, name, owner);
        if has_max_copies(&folder, &beginning(name, suffix))? {
            return Err(CreateError::Refused(
                "There are 20 such copies of this notebook already: delete some, or rename those \
                 that are to stay.",
            ));
        }
        // Written as the participant, whose quota and modes of folders are to hold.
        let (user, group) = (Uid::from_raw(owner.user), Gid::from_raw(owner.group));
        let named = as_owner(user, group, || {
            write_hidden(&folder, &hidden, mode, bytes)
                .and_then(|()| give_name(&folder, &hidden, name, suffix))
        })?;
        match named {
            Ok(name) if folder_name == "." => Ok(name),
            Ok(name) => Ok(format!("{folder_name}/{name}")),
            Err(error) => {
                // The hidden file may not even have been made.
                let _ = unlinkat(&folder, &hidden, AtFlags::empty());
                let writer = geteuid();
                Err(error.of_writer(writer.is_root() || writer == user))
            }
        }
    }
}

impl CreateError {
    /// The same error, and [`Self::ReadOnly`] for a refusal of the system to a writer who is neither
    /// root nor the owner: such a one was only given the right to read.
    fn of_writer(self, is_root_or_owner: bool) -> Self {
        match self {
            Self::Io(error)
                if !is_root_or_owner
                    && [Errno::ACCESS, Errno::PERM, Errno::ROFS]
                        .map(|errno| Some(errno.raw_os_error()))
                        .contains(&error.raw_os_error()) =>
            {
                Self::ReadOnly
            }
            error => error,
        }
    }
}

/// The mode of the owner's file `name`; of anything else, [`DEFAULT_MODE`].
fn mode_of(folder: &OwnedFd, name: &str, owner: FileOwner) -> u32 {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat)
            if owner.has(&stat)
                && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile =>
        {
            stat.st_mode & 0o777
        }
        _ => DEFAULT_MODE,
    }
}

fn write_hidden(
    folder: &OwnedFd,
    hidden: &str,
    mode: u32,
    bytes: &[u8],
) -> Result<(), CreateError> {
    let mut file: File = openat(
        folder,
        hidden,
        OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::RUSR | Mode::WUSR,
    )?
    .into();
    file.write_all(bytes)?;
    // The users who may read the notebook may read this; none may execute it.
    file.set_permissions(Permissions::from_mode((mode & 0o666) | 0o600))?;
    file.sync_all()?;
    Ok(())
}

/// Renames the hidden file to the first name that is free.
fn give_name(
    folder: &OwnedFd,
    hidden: &str,
    name: &str,
    suffix: &str,
) -> Result<String, CreateError> {
    for attempt in 1..=MAX_NAME_ATTEMPTS {
        let suffix = match attempt {
            1 => suffix.to_owned(),
            _ => format!("{suffix}-{attempt}"),
        };
        let candidate = with_suffix(name, &suffix);
        match renameat_with(folder, hidden, folder, &candidate, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(candidate),
            Err(Errno::EXIST) => {}
            // A network file system, perhaps, which can make a second name of a file.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match rustix::fs::linkat(folder, hidden, folder, &candidate, AtFlags::empty()) {
                    Ok(()) => {
                        unlinkat(folder, hidden, AtFlags::empty())?;
                        return Ok(candidate);
                    }
                    Err(Errno::EXIST) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            Err(other) => return Err(other.into()),
        }
    }
    Err(CreateError::Refused(
        "There are a hundred copies of this version already.",
    ))
}

/// The beginning that the names of all such copies share: with `-restored-` and a time they are
/// such copies whatever the time is.
fn beginning(name: &str, suffix: &str) -> String {
    let whole = with_suffix(name, suffix);
    let same = suffix.rfind('-').filter(|at| *at > 0);
    let same = same.map_or(suffix, |at| &suffix[..=at]);
    let end = whole.rfind(suffix).unwrap_or(whole.len());
    format!("{}{same}", &whole[..end])
}

/// `day1.ipynb` and `-x` make `day1-x.ipynb`, the stem cut where that is too long.
pub(crate) fn with_suffix(name: &str, suffix: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let room = MAX_NAME_BYTES.saturating_sub(suffix.len() + extension.len());
    let cut = stem.floor_char_boundary(room.min(stem.len()));
    format!("{}{suffix}{extension}", &stem[..cut])
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, chown, symlink},
        path::Path,
    };

    use super::*;
    use crate::homes::{Home, copies::MAX_COPIES};

    fn open(home: &Path) -> OpenHome {
        Home::at(home).open().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_stands_beside_and_never_over() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("m1");
        fs::create_dir(&folder).unwrap();
        let own = folder.join("a.ipynb");
        fs::write(&own, "own").unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o640)).unwrap();
        for (expected, bytes) in [("m1/a-x.ipynb", "1"), ("m1/a-x-2.ipynb", "2")] {
            let written = open(home.path()).create_beside("m1/a.ipynb", "-x", bytes.as_bytes());
            assert_eq!(written.unwrap(), expected);
            let path = home.path().join(expected);
            assert_eq!(fs::read_to_string(&path).unwrap(), bytes);
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!(metadata.mode() & 0o777, 0o640);
            assert_eq!(metadata.uid(), fs::metadata(home.path()).unwrap().uid());
        }
        assert_eq!(fs::read_to_string(&own).unwrap(), "own");
        assert_eq!(names(&folder), ["a-x-2.ipynb", "a-x.ipynb", "a.ipynb"]);
    }

    #[test]
    fn no_file_is_written_out_of_the_home_or_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let base = tempfile::tempdir().unwrap();
        let home = base.path().join("ana");
        fs::create_dir(&home).unwrap();
        symlink(outside.path(), home.join("dir")).unwrap();
        fs::create_dir(base.path().join("bo")).unwrap();
        let absolute = outside.path().join("a.ipynb").display().to_string();
        for filename in [
            "dir/a.ipynb",
            "../bo/a.ipynb",
            &absolute,
            "none/a.ipynb",
            "a\0b/c",
        ] {
            let refused = open(&home).create_beside(filename, "-x", b"canary");
            assert!(refused.is_err(), "{filename:?} gave {refused:?}");
        }
        assert!(names(outside.path()).is_empty());
        assert!(names(&base.path().join("bo")).is_empty());
        assert_eq!(names(&home), ["dir"]);
    }

    #[test]
    fn a_link_of_the_new_name_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path().join("x"), home.path().join("a-x.ipynb")).unwrap();
        let written = open(home.path())
            .create_beside("a.ipynb", "-x", b"1")
            .unwrap();
        assert_eq!(written, "a-x-2.ipynb");
        assert!(names(outside.path()).is_empty());
    }

    /// A link says that everyone may do everything.
    #[test]
    fn only_a_file_of_the_owner_sets_the_mode() {
        let home = tempfile::tempdir().unwrap();
        symlink("/none", home.path().join("a.ipynb")).unwrap();
        let written = open(home.path())
            .create_beside("a.ipynb", "-x", b"1")
            .unwrap();
        let mode = fs::metadata(home.path().join(written)).unwrap().mode();
        assert_eq!(mode & 0o777, DEFAULT_MODE);
    }

    #[test]
    fn a_copy_is_the_owners_and_in_their_folders_only() {
        let home = tempfile::tempdir().unwrap();
        let theirs = home.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        if chown(home.path(), Some(12_345), Some(54_321)).is_err() {
            return; // Only root can give things to others.
        }
        let written = open(home.path())
            .create_beside("a.ipynb", "-x", b"1")
            .unwrap();
        let metadata = fs::metadata(home.path().join(written)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 54_321));
        let refused = open(home.path()).create_beside("theirs/a.ipynb", "-x", b"canary");
        assert!(refused.unwrap_err().to_string().contains("belong"));
        assert_eq!(names(&theirs), [""; 0]);
    }

    #[test]
    fn a_notebook_has_only_so_many_copies() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a-restored.ipynb"), "own").unwrap();
        for second in 0..MAX_COPIES {
            let suffix = format!("-restored-{second}");
            open(home.path())
                .create_beside("a.ipynb", &suffix, b"1")
                .unwrap();
        }
        let refused = open(home.path())
            .create_beside("a.ipynb", "-restored-99", b"1")
            .unwrap_err();
        assert!(refused.to_string().contains("20 such copies"), "{refused}");
        open(home.path())
            .create_beside("b.ipynb", "-restored-99", b"1")
            .unwrap();
        fs::remove_file(home.path().join("a-restored-7.ipynb")).unwrap();
        open(home.path())
            .create_beside("a.ipynb", "-restored-99", b"1")
            .unwrap();
    }

    #[test]
    fn a_copy_is_written_as_the_owner() {
        let home = tempfile::tempdir().unwrap();
        if chown(home.path(), Some(12_345), Some(12_345)).is_err() {
            // Only root can take another identity.
            return;
        }
        let written = open(home.path())
            .create_beside("a.ipynb", "-x", b"1")
            .unwrap();
        let made = fs::metadata(home.path().join(written)).unwrap();
        assert_eq!((made.uid(), made.gid()), (12_345, 12_345));
        // Where the owner may not write, as where their quota is used up, nothing is written.
        fs::set_permissions(home.path(), Permissions::from_mode(0o555)).unwrap();
        let refused = open(home.path())
            .create_beside("a.ipynb", "-y", b"1")
            .unwrap_err();
        assert!(matches!(refused, CreateError::Io(_)), "{refused}");
        assert_eq!(names(home.path()), ["a-x.ipynb"]);
    }

    #[test]
    fn a_service_that_may_only_read_says_what_writes() {
        let refusal = |errno: Errno| CreateError::from(errno);
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
            let error = refusal(errno).of_writer(false);
            assert!(matches!(error, CreateError::ReadOnly), "{error}");
            // The owner's own folder may be closed to them.
            let error = refusal(errno).of_writer(true);
            assert!(matches!(error, CreateError::Io(_)), "{error}");
        }
        let error = refusal(Errno::NOSPC).of_writer(false);
        assert!(matches!(error, CreateError::Io(_)), "{error}");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = format!("{}.ipynb", "é".repeat(124));
        let name = with_suffix(&long, "-restored");
        assert!(name.len() <= MAX_NAME_BYTES && name.ends_with("é-restored.ipynb"));
        assert_eq!(with_suffix(".hidden", "-x"), ".hidden-x");
        assert_eq!(with_suffix("plain", "-x"), "plain-x");
    }
}
