//! Writes an archive: to a name of its own beside the one it is to have, on the disk, and read
//! again, before it is called so.

use std::{
    fs::File,
    io::{self, BufWriter, Cursor, Read, Write},
    path::Path,
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use zip::ZipWriter;

use super::{
    ArchiveProgress, FORMAT,
    contents::{ClassSources, FoundClass},
    manifest::{
        ArchiveEntry, ClassManifest, DATA_FOLDER, EntryContent, FILE_MODE, LeftOut, MANIFEST,
        USERS_FILE,
    },
    pages::{self, NotebookRow, ParticipantRow},
    part_file::{PartFile, check_free},
    read_copy::{ReadCopy, document, read},
    reader::ClassArchive,
    seal,
};
use crate::{
    builds::{PortableNames, portable_part, zip_options},
    copies::CopyId,
    reserve::Reserve,
    sqlite,
};

/// The folder of the participants in an archive.
pub(super) const PARTICIPANTS_FOLDER: &str = "participants";
/// Bytes that are read at once.
const READ_CHUNK_BYTES: usize = 64 << 10;
/// The longest path of a notebook that is kept as it is, in bytes.
const MAX_PLAIN_BYTES: usize = 200;
/// So many bytes are written between two looks at the disk's free space.
const SPACE_CHECK_BYTES: u64 = 8 << 20;

/// An archive that is complete, checked and in its place.
pub(crate) struct SavedArchive {
    pub(crate) manifest: ClassManifest,
    /// Its size, bytes.
    pub(crate) bytes: u64,
    /// The checksum in its seal.
    pub(crate) sha256: String,
}

/// Writes everything of a class to the file `out`, which must not be there. `reserve` bytes of the
/// disk stay free for the service.
///
/// # Errors
/// When `out` is there, the class cannot be found, or the disk cannot take the archive. What is
/// wrong with one participant's notebook is in the manifest.
pub(crate) fn write_archive(
    sources: &ClassSources<'_>,
    out: &Path,
    reserve: u64,
    progress: &dyn ArchiveProgress,
) -> anyhow::Result<SavedArchive> {
    check_free(out)?;
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let part = PartFile::open(out)?;
    let reserve = Reserve::of_refused(folder, reserve, "an archive");
    let found = sources.find()?;
    let room = found.room();
    let check = reserve.check(room);
    check.with_context(|| {
        format!(
            "the archive may take {} MiB: make room, or write it to another disk",
            room.div_ceil(1 << 20)
        )
    })?;
    let written = write_part(sources, &found, &part, reserve, progress);
    let sha256 = written.with_context(|| format!("cannot write {}", out.display()))?;
    let mut archive = ClassArchive::open(&part.path)?;
    let damage = archive.check(progress)?;
    if let [first, ..] = &damage[..] {
        bail!("what was written to the disk is not what is read from it: {first}");
    }
    let bytes = part.file.metadata()?.len();
    part.finish(out, folder)?;
    Ok(SavedArchive {
        manifest: archive.into_manifest(),
        bytes,
        sha256,
    })
}

/// Writes all of the archive and its seal to the disk; returns the checksum.
fn write_part(
    sources: &ClassSources<'_>,
    found: &FoundClass,
    part: &PartFile,
    reserve: Reserve,
    progress: &dyn ArchiveProgress,
) -> anyhow::Result<String> {
    let mut writer = ArchiveWriter::new(part.file.try_clone()?, reserve, progress);
    writer.add_text("README.txt", page(None), pages::README)?;
    // Databases come before notebooks: a save in between is one that the restored service notices
    // as new, and never one whose notebook is missing.
    writer.add_data(sources.data, found, part)?;
    let mut class = sources.find()?;
    progress.begin(
        "notebooks",
        class.people.values().flatten().map(|it| it.size).sum(),
    );
    writer.left_out.append(&mut class.left_out);
    writer.add_people(sources, &class)?;
    if let Some(users) = &sources.users {
        let names: String = users.iter().map(|name| format!("{name}\n")).collect();
        writer.add_text(USERS_FILE, EntryContent::Users, &names)?;
    }
    let mut file = writer.finish(sources.host)?;
    let sha256 = seal::seal(&mut file)?;
    file.sync_all()?;
    Ok(sha256)
}

fn page(user: Option<&str>) -> EntryContent {
    let user = user.map(str::to_owned);
    EntryContent::Page { user }
}

/// An archive that is being written.
struct ArchiveWriter<'a> {
    zip: ZipWriter<BufWriter<File>>,
    names: PortableNames,
    entries: Vec<ArchiveEntry>,
    left_out: Vec<LeftOut>,
    reserve: Reserve,
    /// Bytes until the disk's free space is looked at again.
    unchecked: u64,
    progress: &'a dyn ArchiveProgress,
}

impl<'a> ArchiveWriter<'a> {
    fn new(file: File, reserve: Reserve, progress: &'a dyn ArchiveProgress) -> Self {
        Self {
            zip: ZipWriter::new(BufWriter::with_capacity(1 << 20, file)).set_auto_large_file(),
            names: PortableNames::default(),
            entries: Vec::new(),
            left_out: Vec::new(),
            reserve,
            unchecked: 0,
            progress,
        }
    }

    /// Adds a file that belongs at `place` in the archive, and returns its name there.
    fn add(
        &mut self,
        place: &str,
        content: EntryContent,
        modified_ms: Option<i64>,
        source: &mut dyn Read,
    ) -> io::Result<String> {
        let name = self.names.of(place);
        let options = zip_options(modified_ms, FILE_MODE);
        self.zip.start_file(&name, options)?;
        let mut sha256 = Sha256::new();
        let mut size = 0;
        let mut chunk = vec![0; READ_CHUNK_BYTES];
        loop {
            let length = source.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            self.unchecked = self.unchecked.saturating_sub(length as u64);
            if self.unchecked == 0 {
                self.reserve.check(SPACE_CHECK_BYTES)?;
                self.unchecked = SPACE_CHECK_BYTES;
            }
            sha256.update(&chunk[..length]);
            self.zip.write_all(&chunk[..length])?;
            size += length as u64;
        }
        self.entries.push(ArchiveEntry {
            name: name.clone(),
            content,
            size,
            mode: format!("{FILE_MODE:04o}"),
            sha256: seal::hex(&sha256.finalize()),
        });
        Ok(name)
    }

    fn add_text(&mut self, place: &str, content: EntryContent, text: &str) -> io::Result<String> {
        self.add(place, content, None, &mut Cursor::new(text))
    }

    /// Adds the databases, each as it is at one moment, and the settings.
    fn add_data(&mut self, data: &Path, found: &FoundClass, part: &PartFile) -> anyhow::Result<()> {
        let bytes = found.databases.iter().map(|(_, size)| *size).sum();
        self.progress.begin("databases", bytes);
        for (name, size) in &found.databases {
            let path = data.join(name);
            match sqlite::snapshot(&path, &part.snapshot) {
                // Everything else is worth having all the same.
                Err(error) if sqlite::is_damaged(&error) => {
                    self.left_out.push(LeftOut {
                        user: String::new(),
                        filename: name.clone(),
                        reason: format!("the database is damaged: {error}"),
                    });
                    part.remove_snapshot()?;
                    continue;
                }
                snapshot => snapshot
                    .with_context(|| format!("cannot read the database {}", path.display()))?,
            }
            let mut snapshot = File::open(&part.snapshot)?;
            self.add_data_file(name, &mut snapshot)?;
            part.remove_snapshot()?;
            self.progress.advance(*size);
        }
        for name in &found.settings {
            let path = data.join(name);
            let file = File::open(&path);
            let mut file = file.with_context(|| format!("cannot read {}", path.display()))?;
            self.add_data_file(name, &mut file)?;
        }
        Ok(())
    }

    fn add_data_file(&mut self, name: &str, source: &mut dyn Read) -> io::Result<()> {
        let file = name.to_owned();
        let place = format!("{DATA_FOLDER}/{name}");
        self.add(&place, EntryContent::Data { file }, None, source)?;
        Ok(())
    }

    fn add_people(&mut self, sources: &ClassSources<'_>, class: &FoundClass) -> anyhow::Result<()> {
        let mut participants = Vec::new();
        for (user, copies) in &class.people {
            let folder = format!("{PARTICIPANTS_FOLDER}/{}", portable_part(user));
            let mut rows = Vec::new();
            for copy in copies {
                match read(sources, user, copy) {
                    Ok(Some(read)) => rows.push(self.add_copy(&folder, read)?),
                    // It was deleted since it was found.
                    Ok(None) => {}
                    Err(reason) => self.left_out.push(LeftOut {
                        user: user.clone(),
                        filename: copy.filename.clone(),
                        reason,
                    }),
                }
                self.progress.advance(copy.size);
            }
            let text = pages::of_participant(user, &rows);
            let page = self.add_text(&format!("{folder}/index.html"), page(Some(user)), &text)?;
            participants.push(ParticipantRow {
                user: user.clone(),
                page,
                notebooks: rows.len(),
                saved_ms: rows.iter().map(|row| row.saved_ms).max(),
            });
        }
        self.add_text("index.html", page(None), &pages::of_class(&participants))?;
        Ok(())
    }

    /// Adds a notebook and the document made of it.
    fn add_copy(&mut self, folder: &str, read: ReadCopy) -> io::Result<NotebookRow> {
        let ReadCopy {
            key,
            content,
            bytes,
            saved_ms,
        } = read;
        let CopyId { user, filename } = &key;
        let export = document(&key, &bytes);
        let size = bytes.len() as u64;
        let modified = Some(saved_ms);
        let [notebook, document] = places(folder, filename);
        let notebook = self.add(&notebook, content, modified, &mut Cursor::new(bytes))?;
        let export = match export {
            None => None,
            Some(html) => {
                let content = EntryContent::Export {
                    user: user.clone(),
                    filename: filename.clone(),
                };
                Some(self.add(&document, content, modified, &mut Cursor::new(html))?)
            }
        };
        // The page is in the folder of its participant.
        let below_page = |name: String| {
            let parts = name.splitn(3, '/');
            parts.last().unwrap_or_default().to_owned()
        };
        Ok(NotebookRow {
            notebook: below_page(notebook),
            export: export.map(below_page),
            saved_ms,
            size,
            filename: key.filename,
        })
    }

    fn finish(mut self, host: Option<&str>) -> anyhow::Result<File> {
        let manifest = ClassManifest {
            format: FORMAT,
            program: format!("pipalhub {}", env!("CARGO_PKG_VERSION")),
            made_at: crate::time::now_text(),
            host: host.map(str::to_owned),
            entries: self.entries,
            left_out: self.left_out,
        };
        self.zip
            .start_file(MANIFEST, zip_options(None, FILE_MODE))?;
        serde_json::to_writer_pretty(&mut self.zip, &manifest)?;
        self.zip.set_comment(seal::blank())?;
        let file = self.zip.finish()?.into_inner();
        Ok(file.map_err(io::IntoInnerError::into_error)?)
    }
}

/// The places of a notebook and of its document in the folder of its participant. Servers push
/// files of any name: one that is no path, or could be the name of another file here, is in a
/// folder of its own.
fn places(folder: &str, filename: &str) -> [String; 2] {
    let is_odd = |part: &str| matches!(part, "" | "." | "..") || part.starts_with("_~");
    match filename.strip_suffix(".ipynb") {
        Some(stem) if filename.len() <= MAX_PLAIN_BYTES && !stem.split('/').any(is_odd) => [
            format!("{folder}/notebooks/{filename}"),
            format!("{folder}/exports/{stem}.html"),
        ],
        _ => {
            let name = portable_part(filename);
            ["ipynb", "html"].map(|ending| format!("{folder}/odd-names/{name}.{ending}"))
        }
    }
}
