//! One participant's home: its name, and the folder itself once it is open.
//!
//! A participant owns their folder and may rename, exchange and link what is in it at any
//! moment. So a [`Home`] is a name and nothing that could be opened, and [`Home::open`] is
//! the only way to a folder. All reading, writing, listing and watching goes from the
//! [`OpenHome`] it gives, by descriptors, and there is no way from that back to a path.
//!
//! The template's fixed part is the administrator's, who may keep the homes behind a link.
//! From the participant's folder to the home no link is followed. In the home the kernel follows
//! the links that stay in it (`RESOLVE_BENEATH`), and an exchange of folders and links in the
//! meantime does not deceive it.
//!
//! The owner of a home is the owner of the participant's own folder, not of a folder further
//! below: that is the first folder, from the one with their name on, in which a user other than
//! root may make and rename things. Only root can exchange the folders before it, as where
//! Docker keeps `jupyterhub-user-ana/_data`; those after it must belong to the same owner.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2},
    io::Errno,
};

/// Opens a folder as a place to open things below, and for nothing else.
const FOLDER_FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The mode bits that let others than its owner make, rename and remove things in a folder.
const OTHERS_WRITE_MODE: u32 = 0o022;

/// So often is a path resolved that leads up again, while folders are renamed.
const MAX_RESOLVE_ATTEMPTS: usize = 16;

/// The name of the folder that a participant's notebooks are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The template's fixed part: the folder that holds everyone's.
    base: PathBuf,
    /// The name of the participant's own folder in it.
    own: String,
    /// The path from that folder to the notebooks; often empty.
    rest: PathBuf,
    /// The user that it must belong to, when that is known.
    owner: Option<u32>,
}

/// An open home: this very folder, even if another has its name by now.
pub struct OpenHome {
    folder: OwnedFd,
    owner: FileOwner,
}

/// The user and group that files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileOwner {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Why a home, or a folder in it, is not open, in words for the instructor.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is no such folder.
    #[error("The folder is not there.")]
    Missing,
    /// A link, or another user's folder.
    #[error("{0}")]
    Refused(&'static str),
    /// An error of the operating system.
    #[error("The folder cannot be opened: {0}.")]
    Io(io::Error),
}

impl From<Errno> for HomeError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::LOOP | Errno::XDEV => {
                Self::Refused("The folder is a link, or below one; links are not followed.")
            }
            other => Self::Io(other.into()),
        }
    }
}

impl Home {
    pub(super) fn new(base: &Path, own: String, rest: &Path) -> Self {
        Self {
            base: base.to_owned(),
            own,
            rest: rest.to_owned(),
            owner: None,
        }
    }

    /// The home at this path.
    ///
    /// # Errors
    /// When the path cannot be a home's, in words that follow it.
    pub(super) fn of_path(path: &Path) -> Result<Self, &'static str> {
        if !path.is_absolute() {
            return Err("is not absolute");
        }
        let text = path.to_str().ok_or("is no UTF-8")?;
        if text.contains(char::is_control) {
            return Err("has a control character in it");
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err("has .. in it");
        }
        let (Some(base), Some(own)) = (path.parent(), path.file_name()) else {
            return Err("is the root of all folders");
        };
        let own = own.to_string_lossy().into_owned();
        Ok(Self::new(base, own, Path::new("")))
    }

    /// The same home, which must belong to this user.
    pub(super) fn owned_by(self, user: u32) -> Self {
        Self {
            owner: Some(user),
            ..self
        }
    }

    /// The home that is this folder.
    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        let own = folder.file_name().unwrap().to_str().unwrap().to_owned();
        Self::new(folder.parent().unwrap(), own, Path::new(""))
    }

    /// Opens it, following no link from the participant's folder on.
    ///
    /// # Errors
    /// When it is not there, is behind a link, or is not the participant's.
    pub fn open(&self) -> Result<OpenHome, HomeError> {
        let base = openat(CWD, &self.base, FOLDER_FLAGS, Mode::empty())?;
        let mut folder = beneath(&base, &*self.own, FOLDER_FLAGS)?;
        let mut stat = fstat(&folder)?;
        for part in self.rest.components() {
            let next = beneath(&folder, part.as_os_str(), FOLDER_FLAGS)?;
            let next_stat = fstat(&next)?;
            if next_stat.st_uid != stat.st_uid && !is_roots_alone(&stat) {
                return Err(HomeError::Refused(
                    "The home does not belong to the owner of the participant's folder that \
                     it is in, and somebody else than root may exchange it there.",
                ));
            }
            (folder, stat) = (next, next_stat);
        }
        if self.owner.is_some_and(|owner| owner != stat.st_uid) {
            return Err(HomeError::Refused(
                "The home does not belong to the account that was looked up for its user.",
            ));
        }
        Ok(OpenHome {
            folder,
            owner: FileOwner {
                user: stat.st_uid,
                group: stat.st_gid,
            },
        })
    }

    /// The participant's folders above the home, as far as they are there, each with the name of
    /// the next one in it.
    pub(super) fn parents(&self) -> Vec<(OwnedFd, String)> {
        let mut parents: Vec<(OwnedFd, String)> = Vec::new();
        let Ok(base) = openat(CWD, &self.base, FOLDER_FLAGS, Mode::empty()) else {
            return parents;
        };
        for part in self.rest.components() {
            let folder = match parents.last() {
                Some((above, name)) => beneath(above, &**name, FOLDER_FLAGS),
                None => beneath(&base, &*self.own, FOLDER_FLAGS),
            };
            let Ok(folder) = folder else {
                break;
            };
            parents.push((folder, part.as_os_str().to_string_lossy().into_owned()));
        }
        parents
    }

    /// Whether there is an entry with the name of the participant's folder.
    pub(super) fn has_folder(&self) -> bool {
        self.base.join(&self.own).symlink_metadata().is_ok()
    }

    /// The path below it, when `path` is in it.
    pub(super) fn below(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.base).ok()?;
        let below = below.strip_prefix(&self.own).ok()?;
        let below = below.strip_prefix(&self.rest).ok()?;
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !below.components().all(is_plain) {
            return None;
        }
        let filename = below.to_str().filter(|name| !name.is_empty())?;
        Some(filename.to_owned())
    }

    /// The whole path of the file `filename` in it, for people and as events carry it. The path
    /// is a text; the file may not be there.
    #[must_use]
    pub fn shown(&self, filename: &str) -> String {
        format!("{self}/{filename}")
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By components, since joining an empty path leaves a slash at the end.
        let own = [Component::Normal(self.own.as_ref())];
        let parts = self.base.components().chain(own);
        let path: PathBuf = parts.chain(self.rest.components()).collect();
        write!(f, "{}", path.display())
    }
}

impl OpenHome {
    /// The owner of the home and of all files that are read, listed and written in it.
    pub(super) fn owner(&self) -> FileOwner {
        self.owner
    }

    /// Opens the entry `name` below it, following the links that stay below it. The caller
    /// checks the type and the owner on the descriptor.
    pub(super) fn open_within(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let open = || openat2(&self.folder, name, flags, Mode::empty(), within);
        // The kernel says so when it cannot tell whether `..` led out of the home.
        let attempts = std::iter::repeat_with(open).take(MAX_RESOLVE_ATTEMPTS);
        let mut attempts = attempts.skip_while(|opened| matches!(opened, Err(Errno::AGAIN)));
        attempts.next().unwrap_or(Err(Errno::AGAIN))
    }

    /// Opens a folder below it, or itself as `.`, which must be the owner's.
    pub(super) fn folder(&self, name: &str) -> Result<OwnedFd, HomeError> {
        let folder = match self.open_within(name, OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(Errno::LOOP | Errno::XDEV) => {
                return Err(HomeError::Refused(
                    "The folder is behind a link out of the home; such links are not followed.",
                ));
            }
            opened => opened?,
        };
        if self.owner.has(&fstat(&folder)?) {
            return Ok(folder);
        }
        Err(HomeError::Refused(
            "The folder does not belong to the owner of the home.",
        ))
    }

    /// Whether there is no entry `name` below it; false when that cannot be known.
    #[must_use]
    pub fn lacks(&self, name: &str) -> bool {
        let opened = self.open_within(name, OFlags::PATH | OFlags::NOFOLLOW);
        matches!(opened, Err(Errno::NOENT | Errno::NOTDIR))
    }

    /// Checks that this program may list it.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_readable(&self) -> Result<(), HomeError> {
        self.folder(".").map(drop)
    }

    /// Whether it is empty, as a folder is on which a disk is not mounted.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn is_empty(&self) -> Result<bool, HomeError> {
        for entry in Dir::read_from(self.folder(".")?)? {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl FileOwner {
    /// Whether the file of this `stat` belongs to this user.
    pub(super) fn has(self, stat: &Stat) -> bool {
        stat.st_uid == self.user
    }
}

/// Opens the entry `name` in the folder `above`; no link, no `..` leads out of it.
fn beneath(
    above: &impl AsFd,
    name: impl rustix::path::Arg,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let above: BorrowedFd<'_> = above.as_fd();
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(above, name, flags, Mode::empty(), within)
}

/// Whether the folder is root's and no other user may exchange the entries in it.
fn is_roots_alone(stat: &Stat) -> bool {
    stat.st_uid == 0 && stat.st_mode & OTHERS_WRITE_MODE == 0
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, chown, symlink},
    };

    use tempfile::TempDir;

    use super::*;
    use crate::homes::{Homes, HomesTemplate};

    const ANA: u32 = 12_345;
    const BOB: u32 = 12_346;

    struct Layout {
        base: TempDir,
        homes: Homes,
    }

    impl Layout {
        /// Folders in which homes are at `{user}` and `rest`.
        fn new(rest: &str) -> Self {
            let base = tempfile::tempdir().unwrap();
            let homes = format!("{}/{{user}}{rest}", base.path().display());
            Self {
                base,
                homes: homes.parse::<HomesTemplate>().unwrap().into(),
            }
        }

        fn folder(&self, name: &str) -> PathBuf {
            let folder = self.base.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            folder
        }

        /// A folder that belongs to `owner`; false where only root may give folders away.
        fn folder_of(&self, name: &str, owner: u32, mode: u32) -> bool {
            let folder = self.folder(name);
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            chown(&folder, Some(owner), Some(owner)).is_ok()
        }

        fn open(&self, user: &str) -> Result<u32, String> {
            let opened = self.homes.home_of(user).unwrap().open();
            opened
                .map(|home| home.owner().user)
                .map_err(|error| error.to_string())
        }
    }

    /// The administrator may keep everyone's homes elsewhere; from the participant's folder
    /// on nothing may be a link.
    #[test]
    fn a_home_behind_a_link_is_refused() {
        let layout = Layout::new("/work/x");
        layout.folder("bob/work/x");
        layout.folder("ana");
        symlink("../bob/work", layout.base.path().join("ana/work")).unwrap();
        symlink("bob", layout.base.path().join("cy")).unwrap();
        layout.folder("di/work");
        symlink("../../bob/work/x", layout.base.path().join("di/work/x")).unwrap();
        for user in ["ana", "cy", "di"] {
            let refused = layout.open(user).unwrap_err();
            assert!(refused.contains("link"), "{user}: {refused}");
        }
        layout.open("bob").unwrap();
        assert_eq!(layout.homes.users(), ["bob"]);

        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("homes");
        symlink(layout.base.path(), &link).unwrap();
        let homes: HomesTemplate = format!("{}/{{user}}/work/x", link.display())
            .parse()
            .unwrap();
        assert_eq!(Homes::from(homes).users(), ["bob"]);
    }

    #[test]
    fn a_home_belongs_to_the_owner_of_the_participants_folder() {
        let layout = Layout::new("/work");
        if !layout.folder_of("ana", ANA, 0o755) {
            return; // Only root can give folders to others.
        }
        layout.folder_of("ana/work", ANA, 0o755);
        assert_eq!(layout.open("ana"), Ok(ANA));
        // Another user's folder, and root's, moved or mounted to where hers was.
        for owner in [BOB, 0] {
            layout.folder_of("ana/work", owner, 0o700);
            let refused = layout.open("ana").unwrap_err();
            assert!(refused.contains("does not belong"), "{refused}");
        }
        // A folder that only root can exchange may be root's.
        layout.folder_of("volume", 0, 0o711);
        layout.folder_of("volume/work", ANA, 0o755);
        assert_eq!(layout.open("volume"), Ok(ANA));
        for mode in [0o775, 0o757, 0o1777] {
            layout.folder_of("volume", 0, mode);
            let refused = layout.open("volume").unwrap_err();
            assert!(refused.contains("exchange"), "{mode:o}: {refused}");
        }
    }

    #[test]
    fn a_home_that_is_not_there_is_missing() {
        let layout = Layout::new("/work");
        layout.folder("ana");
        fs::write(layout.base.path().join("stray"), "").unwrap();
        for user in ["ana", "nobody", "stray"] {
            let opened = layout.homes.home_of(user).unwrap().open();
            assert!(matches!(opened, Err(HomeError::Missing)), "{user}");
        }
        assert_eq!(layout.homes.users(), [""; 0]);
    }
}
