//! One participant's notebook as a document, and its copy.

use std::{
    collections::HashMap,
    io::{self, Read},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use shared::{
    incremental::{self, Pieces},
    notebook::Notebook,
    render::Options,
    sanitize::Ammonia,
    standalone,
};

use super::{
    folder::{Folder, Made},
    layout,
};
use crate::{class::CopyId, homes::Fingerprint};

/// A version of a notebook.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) version: Fingerprint,
    pub(super) notebook: &'a Notebook,
    pub(super) bytes: &'a [u8],
}

/// What was written last, by notebook. The text itself is on disk and read from there when
/// the next one is made of it: exports of a whole class are too large to keep.
#[derive(Default)]
pub(super) struct Exports(Mutex<HashMap<CopyId, Written>>);

struct Written {
    at: Instant,
    /// The version of the export, not of the notebook.
    version: Fingerprint,
    cells_at: usize,
    pieces: Pieces,
}

/// An export that is not written yet.
pub(super) struct Rendered {
    head: String,
    html: String,
    pieces: Pieces,
}

impl Rendered {
    fn texts(&self) -> [&str; 3] {
        [&self.head, &self.html, standalone::AFTER]
    }

    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.texts().iter().map(|text| text.len() as u64).sum()
    }
}

impl Exports {
    /// When the export of `key` may be written again, `every` so often.
    pub(super) fn due(&self, key: &CopyId, every: Duration) -> Option<Instant> {
        Some(self.0.lock().get(key)?.at + every)
    }

    /// Forgets `key`.
    pub(super) fn forget(&self, key: &CopyId) {
        self.0.lock().remove(key);
    }

    /// Whether what is on disk was made of this very version, by this renderer. Being newer
    /// is not enough: a save may fall between the reading and the writing of an export.
    /// `size` is what the copy has in bytes, which is what is not private of the file.
    pub(super) fn is_fresh(
        folder: &Folder,
        below: &str,
        key: &CopyId,
        version: Fingerprint,
        size: u64,
    ) -> bool {
        let is_of = |place: String| {
            let known = folder.version(&place);
            known.filter(|known| known.modified_ns == version.modified_ns)
        };
        folder.is_current()
            && is_of(layout::copy(below, &key.user)).is_some_and(|c| c.size() == size)
            && is_of(layout::export(below, &key.user)).is_some_and(|export| export.size() > 0)
    }

    /// Makes the export; only cells that changed are rendered.
    pub(super) fn render(
        &self,
        folder: &Folder,
        below: &str,
        key: &CopyId,
        source: Source<'_>,
    ) -> Rendered {
        let place = layout::export(below, &key.user);
        let known = self.0.lock().remove(key);
        let before = known.and_then(|known| Some((read(folder, &place, &known)?, known)));
        let options = Options {
            id_prefix: standalone::ID_PREFIX.to_owned(),
            ..Options::default()
        };
        let before = before
            .as_ref()
            .map(|(text, known)| (&known.pieces, &text[known.cells_at..]));
        let (html, pieces) = incremental::cells(source.notebook, 0, &options, &Ammonia, before);
        Rendered {
            head: standalone::before(&title(key), "en"),
            html,
            pieces,
        }
    }

    /// Writes the export and the copy. Whether either has news.
    pub(super) fn write(
        &self,
        folder: &Folder,
        below: &str,
        key: &CopyId,
        source: Source<'_>,
        rendered: Rendered,
    ) -> io::Result<bool> {
        let copy = layout::copy(below, &key.user);
        let version = Made::Of(source.version);
        let copied = folder.write(&copy, version, &|out| out.write_all(source.bytes))?;
        let place = layout::export(below, &key.user);
        let exported = folder.write(&place, version, &|out| {
            rendered
                .texts()
                .iter()
                .try_for_each(|part| out.write_all(part.as_bytes()))
        })?;
        let written = Written {
            at: Instant::now(),
            version: exported.version,
            cells_at: rendered.head.len(),
            pieces: rendered.pieces,
        };
        self.0.lock().insert(key.clone(), written);
        Ok(copied.is_news || exported.is_news)
    }

    /// How many cells were rendered for the last export.
    #[cfg(test)]
    pub(super) fn rendered_anew(&self, key: &CopyId) -> Option<usize> {
        Some(self.0.lock().get(key)?.pieces.anew())
    }
}

/// The text that was written, if it is still there.
fn read(folder: &Folder, place: &str, known: &Written) -> Option<String> {
    let mut file = folder.read(place).ok()?;
    if Fingerprint::from(&file.metadata().ok()?) != known.version {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.is_char_boundary(known.cells_at).then_some(text)
}

fn title(key: &CopyId) -> String {
    let name = key.filename.rsplit('/').next().unwrap_or(&key.filename);
    format!("{} · {}", name.trim_end_matches(layout::IPYNB), key.user)
}
