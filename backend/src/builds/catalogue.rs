//! The catalogue of builds: every notebook, every participant's section of its summary, and so
//! every file that may be asked for, as far as this process knows.

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
    section::SummarySection,
    summary::{Edition, Summary},
};
use crate::class::CopyId;

/// The sections of all summaries, by notebook and user.
#[derive(Default)]
pub(super) struct Catalogue {
    notebooks: Mutex<BTreeMap<String, NotebookCopies>>,
    editions: AtomicU64,
}

/// The copies of one notebook.
struct NotebookCopies {
    folder: String,
    sections: BTreeMap<String, Arc<SummarySection>>,
    edition: Edition,
}

/// A file that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltFile {
    /// The path of its notebook below a home.
    pub filename: String,
    /// The participant whose copy it is made of; `None` for a summary.
    pub user: Option<String>,
    /// Its form.
    pub kind: BuiltFileKind,
}

/// The form of a built file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltFileKind {
    /// An HTML document made of a notebook.
    Document,
    /// A notebook.
    Notebook,
}

/// One notebook in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedNotebook {
    /// Its path below a home.
    pub filename: String,
    /// The folder of its builds.
    pub folder: String,
    /// Whether there is a summary: at least one copy is not a second name of another file.
    pub has_summary: bool,
    /// By name.
    pub participants: Vec<ListedCopy>,
}

/// One participant's copy in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCopy {
    /// The participant whose copy it is.
    pub user: String,
    /// The name of its files, before their ending.
    pub name: String,
    /// When it was saved, milliseconds since the Unix epoch.
    pub saved_at_ms: i64,
    /// Whether there is an export and a copy of the notebook.
    pub has_export: bool,
    /// Why the notebook cannot be read, for people to read.
    pub problem: Option<String>,
    /// Why the notebook is not built although it can be read, for people to read.
    pub note: Option<String>,
}

impl Catalogue {
    pub(super) fn section(&self, key: &CopyId) -> Option<Arc<SummarySection>> {
        let notebooks = self.notebooks.lock();
        notebooks
            .get(&key.filename)?
            .sections
            .get(&key.user)
            .cloned()
    }

    /// Adds or replaces a section; `folder` is that of the notebook.
    pub(super) fn insert(&self, key: &CopyId, folder: &str, section: SummarySection) {
        let next = self.next_edition();
        let mut notebooks = self.notebooks.lock();
        let copies = notebooks
            .entry(key.filename.clone())
            .or_insert_with(|| NotebookCopies {
                folder: folder.to_owned(),
                sections: BTreeMap::new(),
                edition: Edition::default(),
            });
        let section = Arc::new(section);
        let before = copies
            .sections
            .insert(key.user.clone(), Arc::clone(&section));
        if before.as_ref() != Some(&section) {
            copies.edition.document = next;
        }
        if before.is_none_or(|before| before.json() != section.json()) {
            copies.edition.notebook = next;
        }
    }

    /// Removes a section; whether there was one.
    pub(super) fn remove(&self, key: &CopyId) -> bool {
        let next = self.next_edition();
        let mut notebooks = self.notebooks.lock();
        let mut was_known = false;
        if let Some(copies) = notebooks.get_mut(&key.filename) {
            was_known = copies.sections.remove(&key.user).is_some();
            copies.edition = Edition {
                document: next,
                notebook: next,
            };
            if copies.sections.is_empty() {
                notebooks.remove(&key.filename);
            }
        }
        was_known
    }

    /// The summary of `filename`, `None` when there is none.
    pub(super) fn summary(&self, filename: &str) -> Option<Summary> {
        let notebooks = self.notebooks.lock();
        let copies = notebooks.get(filename).filter(|it| it.has_summary())?;
        Some(Summary {
            filename: filename.to_owned(),
            sections: copies.sections.clone(),
            edition: copies.edition,
        })
    }

    /// The built file at `place`.
    pub(super) fn find(&self, place: &str) -> Option<BuiltFile> {
        let (folder, file) = place.rsplit_once('/')?;
        let (stem, kind) = match file.strip_suffix(HTML) {
            Some(stem) => (stem, BuiltFileKind::Document),
            None => (file.strip_suffix(IPYNB)?, BuiltFileKind::Notebook),
        };
        let is_summary = stem == SUMMARY;
        let folder = match kind {
            BuiltFileKind::Notebook if !is_summary => {
                folder.strip_suffix(COPIES)?.strip_suffix('/')?
            }
            _ => folder,
        };
        let notebooks = self.notebooks.lock();
        let mut notebooks = notebooks.iter();
        let (filename, copies) = notebooks.find(|(_, copies)| copies.folder == folder)?;
        let user = match is_summary {
            true => None,
            false => Some(
                copies
                    .sections
                    .keys()
                    .find(|user| layout::name(user) == stem)?
                    .clone(),
            ),
        };
        let filename = filename.clone();
        Some(BuiltFile {
            filename,
            user,
            kind,
        })
    }

    /// Every notebook below the folder `below`, by filename; with all copies or only those of the
    /// participant `of`.
    pub(super) fn list(&self, below: &str, of: Option<&str>) -> Vec<ListedNotebook> {
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
                    .sections
                    .iter()
                    .filter(|(user, _)| of.is_none_or(|of| of == *user))
                    .map(|(user, section)| listed(user, section))
                    .collect();
                (!participants.is_empty()).then(|| ListedNotebook {
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

impl NotebookCopies {
    fn has_summary(&self) -> bool {
        self.sections
            .values()
            .any(|section| !section.is_second_name)
    }
}

fn listed(user: &str, section: &SummarySection) -> ListedCopy {
    ListedCopy {
        user: user.to_owned(),
        name: layout::name(user),
        saved_at_ms: section.saved_at_ms,
        has_export: section.has_export,
        problem: section.problem.clone(),
        note: None,
    }
}
