//! Puts an archive into an empty folder.
//!
//! Everything is written into a folder of its own in it, whose name says that it is incomplete, and
//! moved to its place when all of it is on the disk. So what has its place is whole, and after a
//! crash the next attempt begins anew. All files and folders are new ones, made by this program in
//! a folder that nobody else may enter.

use std::{
    fs::{self, File, FileTimes, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::fs::syncfs;

use super::{
    ArchiveProgress, EntryContent,
    manifest::{ArchiveEntry, DATA_FOLDER, FILE_MODE, HOMES_FOLDER, USERS_FILE, total},
    part_file::check_own,
    reader::ClassArchive,
};
use crate::{copies::kept, files::make_folder, reserve::DiskSpace};

/// The folder of what is not restored whole yet.
pub(crate) const INCOMPLETE_FOLDER: &str = "restore-incomplete";
/// What gets its place before the data folder, on which a service starts: with that everything is
/// there.
const BEFORE_DATA: [&str; 2] = [USERS_FILE, HOMES_FOLDER];
/// What a file takes up on a disk beside its bytes: the rest of its last block.
const FILE_ROOM_BYTES: u64 = 4 << 10;
/// The mode bits that let others change what is in a folder.
pub(super) const OTHERS_WRITE_MODE: u32 = 0o022;
/// The text in the folder of what is incomplete.
const INCOMPLETE_TEXT: &str = "\
`pipalhub restore` was not finished here. Run it again, with the same folder: it begins anew.\n";

/// Restores an archive into `folder`, which is made, or is empty, or has what an interrupted
/// restore has left.
///
/// # Errors
/// When the archive is damaged, the folder has something in it, or the disk cannot take it.
pub(crate) fn restore(
    archive: &mut ClassArchive,
    folder: &Path,
    progress: &dyn ArchiveProgress,
) -> anyhow::Result<()> {
    check_empty(folder)?;
    archive.require_whole(progress)?;
    let places = places(archive)?;
    let bytes = total(places.iter().map(|(entry, _)| entry));
    let room = places.iter().fold(0_u64, |room, (entry, _)| {
        room.saturating_add(entry.size.saturating_add(FILE_ROOM_BYTES))
    });
    make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    check_own(folder, OTHERS_WRITE_MODE)?;
    let cannot = || format!("cannot restore into {}", folder.display());
    remove_incomplete(folder).with_context(cannot)?;
    let space = DiskSpace::of(folder).with_context(cannot)?;
    if !space.has(room, 0) {
        bail!(
            "{} needs {} MiB, and {} are free: make room, or choose a folder on another disk",
            folder.display(),
            room.div_ceil(1 << 20),
            space.free >> 20
        );
    }
    let incomplete = folder.join(INCOMPLETE_FOLDER);
    for made in [
        &incomplete,
        &incomplete.join(DATA_FOLDER),
        &incomplete.join(HOMES_FOLDER),
    ] {
        make_folder(made).with_context(cannot)?;
    }
    fs::write(incomplete.join("README.txt"), INCOMPLETE_TEXT).with_context(cannot)?;
    progress.begin("files", bytes);
    for (entry, place) in &places {
        let path = incomplete.join(place);
        let written = write(archive, entry, &path);
        written
            .with_context(|| format!("cannot restore {:?} to {}", entry.name, place.display()))?;
        progress.advance(entry.size);
    }
    syncfs(File::open(folder)?).with_context(cannot)?;
    for name in BEFORE_DATA.into_iter().chain([DATA_FOLDER]) {
        let from = incomplete.join(name);
        if from.exists() {
            fs::rename(from, folder.join(name)).with_context(cannot)?;
            File::open(folder)?.sync_all()?;
        }
    }
    fs::remove_dir_all(incomplete).with_context(cannot)?;
    Ok(File::open(folder)?.sync_all()?)
}

/// Where each file goes. All paths are checked before anything is written.
fn places(archive: &ClassArchive) -> anyhow::Result<Vec<(ArchiveEntry, PathBuf)>> {
    let mut places = Vec::new();
    for entry in &archive.manifest().entries {
        let checked = entry.content.place().and_then(|place| {
            entry.content.modified()?;
            Ok(place)
        });
        let place = checked.with_context(|| {
            format!(
                "the archive is refused: {:?} cannot be restored",
                entry.name
            )
        })?;
        places.extend(place.map(|place| (entry.clone(), place)));
    }
    Ok(places)
}

/// Refuses a folder with anything in it that no restore has left there.
fn check_empty(folder: &Path) -> anyhow::Result<()> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed.with_context(|| format!("cannot look into {}", folder.display()))?,
    };
    let names = listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<io::Result<_>>()?;
    let is_begun = names.iter().any(|name| name == INCOMPLETE_FOLDER);
    let is_ours = |name: &String| {
        // A file system of its own has the last one.
        [INCOMPLETE_FOLDER, "lost+found"].contains(&&**name)
            || (is_begun && BEFORE_DATA.contains(&&**name))
    };
    if let Some(other) = names.iter().find(|name| !is_ours(name)) {
        bail!(
            "{} has {other:?} in it: an archive is restored into an empty folder only; choose \
             another",
            folder.display()
        );
    }
    Ok(())
}

/// Removes what an interrupted restore has left.
fn remove_incomplete(folder: &Path) -> io::Result<()> {
    let incomplete = folder.join(INCOMPLETE_FOLDER);
    if !incomplete.exists() {
        return Ok(());
    }
    for name in BEFORE_DATA {
        let path = folder.join(name);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // The mark goes last.
    fs::remove_dir_all(incomplete)
}

fn write(archive: &mut ClassArchive, entry: &ArchiveEntry, path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    let mut out = BufWriter::new(file);
    out.write_all(entry.content.header().as_bytes())?;
    archive.copy(entry, &mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(modified) = entry.content.modified()? {
        file.set_times(FileTimes::new().set_modified(modified))?;
    }
    drop(file);
    check_pushed(&entry.content, path)
}

/// Refuses a pushed notebook whose first line is another's, or says another length.
fn check_pushed(content: &EntryContent, path: &Path) -> anyhow::Result<()> {
    let EntryContent::Pushed { user, filename, .. } = content else {
        return Ok(());
    };
    let (copy, _) = kept::look(path)?;
    if (&copy.user, &copy.filename) != (user, filename) {
        bail!("its first line is that of another notebook");
    }
    Ok(())
}
