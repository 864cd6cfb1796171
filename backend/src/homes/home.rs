//! One participant's home: what it is called, and the folder itself once it is open.
//!
//! A participant owns their folder and may rename, exchange and link what is in it at any
//! moment. So a [`Home`] is a name and nothing that could be opened, and [`Home::open`] is
//! the only way to a folder. What is read, written, listed and watched goes from the
//! [`OpenHome`] it gives, by descriptors, and there is no way from that back to a path.
//!
//! The template's fixed part is the administrator's, who may keep the homes behind a link.
//! From the participant's folder on no link is followed, whoever made it.
//!
//! Whose a home is says the participant's own folder, and not what lies behind it: that is
//! the first folder, from the one with their name on, in which somebody else than root may
//! make and rename things. What comes before it only root can exchange, as where Docker
//! keeps `jupyterhub-user-ana/_data`; what comes after it must belong to the same owner.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2},
    io::Errno,
};

/// A place to open things below, and nothing else.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Who else than its owner may make, rename and remove things in a folder.
const OTHERS_WRITE: u32 = 0o022;

/// Where a participant's notebooks are, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The template's fixed part: the folder that holds everyone's.
    base: PathBuf,
    /// The name of the participant's own folder in it.
    own: String,
    /// What comes below that before the notebooks begin; often nothing.
    rest: PathBuf,
}

/// A home that is open: this very folder, whatever is under its name by now.
pub struct OpenHome {
    folder: OwnedFd,
    owner: Owner,
}

/// Whom files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Why a home, or a folder in it, is not open, in words for the instructor.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is no such folder.
    #[error("The folder is not there.")]
    Missing,
    /// A link, or somebody else's folder.
    #[error("{0}")]
    Refused(&'static str),
    /// What the operating system said.
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
        }
    }

    /// The home that is this folder.
    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        let own = folder.file_name().unwrap().to_str().unwrap().to_owned();
        Self::new(folder.parent().unwrap(), own, Path::new(""))
    }

    /// Opens it. See the module's words.
    ///
    /// # Errors
    /// When it is not there, is behind a link, or is not the participant's.
    pub fn open(&self) -> Result<OpenHome, HomeError> {
        let base = openat(CWD, &self.base, FOLDER, Mode::empty())?;
        let mut folder = beneath(&base, &*self.own, FOLDER)?;
        let mut stat = fstat(&folder)?;
        for part in self.rest.components() {
            let next = beneath(&folder, part.as_os_str(), FOLDER)?;
            let next_stat = fstat(&next)?;
            if next_stat.st_uid != stat.st_uid && !is_roots_alone(&stat) {
                return Err(HomeError::Refused(
                    "The home does not belong to the owner of the participant's folder that \
                     it is in, and somebody else than root may exchange it there.",
                ));
            }
            (folder, stat) = (next, next_stat);
        }
        Ok(OpenHome {
            folder,
            owner: Owner {
                user: stat.st_uid,
                group: stat.st_gid,
            },
        })
    }

    /// The folders of the participant's that lead to it, as far as they are there, and what is
    /// called what in each of them.
    pub(super) fn way(&self) -> Vec<(OwnedFd, String)> {
        let mut way: Vec<(OwnedFd, String)> = Vec::new();
        let Ok(base) = openat(CWD, &self.base, FOLDER, Mode::empty()) else {
            return way;
        };
        for part in self.rest.components() {
            let folder = match way.last() {
                Some((above, name)) => beneath(above, &**name, FOLDER),
                None => beneath(&base, &*self.own, FOLDER),
            };
            let Ok(folder) = folder else {
                break;
            };
            way.push((folder, part.as_os_str().to_string_lossy().into_owned()));
        }
        way
    }

    /// The whole path of what is called `filename` in it, for people and as events carry
    /// it. It is where the thing was said to be, which is all that a path can say.
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
    /// Whom the home and what is read, listed and written in it belongs to.
    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// Opens what is called `name` below it, following no link.
    pub(super) fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        beneath(&self.folder, name, flags | OFlags::CLOEXEC)
    }

    /// Opens a folder below it, or itself as `.`, which must be the owner's.
    pub(super) fn folder(&self, name: &str) -> Result<OwnedFd, HomeError> {
        let folder = self.open(name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        if self.owner.has(&fstat(&folder)?) {
            return Ok(folder);
        }
        Err(HomeError::Refused(
            "The folder does not belong to the owner of the home.",
        ))
    }

    /// Whether there is nothing called `name` below it; not, when that cannot be known.
    #[must_use]
    pub fn lacks(&self, name: &str) -> bool {
        let opened = self.open(name, OFlags::PATH | OFlags::NOFOLLOW);
        matches!(opened, Err(Errno::NOENT | Errno::NOTDIR))
    }

    /// Whether this program may look into it.
    ///
    /// # Errors
    /// When it may not.
    pub fn look(&self) -> Result<(), HomeError> {
        self.folder(".").map(drop)
    }

    /// Whether nothing at all is in it, as in a folder on which a disk is not mounted.
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

impl Owner {
    /// Whether something is theirs.
    pub(super) fn has(self, stat: &Stat) -> bool {
        stat.st_uid == self.user
    }
}

/// Opens what is called `name` in the folder `above`; no link, no `..` leads out of it.
fn beneath(
    above: &impl AsFd,
    name: impl rustix::path::Arg,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let above: BorrowedFd<'_> = above.as_fd();
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(above, name, flags, Mode::empty(), within)
}

/// Root's, where nobody else may put one thing into the place of another.
fn is_roots_alone(stat: &Stat) -> bool {
    stat.st_uid == 0 && stat.st_mode & OTHERS_WRITE == 0
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, chown, symlink},
    };

    use tempfile::TempDir;

    use super::*;
    use crate::homes::HomesTemplate;

    const ANA: u32 = 12_345;
    const BOB: u32 = 12_346;

    struct Layout {
        base: TempDir,
        homes: HomesTemplate,
    }

    impl Layout {
        /// Folders in which homes are at `{user}` and `rest`.
        fn new(rest: &str) -> Self {
            let base = tempfile::tempdir().unwrap();
            let homes = format!("{}/{{user}}{rest}", base.path().display());
            Self {
                base,
                homes: homes.parse().unwrap(),
            }
        }

        fn folder(&self, name: &str) -> PathBuf {
            let folder = self.base.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            folder
        }

        /// A folder of somebody's; false where only root may give things away.
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
    fn a_link_in_the_way_is_nobodys_home() {
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
        assert_eq!(homes.users(), ["bob"]);
    }

    #[test]
    fn a_home_is_whose_the_participants_own_folder_is() {
        let layout = Layout::new("/work");
        if !layout.folder_of("ana", ANA, 0o755) {
            return; // Only root can give folders to others.
        }
        layout.folder_of("ana/work", ANA, 0o755);
        assert_eq!(layout.open("ana"), Ok(ANA));
        // Somebody else's folder, and root's, moved or mounted to where hers was.
        for owner in [BOB, 0] {
            layout.folder_of("ana/work", owner, 0o700);
            let refused = layout.open("ana").unwrap_err();
            assert!(refused.contains("does not belong"), "{refused}");
        }
        // What only root can exchange may be of root.
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
    fn what_is_not_there_is_said_to_be_missing() {
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
