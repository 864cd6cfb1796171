//! All builds as one zip archive, which is made while it is sent.
//!
//! Only a chunk of one file is in memory at a time, for slow readers too. The exception is a
//! summary with links to exports that have other names in the archive, because the links are
//! replaced.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem,
    sync::Arc,
    vec,
};

use parking_lot::Mutex;

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions, write::StreamWriter};

use super::{Builds, layout, portable::PortableNames};
use crate::{homes::Fingerprint, text::percent_encoded};

/// Bytes of a file that are read at once.
const READ_CHUNK_BYTES: usize = 64 << 10;
/// The folder that everything in the archive is in, so that it unpacks into one folder.
const ROOT_FOLDER: &str = "build";

/// An archive that is being made; an iterator of its bytes.
pub struct Archive {
    builds: Arc<Builds>,
    members: vec::IntoIter<ArchiveMember>,
    /// The file that is being read.
    file: Option<File>,
    /// `None` after the last byte.
    zip: Option<ZipWriter<StreamWriter<ArchiveBuffer>>>,
    buffer: ArchiveBuffer,
    chunk: Box<[u8]>,
}

/// A file, and its name in the archive.
struct ArchiveMember {
    place: String,
    name: String,
    /// Links that are replaced in the archive: the old and the new text.
    links: Vec<(String, String)>,
}

/// Bytes that were written and not sent yet.
#[derive(Clone, Default)]
struct ArchiveBuffer(Arc<Mutex<Vec<u8>>>);

impl Archive {
    /// An archive of all builds below the folder `below`, which may be empty: the files that exist
    /// when their turn comes, in the order of the listing.
    #[must_use]
    pub fn new(builds: Arc<Builds>, below: &str) -> Self {
        let buffer = ArchiveBuffer::default();
        Self {
            members: members(&builds, below).into_iter(),
            builds,
            file: None,
            zip: Some(ZipWriter::new_stream(buffer.clone())),
            buffer,
            chunk: vec![0; READ_CHUNK_BYTES].into(),
        }
    }

    /// Puts a little more into the buffer.
    fn step(&mut self) -> io::Result<()> {
        let Some(zip) = &mut self.zip else {
            return Ok(());
        };
        if let Some(file) = &mut self.file {
            match file.read(&mut self.chunk)? {
                0 => self.file = None,
                length => zip.write_all(&self.chunk[..length])?,
            }
        } else if let Some(member) = self.members.next() {
            // A file that does not exist (any more) is left out.
            if let Ok(mut file) = self.builds.open(&member.place) {
                let version = Fingerprint::from(&file.metadata()?);
                let options = zip_options(Some(version.modified_ms()), 0o644);
                zip.start_file(format!("{ROOT_FOLDER}/{}", member.name), options)?;
                if member.links.is_empty() {
                    self.file = Some(file);
                } else {
                    let mut text = String::new();
                    file.read_to_string(&mut text)?;
                    for (old, new) in &member.links {
                        text = text.replace(old, new);
                    }
                    zip.write_all(text.as_bytes())?;
                }
            }
        } else if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        Ok(())
    }
}

impl Iterator for Archive {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.zip.is_some() {
            if let Err(error) = self.step() {
                self.zip = None;
                return Some(Err(error));
            }
            let bytes = self.buffer.take_from(READ_CHUNK_BYTES);
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
        }
        let rest = self.buffer.take_from(0);
        (!rest.is_empty()).then_some(Ok(rest))
    }
}

impl ArchiveBuffer {
    /// Takes all bytes, when there are at least `least`.
    fn take_from(&self, least: usize) -> Vec<u8> {
        let mut bytes = self.0.lock();
        if bytes.len() < least {
            return Vec::new();
        }
        mem::take(&mut bytes)
    }
}

impl Write for ArchiveBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.0.lock();
        buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn members(builds: &Builds, below: &str) -> Vec<ArchiveMember> {
    let mut members = Vec::new();
    let mut names = PortableNames::default();
    for notebook in builds.list(below, None) {
        let folder = &notebook.folder;
        let mut member = |place: String| ArchiveMember {
            name: names.of(&place),
            place,
            links: Vec::new(),
        };
        let mut summary = member(layout::summary(folder, layout::HTML));
        let others = member(layout::summary(folder, layout::IPYNB));
        let mut copies = Vec::new();
        for copy in &notebook.participants {
            let export = member(layout::export(folder, &copy.user));
            summary.links.extend(renamed(&export));
            copies.extend([export, member(layout::copy(folder, &copy.user))]);
        }
        members.extend([summary, others]);
        members.append(&mut copies);
    }
    members
}

/// The link to an export in the summary on disk and in the archive, if they differ.
fn renamed(export: &ArchiveMember) -> Option<(String, String)> {
    let link = |path: &str| {
        let own = path.rsplit('/').next().unwrap_or(path);
        format!("href=\"./{}\"", percent_encoded(own))
    };
    let (old, new) = (link(&export.place), link(&export.name));
    (old != new).then_some((old, new))
}

/// How a file is kept in a zip archive: compressed, with this time and this mode. A zip archive has no
/// time zone; its times are in UTC.
pub(crate) fn zip_options(modified_ms: Option<i64>, mode: u32) -> SimpleFileOptions {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(mode);
    options.last_modified_time(modified_ms.and_then(date_time).unwrap_or_default())
}

fn date_time(ms: i64) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(ms).ok()?;
    let at = jiff::tz::TimeZone::UTC.to_datetime(at);
    let part = |value: i8| u8::try_from(value).ok();
    DateTime::from_date_and_time(
        u16::try_from(at.year()).ok()?,
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    )
    .ok()
}
