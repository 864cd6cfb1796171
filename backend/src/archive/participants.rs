//! Each participant's part of an archive as a zip of its own.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};
use zip::ZipWriter;

use super::{
    ArchiveProgress,
    manifest::{ArchiveEntry, FILE_MODE, total},
    part_file::check_own,
    reader::ClassArchive,
    restore::OTHERS_WRITE_MODE,
    writer::PARTICIPANTS_FOLDER,
};
use crate::files::make_folder;

/// Writes a zip for each participant into `folder`, which is made, or is empty; returns how many.
/// What is packed is not packed anew.
///
/// # Errors
/// When the archive is damaged, the folder has something in it, or the disk cannot take the files.
pub(crate) fn write_participants(
    archive: &mut ClassArchive,
    folder: &Path,
    progress: &dyn ArchiveProgress,
) -> anyhow::Result<usize> {
    match fs::read_dir(folder).map(|mut listed| listed.next().is_some()) {
        Ok(true) => bail!(
            "{} has something in it: choose an empty folder",
            folder.display()
        ),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot look into {}", folder.display()));
        }
        _ => {}
    }
    archive.require_whole(progress)?;
    let mut people: BTreeMap<String, Vec<ArchiveEntry>> = BTreeMap::new();
    for entry in &archive.manifest().entries {
        if entry.content.user().is_some() {
            let own = own_folder(entry)
                .with_context(|| format!("the archive is refused: {:?} is nobody's", entry.name))?;
            people
                .entry(own.to_owned())
                .or_default()
                .push(entry.clone());
        }
    }
    make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    check_own(folder, OTHERS_WRITE_MODE)?;
    progress.begin("participants", total(people.values().flatten()));
    for (own, entries) in &people {
        let path = folder.join(format!("{own}.zip"));
        let written = write(archive, entries, &path, progress);
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(people.len())
}

/// The name of the folder of the participant that an entry is of.
fn own_folder(entry: &ArchiveEntry) -> Option<&str> {
    let (own, _) = below(entry)?.split_once('/')?;
    Some(own)
}

/// The path of an entry below the folder of the participants; none when it is no path that may be
/// unpacked.
fn below(entry: &ArchiveEntry) -> Option<&str> {
    let below = entry.name.strip_prefix(PARTICIPANTS_FOLDER)?;
    let below = below.strip_prefix('/')?;
    let is_name =
        |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\', ':']);
    below.split('/').all(is_name).then_some(below)
}

fn write(
    archive: &mut ClassArchive,
    entries: &[ArchiveEntry],
    path: &Path,
    progress: &dyn ArchiveProgress,
) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for entry in entries {
        let name = below(entry).context("a name in the archive is refused")?;
        zip.raw_copy_file_rename(archive.packed(entry, true)?, name)?;
        progress.advance(entry.size);
    }
    let mut out: BufWriter<File> = zip.finish()?;
    out.flush()?;
    Ok(out.get_ref().sync_all()?)
}
