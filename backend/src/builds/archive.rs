//! Everything that is built, as one zip archive that is made while it is sent.
//!
//! Only a piece of one file is in memory at a time, whoever reads and however slowly.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
    vec,
};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions, write::StreamWriter};

use super::{Builds, layout};
use crate::homes::Fingerprint;

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;
/// What everything in the archive is below, so that it unpacks into one folder.
const TOP: &str = "build";

/// An archive in the making; an iterator of its bytes.
pub struct Archive {
    builds: Arc<Builds>,
    places: vec::IntoIter<String>,
    /// The file that is being read.
    file: Option<File>,
    /// `None` after the last byte.
    zip: Option<ZipWriter<StreamWriter<Sink>>>,
    sink: Sink,
    piece: Box<[u8]>,
}

/// What was written and not sent yet.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Archive {
    /// Of everything that is built below the folder `below`, which may be empty: the files
    /// that are there when their turn comes, in the order of the listing.
    #[must_use]
    pub fn new(builds: Arc<Builds>, below: &str) -> Self {
        let sink = Sink::default();
        Self {
            places: places(&builds, below).into_iter(),
            builds,
            file: None,
            zip: Some(ZipWriter::new_stream(sink.clone())),
            sink,
            piece: vec![0; PIECE].into(),
        }
    }

    /// Puts a little more into the sink.
    fn step(&mut self) -> io::Result<()> {
        let Some(zip) = &mut self.zip else {
            return Ok(());
        };
        if let Some(file) = &mut self.file {
            match file.read(&mut self.piece)? {
                0 => self.file = None,
                length => zip.write_all(&self.piece[..length])?,
            }
        } else if let Some(place) = self.places.next() {
            // What is not there (any more) is not in the archive.
            if let Ok(file) = self.builds.open(&place) {
                let options = options(Fingerprint::from(&file.metadata()?));
                zip.start_file(format!("{TOP}/{place}"), options)?;
                self.file = Some(file);
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
            let bytes = self.sink.take_from(PIECE);
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
        }
        let rest = self.sink.take_from(0);
        (!rest.is_empty()).then_some(Ok(rest))
    }
}

impl Sink {
    /// What is in it, when that is as much as `least`.
    fn take_from(&self, least: usize) -> Vec<u8> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < least {
            return Vec::new();
        }
        mem::take(&mut bytes)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sink.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn places(builds: &Builds, below: &str) -> Vec<String> {
    let mut places = Vec::new();
    for notebook in builds.list(below, None) {
        let folder = &notebook.folder;
        places.push(layout::summary(folder, layout::HTML));
        places.push(layout::summary(folder, layout::IPYNB));
        for copy in &notebook.participants {
            places.push(layout::export(folder, &copy.user));
            places.push(layout::copy(folder, &copy.user));
        }
    }
    places
}

/// A zip archive has no time zone; what is in it is in UTC.
fn options(version: Fingerprint) -> SimpleFileOptions {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o644);
    match modified(version) {
        Some(time) => options.last_modified_time(time),
        None => options,
    }
}

fn modified(version: Fingerprint) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(version.modified_ms()).ok()?;
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
