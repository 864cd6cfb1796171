//! The output folder, in which this module alone writes and removes files.
//!
//! A file gets its name when it is complete, by a rename of a temporary file. Files are not synced
//! to the disk, because all can be made again from the homes, and the next start finds a file that
//! a power cut tore by its wrong size or time. Opening follows no link and never leads out of the
//! folder.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, BufWriter, Read, Seek, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{OpenOptionsExt, PermissionsExt},
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

use super::compare_writer::CompareWriter;
use crate::{files::make_folder, homes::Fingerprint, reserve::Reserve};

#[cfg(test)]
mod tests;

/// Marks the folder as PipalHub's, and holds the renderer that made its files.
const STAMP_FILE: &str = ".pipalhub";
/// How the names of temporary files begin.
const TEMPORARY_PREFIX: &str = ".part-";
/// Names the writer in the reserve's log and metrics.
const RESERVED_FOR: &str = "builds";
/// The renderer of this program.
const RENDERER: &str = env!("PIPALHUB_RENDERER");
/// Bytes given to the kernel in one write.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// Writes the content of a file.
pub(super) type Fill<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a;

/// When a written file replaces the old one, and whether the two are compared.
#[derive(Clone, Copy)]
pub(super) enum WriteMode {
    /// For a file made of one version of a notebook. It always replaces the old file, and gets the
    /// modification time of that version.
    WithTimeOf(Fingerprint),
    /// For a file whose old one may have the same content; then the old file stays.
    IfDifferent,
    /// For a file whose content is known to differ from the one that this process wrote last, so
    /// the two are not compared. A power cut may have torn that one, so a new process begins with
    /// [`WriteMode::IfDifferent`].
    KnownDifferent,
}

/// A file that was written.
#[derive(Clone, Copy)]
pub(super) struct WrittenFile {
    pub(super) version: Fingerprint,
    /// Whether its content differs from the file that had its name before.
    pub(super) is_changed: bool,
}

/// The output folder, open and locked.
pub(super) struct OutputFolder {
    path: PathBuf,
    root: OwnedFd,
    /// Locked as long as this value lives, so that no two programs build into one folder.
    stamp: Mutex<File>,
    is_current: bool,
    temporary_files: AtomicU64,
    reserve: Reserve,
    /// Locked for reading while folders are made until they have a file, and for writing while
    /// empty folders are removed.
    folders: RwLock<()>,
}

impl OutputFolder {
    /// Makes `path` when it is not there, readable by the service's user only.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let cannot = || format!("cannot build into {shown}: choose another folder");
        make_folder(path).with_context(cannot)?;
        let path = path.canonicalize().with_context(cannot)?;
        let is_new = !path.join(STAMP_FILE).exists();
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
            .open(path.join(STAMP_FILE))
            .with_context(cannot)?;
        match stamp.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another pipalhub builds into {shown}: end it, or choose another folder")
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        // A process that ended while writing left these.
        for entry in files_below(&path) {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(TEMPORARY_PREFIX)
            {
                fs::remove_file(entry.path()).with_context(cannot)?;
            }
        }
        let mut text = String::new();
        stamp.read_to_string(&mut text).with_context(cannot)?;
        if is_new && text.is_empty() {
            // A new folder has no files of another renderer.
            stamp.write_all(RENDERER.as_bytes()).with_context(cannot)?;
            text = RENDERER.to_owned();
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, &path, flags, Mode::empty()).with_context(cannot)?;
        Ok(Self {
            reserve: Reserve::new(&path, 0, RESERVED_FOR),
            path,
            root,
            stamp: Mutex::new(stamp),
            is_current: text == RENDERER,
            temporary_files: AtomicU64::new(0),
            folders: RwLock::default(),
        })
    }

    /// The same, leaving so many bytes of the disk free.
    pub(super) fn reserving(self, bytes: u64) -> Self {
        let reserve = Reserve::new(&self.path, bytes, RESERVED_FOR);
        Self { reserve, ..self }
    }

    #[cfg(test)]
    pub(super) fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// The reserve on the disk that is left for events.
    pub(super) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its files were made by the renderer of this program.
    pub(super) fn is_current(&self) -> bool {
        self.is_current
    }

    /// Marks all files as made by the renderer of this program.
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

    /// The fingerprint of a file, `None` when it is not there.
    pub(super) fn version(&self, place: &str) -> Option<Fingerprint> {
        let metadata = self.read(place).ok()?.metadata().ok()?;
        Some(Fingerprint::from(&metadata))
    }

    /// Writes a file by `fill`, which may be called again.
    pub(super) fn write(
        &self,
        place: &str,
        mode: WriteMode,
        fill: &Fill<'_>,
    ) -> io::Result<WrittenFile> {
        // Checked before any folder is made for the file.
        self.reserve.check(0)?;
        let (folder, name) = place.rsplit_once('/').unwrap_or(("", place));
        let temporary = self.temporary_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let (folder, file): (_, File) = {
            let _folders = self.folders.read();
            let folder = self.folder(folder)?;
            let file = openat(&folder, &*temporary, flags, Mode::RUSR | Mode::WUSR)?;
            (folder, file.into())
        };
        let old = match mode {
            WriteMode::KnownDifferent => None,
            WriteMode::WithTimeOf(_) | WriteMode::IfDifferent => self.read(place).ok(),
        };
        let unchanged = match (&old, mode) {
            (Some(old), WriteMode::IfDifferent) => Some(Fingerprint::from(&old.metadata()?)),
            _ => None,
        };
        let file = ReserveWriter {
            file: CompareWriter::new(file, old),
            reserve: &self.reserve,
        };
        let written = write_all(file, mode, fill).and_then(|written| {
            if let (Some(version), false) = (unchanged, written.is_changed) {
                return Ok(WrittenFile { version, ..written });
            }
            let exchanged = matches!(mode, WriteMode::KnownDifferent)
                && self.exchange(place, &folder, &temporary);
            if !exchanged {
                renameat(&folder, &*temporary, &folder, name)?;
            }
            Ok(written)
        });
        // After a rename there is no temporary file; otherwise it is the old file, an incomplete
        // one, or one with the same content. If it cannot be removed, the next start does it.
        let _ = unlinkat(&folder, &*temporary, AtFlags::empty());
        written
    }

    /// Gives the file at `from` a second name at `to`, replacing the file there; whether that was
    /// another file.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<bool> {
        let file = |place| self.version(place).map(Fingerprint::file);
        if file(from).is_some_and(|from| file(to) == Some(from)) {
            return Ok(false);
        }
        let (folder, name) = from.rsplit_once('/').unwrap_or(("", from));
        let source = self.open_folder(folder)?;
        let (folder, new_name) = to.rsplit_once('/').unwrap_or(("", to));
        let temporary = self.temporary_name();
        let _folders = self.folders.read();
        let folder = self.folder(folder)?;
        linkat(&source, name, &folder, &*temporary, AtFlags::empty())?;
        let named = renameat(&folder, &*temporary, &folder, new_name);
        if named.is_err() {
            let _ = unlinkat(&folder, &*temporary, AtFlags::empty());
        }
        Ok(named.map(|()| true)?)
    }

    fn temporary_name(&self) -> String {
        let number = self.temporary_files.fetch_add(1, Ordering::Relaxed);
        format!("{TEMPORARY_PREFIX}{}-{number}", process::id())
    }

    /// Exchanges the names of the file `temporary` in `folder` and the file at `place`; false when
    /// that is not possible. Replacing the file would be slower: file systems write a replacing
    /// file to the disk at once, here ten megabytes a second.
    fn exchange(&self, place: &str, folder: &OwnedFd, temporary: &str) -> bool {
        let name = place.rsplit('/').next().unwrap_or(place);
        self.version(place).is_some()
            && renameat_with(folder, temporary, folder, name, RenameFlags::EXCHANGE).is_ok()
    }

    /// Removes a file, if it is there, and the folders that become empty.
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
                // The folder has other files.
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

    /// Opens the folder `place`, making it when it is not there.
    fn folder(&self, place: &str) -> io::Result<OwnedFd> {
        let mut start = 0;
        for (at, _) in place.match_indices('/').chain([(place.len(), "")]) {
            let name = &place[start..at];
            if name.is_empty() {
                continue;
            }
            let above = self.open_folder(place[..start].trim_end_matches('/'))?;
            match mkdirat(&above, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            start = at + 1;
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

/// A writer that stops when the reserve on the disk is reached.
struct ReserveWriter<'a> {
    file: CompareWriter,
    reserve: &'a Reserve,
}

impl Write for ReserveWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Checked for each part: several files are written at once, and none knows its size in
        // advance.
        let bytes = &bytes[..bytes.len().min(WRITE_BUFFER_BYTES)];
        self.reserve.check(bytes.len() as u64)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_all(file: ReserveWriter<'_>, mode: WriteMode, fill: &Fill<'_>) -> io::Result<WrittenFile> {
    let mut out = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let (file, is_same) = file.file.finish();
    if let WriteMode::WithTimeOf(source) = mode {
        let time = time_of(source);
        futimens(
            &file,
            &Timestamps {
                last_access: time,
                last_modification: time,
            },
        )?;
    }
    Ok(WrittenFile {
        version: Fingerprint::from(&file.metadata()?),
        is_changed: !is_same,
    })
}

fn time_of(version: Fingerprint) -> Timespec {
    const SECOND: i128 = 1_000_000_000;
    Timespec {
        tv_sec: i64::try_from(version.modified_ns.div_euclid(SECOND)).unwrap_or(0),
        tv_nsec: version.modified_ns.rem_euclid(SECOND) as _,
    }
}
