//! The output folder: what is in it was put there by this, and nothing else is touched.
//!
//! Files come under their name whole or not at all, by a temporary file and a rename. They
//! are not synced to the disk: everything here can be made again from the homes, and what
//! a power cut tears is noticed at the next start, because its size or its time is not what
//! it should be. Opening follows no link and never leads out of the folder.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, BufWriter, Read, Seek, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};

use anyhow::{Context, bail};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps, futimens, linkat,
    mkdirat, openat, openat2, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};

use super::comparing::Comparing;
use crate::{homes::Fingerprint, reserve::Reserve};

#[cfg(test)]
mod tests;

/// Marks the folder as ours, and says which renderer made what is in it.
const STAMP: &str = ".pipalhub";
/// What temporary files begin with.
const PART: &str = ".part-";
/// What waits when there is no room on the disk.
const WHAT: &str = "builds";
/// The renderer of this program.
const RENDERER: &str = env!("PIPALHUB_RENDERER");
/// So much is given to the kernel at once.
const AT_ONCE: usize = 1 << 20;

/// Writes what a file is to hold.
pub(super) type Fill<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a;

/// What a file is made of.
#[derive(Clone, Copy)]
pub(super) enum Made {
    /// Of one file, of this version, whose modification time it gets.
    Of(Fingerprint),
    /// Of many. When it says what is there already, nothing changes.
    OfMany,
    /// Of many, and it is known to say something else than the last time this program wrote
    /// it. It is not safe from a power cut, so the next program begins with [`Made::OfMany`].
    Different,
}

/// A file that was written.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) version: Fingerprint,
    /// It does not say what was under that name before.
    pub(super) is_news: bool,
}

/// See the module's words.
pub(super) struct Folder {
    path: PathBuf,
    root: OwnedFd,
    /// Locked as long as this lives, so that no two programs build into one folder.
    stamp: Mutex<File>,
    is_current: bool,
    parts: AtomicU64,
    reserve: Reserve,
    /// Read by who makes folders until there is a file in them, written by who removes empty ones.
    folders: RwLock<()>,
}

impl Folder {
    /// Makes `path` when it is not there. It is the builder's alone: who else may log in on
    /// this machine sees nothing in it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let cannot = || format!("cannot build into {shown}: choose another folder");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(cannot)?;
        let path = path.canonicalize().with_context(cannot)?;
        let is_new = !path.join(STAMP).exists();
        if is_new {
            if fs::read_dir(&path).with_context(cannot)?.next().is_some() {
                bail!(
                    "{shown} has something in it that was not built by pipalhub: choose another \
                     folder, or empty this one"
                );
            }
            fs::set_permissions(&path, Permissions::from_mode(0o700)).with_context(cannot)?;
        }
        let mut stamp = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(STAMP))
            .with_context(cannot)?;
        match stamp.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another pipalhub builds into {shown}: end it, or choose another folder")
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        // Whoever was writing these was cut off.
        for entry in files_below(&path) {
            if entry.file_name().to_string_lossy().starts_with(PART) {
                fs::remove_file(entry.path()).with_context(cannot)?;
            }
        }
        let mut text = String::new();
        stamp.read_to_string(&mut text).with_context(cannot)?;
        if is_new && text.is_empty() {
            // Nothing is in it that another renderer made.
            stamp.write_all(RENDERER.as_bytes()).with_context(cannot)?;
            text = RENDERER.to_owned();
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, &path, flags, Mode::empty()).with_context(cannot)?;
        Ok(Self {
            reserve: Reserve::new(&path, 0, WHAT),
            path,
            root,
            stamp: Mutex::new(stamp),
            is_current: text == RENDERER,
            parts: AtomicU64::new(0),
            folders: RwLock::default(),
        })
    }

    /// The same, which leaves so many bytes of the disk free.
    pub(super) fn reserving(self, bytes: u64) -> Self {
        let reserve = Reserve::new(&self.path, bytes, WHAT);
        Self { reserve, ..self }
    }

    #[cfg(test)]
    pub(super) fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// What keeps room on the disk for others.
    pub(super) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it was made by the renderer that is in this program.
    pub(super) fn is_current(&self) -> bool {
        self.is_current
    }

    /// Everything was made anew, or did not have to be.
    pub(super) fn set_current(&self) -> io::Result<()> {
        let mut stamp = self.stamp.lock();
        stamp.rewind()?;
        stamp.set_len(0)?;
        stamp.write_all(RENDERER.as_bytes())
    }

    /// Opens a file to read.
    pub(super) fn read(&self, place: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = self.beneath(place, flags)?.into();
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }

    /// The version of a file, `None` when it is not there.
    pub(super) fn version(&self, place: &str) -> Option<Fingerprint> {
        let metadata = self.read(place).ok()?.metadata().ok()?;
        Some(Fingerprint::from(&metadata))
    }

    /// Writes a file by `fill`, which may be called again.
    pub(super) fn write(&self, place: &str, made: Made, fill: &Fill<'_>) -> io::Result<Written> {
        // Before any folder is made for it.
        self.reserve.check(0)?;
        let (folder, name) = place.rsplit_once('/').unwrap_or(("", place));
        let part = self.part_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let (folder, file): (_, File) = {
            let _folders = self.folders.read();
            let folder = self.folder(folder)?;
            let file = openat(&folder, &*part, flags, Mode::RUSR | Mode::WUSR)?;
            (folder, file.into())
        };
        let old = match made {
            Made::Different => None,
            Made::Of(_) | Made::OfMany => self.read(place).ok(),
        };
        let kept = match (&old, made) {
            (Some(old), Made::OfMany) => Some(Fingerprint::from(&old.metadata()?)),
            _ => None,
        };
        let file = Reserving {
            file: Comparing::new(file, old),
            reserve: &self.reserve,
        };
        let written = write_all(file, made, fill).and_then(|written| {
            if let (Some(version), false) = (kept, written.is_news) {
                return Ok(Written { version, ..written });
            }
            let exchanged = matches!(made, Made::Different) && self.exchange(place, &folder, &part);
            if !exchanged {
                renameat(&folder, &*part, &folder, name)?;
            }
            Ok(written)
        });
        // After a rename there is nothing; else it is the old file, half a one, or one that
        // says the same. If it cannot be removed the next start does it.
        let _ = unlinkat(&folder, &*part, AtFlags::empty());
        written
    }

    /// Gives the file at `from` the name at `to` as well, in place of what was there; whether
    /// that was another file.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<bool> {
        let file = |place| self.version(place).map(Fingerprint::file);
        if file(from).is_some_and(|from| file(to) == Some(from)) {
            return Ok(false);
        }
        let (folder, name) = from.rsplit_once('/').unwrap_or(("", from));
        let source = self.open_folder(folder)?;
        let (folder, new_name) = to.rsplit_once('/').unwrap_or(("", to));
        let part = self.part_name();
        let _folders = self.folders.read();
        let folder = self.folder(folder)?;
        linkat(&source, name, &folder, &*part, AtFlags::empty())?;
        let named = renameat(&folder, &*part, &folder, new_name);
        if named.is_err() {
            let _ = unlinkat(&folder, &*part, AtFlags::empty());
        }
        Ok(named.map(|()| true)?)
    }

    fn part_name(&self) -> String {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        format!("{PART}{}-{number}", process::id())
    }

    /// Gives the file `part` of `folder` the name at `place`, and the file there its name;
    /// false when that cannot be. To replace it would be slower: file systems write to the
    /// disk at once what replaces something, here ten megabytes a second.
    fn exchange(&self, place: &str, folder: &OwnedFd, part: &str) -> bool {
        let name = place.rsplit('/').next().unwrap_or(place);
        self.version(place).is_some()
            && renameat_with(folder, part, folder, name, RenameFlags::EXCHANGE).is_ok()
    }

    /// Removes a file, if it is there, and the folders that are empty without it.
    pub(super) fn remove(&self, place: &str) -> io::Result<()> {
        let (mut folder, name) = place.rsplit_once('/').unwrap_or(("", place));
        match self.unlink(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let _folders = self.folders.write();
        while !folder.is_empty() {
            let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
            match self.unlink(above, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => folder = above,
                // There is something else in it.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Every file that is not hidden.
    pub(super) fn files(&self) -> Vec<String> {
        let files = files_below(&self.path);
        let places = files.filter_map(|entry| {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                return None;
            }
            let place = entry.path().strip_prefix(&self.path).ok()?.to_str()?;
            Some(place.to_owned())
        });
        places.collect()
    }

    /// The folder `place`, made when it is not there.
    fn folder(&self, place: &str) -> io::Result<OwnedFd> {
        let mut made = 0;
        for (at, _) in place.match_indices('/').chain([(place.len(), "")]) {
            let name = &place[made..at];
            if name.is_empty() {
                continue;
            }
            let above = self.open_folder(place[..made].trim_end_matches('/'))?;
            match mkdirat(&above, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            made = at + 1;
        }
        Ok(self.open_folder(place)?)
    }

    fn unlink(&self, folder: &str, name: &str, flags: AtFlags) -> Result<(), Errno> {
        unlinkat(self.open_folder(folder)?, name, flags)
    }

    fn open_folder(&self, place: &str) -> Result<OwnedFd, Errno> {
        let place = if place.is_empty() { "." } else { place };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        self.beneath(place, flags)
    }

    fn beneath(&self, place: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let root: BorrowedFd<'_> = self.root.as_fd();
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        openat2(root, place, flags, Mode::empty(), within)
    }
}

fn files_below(path: &Path) -> impl Iterator<Item = DirEntry> {
    let walk = WalkDir::new(path).min_depth(1).into_iter().flatten();
    walk.filter(|entry| !entry.file_type().is_dir())
}

/// A file that is written as long as there is room on the disk.
struct Reserving<'a> {
    file: Comparing,
    reserve: &'a Reserve,
}

impl Write for Reserving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Piece by piece: several are written at once, and none knows how long it will be.
        let bytes = &bytes[..bytes.len().min(AT_ONCE)];
        self.reserve.check(bytes.len() as u64)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_all(file: Reserving<'_>, made: Made, fill: &Fill<'_>) -> io::Result<Written> {
    let mut out = BufWriter::with_capacity(AT_ONCE, file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let (file, is_same) = file.file.finish();
    if let Made::Of(source) = made {
        let time = time_of(source);
        futimens(
            &file,
            &Timestamps {
                last_access: time,
                last_modification: time,
            },
        )?;
    }
    Ok(Written {
        version: Fingerprint::from(&file.metadata()?),
        is_news: !is_same,
    })
}

fn time_of(version: Fingerprint) -> Timespec {
    const SECOND: i128 = 1_000_000_000;
    Timespec {
        tv_sec: i64::try_from(version.modified_ns.div_euclid(SECOND)).unwrap_or(0),
        tv_nsec: version.modified_ns.rem_euclid(SECOND) as _,
    }
}
