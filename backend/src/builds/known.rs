//! What is built, as far as this process knows: every notebook, everyone's part of it, and
//! so everything that somebody may ask for.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{
    layout::{self, COPIES, HTML, IPYNB, SUMMARY},
    part::Part,
    summary::{Edition, Summary},
};
use crate::class::CopyId;

/// See the module's words.
#[derive(Default)]
pub(super) struct Known {
    notebooks: Mutex<BTreeMap<String, Copies>>,
    editions: AtomicU64,
}

/// Everyone's copies of one notebook.
struct Copies {
    folder: String,
    parts: BTreeMap<String, Arc<Part>>,
    edition: Edition,
}

/// A file that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Of which notebook, by its path below a home.
    pub filename: String,
    /// Whose it is; `None` when it is everyone's.
    pub user: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// What a built file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An HTML document made of a notebook.
    Document,
    /// A notebook.
    Notebook,
}

/// One notebook in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path below the homes.
    pub filename: String,
    /// The folder of its builds.
    pub folder: String,
    /// There is a summary: somebody's copy is no mere second name of another file.
    pub has_summary: bool,
    /// By name.
    pub participants: Vec<ListedCopy>,
}

/// One participant's copy in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCopy {
    /// Whose it is.
    pub user: String,
    /// The name of its files, before their ending.
    pub name: String,
    /// When it was saved, milliseconds since the Unix epoch.
    pub saved_at_ms: i64,
    /// There is an export, and a copy.
    pub has_export: bool,
    /// Why it cannot be read, in words.
    pub problem: Option<String>,
    /// Why it can be read and is not built, in words.
    pub note: Option<String>,
}

impl Known {
    pub(super) fn part(&self, key: &CopyId) -> Option<Arc<Part>> {
        let notebooks = self.notebooks.lock();
        notebooks.get(&key.filename)?.parts.get(&key.user).cloned()
    }

    /// `folder` is that of the notebook.
    pub(super) fn insert(&self, key: &CopyId, folder: &str, part: Part) {
        let next = self.next_edition();
        let mut notebooks = self.notebooks.lock();
        let copies = notebooks
            .entry(key.filename.clone())
            .or_insert_with(|| Copies {
                folder: folder.to_owned(),
                parts: BTreeMap::new(),
                edition: Edition::default(),
            });
        let part = Arc::new(part);
        let before = copies.parts.insert(key.user.clone(), Arc::clone(&part));
        if before.as_ref() != Some(&part) {
            copies.edition.document = next;
        }
        if before.is_none_or(|before| before.json() != part.json()) {
            copies.edition.notebook = next;
        }
    }

    /// Whether it was known.
    pub(super) fn remove(&self, key: &CopyId) -> bool {
        let next = self.next_edition();
        let mut notebooks = self.notebooks.lock();
        let mut was_known = false;
        if let Some(copies) = notebooks.get_mut(&key.filename) {
            was_known = copies.parts.remove(&key.user).is_some();
            copies.edition = Edition {
                document: next,
                notebook: next,
            };
            if copies.parts.is_empty() {
                notebooks.remove(&key.filename);
            }
        }
        was_known
    }

    /// Everyone's parts of `filename`, `None` when there is nothing to show of anybody's.
    pub(super) fn summary(&self, filename: &str) -> Option<Summary> {
        let notebooks = self.notebooks.lock();
        let copies = notebooks.get(filename).filter(|it| it.has_summary())?;
        Some(Summary {
            filename: filename.to_owned(),
            parts: copies.parts.clone(),
            edition: copies.edition,
        })
    }

    /// What is at `place`.
    pub(super) fn find(&self, place: &str) -> Option<Built> {
        let (folder, file) = place.rsplit_once('/')?;
        let (stem, kind) = match file.strip_suffix(HTML) {
            Some(stem) => (stem, Kind::Document),
            None => (file.strip_suffix(IPYNB)?, Kind::Notebook),
        };
        let is_summary = stem == SUMMARY;
        let folder = match kind {
            Kind::Notebook if !is_summary => folder.strip_suffix(COPIES)?.strip_suffix('/')?,
            _ => folder,
        };
        let notebooks = self.notebooks.lock();
        let mut notebooks = notebooks.iter();
        let (filename, copies) = notebooks.find(|(_, copies)| copies.folder == folder)?;
        let user = match is_summary {
            true => None,
            false => Some(
                copies
                    .parts
                    .keys()
                    .find(|user| layout::name(user) == stem)?
                    .clone(),
            ),
        };
        let filename = filename.clone();
        Some(Built {
            filename,
            user,
            kind,
        })
    }

    /// Every notebook below the folder `below`, by filename; with everyone's copies or one
    /// participant's.
    pub(super) fn list(&self, below: &str, of: Option<&str>) -> Vec<Listed> {
        let notebooks = self.notebooks.lock();
        let here = |folder: &str| {
            let rest = folder.strip_prefix(below);
            below.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        notebooks
            .iter()
            .filter(|(_, copies)| here(&copies.folder))
            .filter_map(|(filename, copies)| {
                let participants: Vec<_> = copies
                    .parts
                    .iter()
                    .filter(|(user, _)| of.is_none_or(|of| of == *user))
                    .map(|(user, part)| listed(user, part))
                    .collect();
                (!participants.is_empty()).then(|| Listed {
                    filename: filename.clone(),
                    folder: copies.folder.clone(),
                    has_summary: copies.has_summary(),
                    participants,
                })
            })
            .collect()
    }

    fn next_edition(&self) -> u64 {
        self.editions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Copies {
    fn has_summary(&self) -> bool {
        self.parts.values().any(|part| !part.is_second_name)
    }
}

fn listed(user: &str, part: &Part) -> ListedCopy {
    ListedCopy {
        user: user.to_owned(),
        name: layout::name(user),
        saved_at_ms: part.saved_at_ms,
        has_export: part.has_export,
        problem: part.problem.clone(),
        note: None,
    }
}
