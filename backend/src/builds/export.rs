//! Exports: one copy as an HTML document, and the notebook itself beside it.

use std::{
    collections::HashMap,
    io::{self, Read},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use shared::{
    incremental::{self, RenderedCells},
    notebook::Notebook,
    render::Options,
    sanitize::Ammonia,
    standalone,
};

use super::{
    folder::{OutputFolder, WriteMode},
    layout,
};
use crate::{class::CopyId, homes::Fingerprint};

/// The version of a notebook that an export is made of.
#[derive(Clone, Copy)]
pub(super) struct ExportSource<'a> {
    pub(super) version: Fingerprint,
    pub(super) notebook: &'a Notebook,
    pub(super) bytes: &'a [u8],
}

/// The last export of each copy. Its text is on disk and read from there when the next export is
/// made, because the exports of a whole class are too large for memory.
#[derive(Default)]
pub(super) struct Exports(Mutex<HashMap<CopyId, LastExport>>);

struct LastExport {
    at: Instant,
    /// Of the export, not of the notebook.
    version: Fingerprint,
    cells_at: usize,
    pieces: RenderedCells,
}

/// An export that is not written yet.
pub(super) struct RenderedExport {
    head: String,
    html: String,
    pieces: RenderedCells,
}

impl RenderedExport {
    fn texts(&self) -> [&str; 3] {
        [&self.head, &self.html, standalone::DOCUMENT_END]
    }

    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.texts().iter().map(|text| text.len() as u64).sum()
    }
}

impl Exports {
    /// The earliest time at which the export of `key` may be written again.
    pub(super) fn due(&self, key: &CopyId, write_interval: Duration) -> Option<Instant> {
        Some(self.0.lock().get(key)?.at + write_interval)
    }

    /// Forgets `key`.
    pub(super) fn forget(&self, key: &CopyId) {
        self.0.lock().remove(key);
    }

    /// Whether the export on disk was made of this very version, by this renderer. A newer
    /// modification time is not enough: a save may fall between the reading and the writing of an
    /// export. `size` is the size of the copy in bytes, without private cells.
    pub(super) fn is_fresh(
        folder: &OutputFolder,
        below: &str,
        key: &CopyId,
        version: Fingerprint,
        size: u64,
    ) -> bool {
        let is_of = |place: String| {
            let found = folder.version(&place);
            found.filter(|found| found.modified_ns == version.modified_ns)
        };
        folder.is_current()
            && is_of(layout::copy(below, &key.user)).is_some_and(|c| c.size() == size)
            && is_of(layout::export(below, &key.user)).is_some_and(|export| export.size() > 0)
    }

    /// Makes the export; only cells that changed are rendered.
    pub(super) fn render(
        &self,
        folder: &OutputFolder,
        below: &str,
        key: &CopyId,
        source: ExportSource<'_>,
    ) -> RenderedExport {
        let place = layout::export(below, &key.user);
        let last = self.0.lock().remove(key);
        let before = last.and_then(|last| Some((read(folder, &place, &last)?, last)));
        let options = Options {
            id_prefix: standalone::ID_PREFIX.to_owned(),
            ..Options::default()
        };
        let before = before
            .as_ref()
            .map(|(text, last)| (&last.pieces, &text[last.cells_at..]));
        let (html, pieces) = incremental::cells(source.notebook, 0, &options, &Ammonia, before);
        RenderedExport {
            head: standalone::document_start(&title(key), "en"),
            html,
            pieces,
        }
    }

    /// Writes the export and the copy. Returns whether either has changed.
    pub(super) fn write(
        &self,
        folder: &OutputFolder,
        below: &str,
        key: &CopyId,
        source: ExportSource<'_>,
        rendered: RenderedExport,
    ) -> io::Result<bool> {
        let copy = layout::copy(below, &key.user);
        let version = WriteMode::WithTimeOf(source.version);
        let copied = folder.write(&copy, version, &|out| out.write_all(source.bytes))?;
        let place = layout::export(below, &key.user);
        let exported = folder.write(&place, version, &|out| {
            rendered
                .texts()
                .iter()
                .try_for_each(|part| out.write_all(part.as_bytes()))
        })?;
        let written = LastExport {
            at: Instant::now(),
            version: exported.version,
            cells_at: rendered.head.len(),
            pieces: rendered.pieces,
        };
        self.0.lock().insert(key.clone(), written);
        Ok(copied.is_changed || exported.is_changed)
    }

    /// How many cells were rendered for the last export.
    #[cfg(test)]
    pub(super) fn rendered_anew(&self, key: &CopyId) -> Option<usize> {
        Some(self.0.lock().get(key)?.pieces.anew())
    }
}

/// The text of the last export, if it is still on disk.
fn read(folder: &OutputFolder, place: &str, last: &LastExport) -> Option<String> {
    let mut file = folder.read(place).ok()?;
    if Fingerprint::from(&file.metadata().ok()?) != last.version {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.is_char_boundary(last.cells_at).then_some(text)
}

/// The title of a copy's export.
pub(crate) fn title(key: &CopyId) -> String {
    let name = key.filename.rsplit('/').next().unwrap_or(&key.filename);
    format!("{} · {}", name.trim_end_matches(layout::IPYNB), key.user)
}
