//! The class: every participant's notebooks as they are on disk now, prepared to be
//! shown.
//!
//! Nothing is pushed in here. Whoever asks for a tile gets the file as it is at that
//! moment; a fingerprint tells whether the last preparation still holds. So a tile that
//! is fetched because of an event is never older than the event.
//!
//! The module `reporter` turns saves that nobody reported into events; an [`Observer`]
//! hears of every version that is read.

mod content;
mod observer;
mod reporter;
mod saving;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use metrics::histogram;
use shared::{
    incremental::Prepared,
    notebook::Notebook,
    prepare,
    sanitize::Ammonia,
    wire::{NotebookSummary, Tile},
};

pub use content::{Content, Whole};
pub use observer::{Observer, Revision};
pub use reporter::Reporter;
pub(crate) use saving::Saving;

use crate::{
    homes::{Fingerprint, HomesTemplate, ReadError, read_notebook, scan},
    time,
};

/// A file that was modified less than this ago and does not parse is being written:
/// Jupyter truncates the target and writes it anew in place.
const WRITING: Duration = Duration::from_secs(1);

/// One participant's copy of one notebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The path below the home. First, so that everyone's copies stand together.
    pub filename: String,
    /// The participant.
    pub user: String,
}

/// How much of a notebook a tile shows.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// The last so many cells.
    pub cells: usize,
    /// Text outputs are cut to about so many lines.
    pub lines: usize,
}

impl TailLimits {
    /// Nobody wants to see anything of it.
    pub const NONE: Self = Self { cells: 0, lines: 0 };
}

impl Default for TailLimits {
    fn default() -> Self {
        Self {
            cells: 10,
            lines: 25,
        }
    }
}

/// How a look at a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// A notebook, in this version.
    Good(Fingerprint),
    /// Not readable as a notebook, and why; no version when it could not even be read.
    Bad(Option<Fingerprint>, String),
    /// Half of a file that somebody is writing right now.
    BeingWritten,
    /// No such file.
    Missing,
}

#[derive(Default)]
struct Entry {
    /// It was on the disk once, whether or not anybody has read or reported it.
    seen: bool,
    /// The version an event has told about.
    reported: Option<Fingerprint>,
    /// The version that was read last, and why it is not a notebook, if it is not.
    read: Option<(Fingerprint, Option<String>)>,
    /// The last version that was a notebook.
    good: Option<Good>,
    /// What the observers were told last: the version, and why it is no notebook.
    told: Option<(Option<Fingerprint>, Option<String>)>,
}

/// What a tile shows of a version.
struct Good {
    saved_at_ms: i64,
    total_cells: usize,
    ends_in_error: bool,
    cells: Arc<Prepared>,
}

/// See the module's words.
pub struct Class {
    homes: HomesTemplate,
    limits: TailLimits,
    entries: RwLock<BTreeMap<Key, Arc<Mutex<Entry>>>>,
    observers: Vec<Arc<dyn Observer>>,
    saving: Saving,
}

impl Class {
    /// A class with no known notebook yet.
    #[must_use]
    pub fn new(homes: HomesTemplate, limits: TailLimits) -> Self {
        Self {
            homes,
            limits,
            entries: RwLock::default(),
            observers: Vec::new(),
            saving: Saving::default(),
        }
    }

    /// Whose saves fail.
    pub(crate) fn saving(&self) -> &Saving {
        &self.saving
    }

    /// The same, with one more to tell of every version that is read.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Where its notebooks live.
    #[must_use]
    pub fn homes(&self) -> &HomesTemplate {
        &self.homes
    }

    /// The notebook at `path`, if it is in a home.
    #[must_use]
    pub fn key_of(&self, path: &str) -> Option<Key> {
        let (user, filename) = self.homes.split(path.as_ref())?;
        Some(Key { filename, user })
    }

    /// Every notebook, or every notebook of one participant.
    #[must_use]
    pub fn notebooks(&self, of: Option<&str>) -> Vec<NotebookSummary> {
        let mut notebooks: Vec<NotebookSummary> = Vec::new();
        for key in self
            .keys()
            .into_iter()
            .filter(|key| of.is_none_or(|user| user == key.user))
        {
            let Some(saved_at_ms) = self.saved_at_ms(&key) else {
                continue;
            };
            match notebooks.last_mut() {
                Some(last) if last.filename == key.filename => {
                    last.participants += 1;
                    last.saved_at_ms = last.saved_at_ms.max(saved_at_ms);
                }
                _ => notebooks.push(NotebookSummary {
                    filename: key.filename,
                    participants: 1,
                    saved_at_ms,
                }),
            }
        }
        notebooks
    }

    /// The tiles of one notebook, by user; of everyone or of one participant.
    #[must_use]
    pub fn wall(&self, filename: &str, of: Option<&str>) -> Vec<Tile> {
        self.keys()
            .into_iter()
            .filter(|key| key.filename == filename && of.is_none_or(|user| user == key.user))
            .filter_map(|key| self.tile(&key))
            .collect()
    }

    /// One tile, from the file as it is now; `None` when there is no such notebook.
    #[must_use]
    pub fn tile(&self, key: &Key) -> Option<Tile> {
        let entry = self.entry(key)?;
        let mut entry = lock(&entry);
        let look = self.refresh(key, &mut entry);
        if look == Look::Missing && entry.seen {
            return None;
        }
        Some(self.shown(key, &entry, look))
    }

    /// The same with every cell, nothing trimmed.
    #[must_use]
    pub fn whole(&self, key: &Key) -> Option<Tile> {
        let tile = self.tile(key)?;
        Some(match self.read(key) {
            Some(notebook) => Tile {
                cells: prepare::cells(&notebook, 0, &Ammonia),
                total_cells: notebook.len(),
                ends_in_error: notebook.ends_in_error(),
                ..tile
            },
            None => tile,
        })
    }

    /// The version that the file is in now, when that is a notebook.
    #[must_use]
    pub fn good_version(&self, key: &Key) -> Option<Fingerprint> {
        let entry = self.entry(key)?;
        match self.refresh(key, &mut lock(&entry)) {
            Look::Good(version) => Some(version),
            _ => None,
        }
    }

    /// The notebook itself, as it is now, of those whose tile there is.
    #[must_use]
    pub fn notebook(&self, key: &Key) -> Option<Notebook> {
        self.tile(key)?;
        self.read(key)
    }

    fn read(&self, key: &Key) -> Option<Notebook> {
        let home = self.homes.home_of(&key.user)?;
        let (_, file) = read_notebook(&home, &key.filename, None).ok()?;
        let parsed = Notebook::parse(&file?.content().ok()?).ok()?;
        Some(parsed.notebook)
    }

    /// A save of this notebook was reported by its owner's server.
    pub fn note_reported(&self, key: &Key) {
        let entry = self.entry_or_new(key);
        let mut entry = lock(&entry);
        if let Look::Good(version) | Look::Bad(Some(version), _) = self.refresh(key, &mut entry) {
            entry.reported = Some(version);
        }
    }

    /// A report of this notebook was not stored: the watcher is to report it, if there is
    /// such a file at all.
    pub fn note_unreported(&self, key: &Key) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get(key) else {
            return;
        };
        let seen = {
            let mut entry = lock(entry);
            entry.reported = None;
            entry.read.is_some()
        };
        if !seen {
            entries.remove(key);
        }
    }

    /// This notebook is no more.
    pub fn forget(&self, key: &Key) {
        self.entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        for observer in &self.observers {
            observer.removed(key);
        }
    }

    /// Reads every notebook that was not read yet, by `threads` at once, so that the
    /// observers hear of what was there before anything was saved.
    pub fn read_all(&self, threads: usize) {
        let keys = self.keys();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some(key) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // A fault of ours in one notebook must not keep the others from
                        // being read, nor what waits for all of them from beginning.
                        let read = panic::catch_unwind(AssertUnwindSafe(|| {
                            if let Some(entry) = self.entry(key) {
                                self.refresh(key, &mut lock(&entry));
                            }
                        }));
                        if read.is_err() {
                            tracing::error!(?key, "reading a notebook panicked");
                        }
                        for observer in &self.observers {
                            observer.keep_up();
                        }
                    }
                });
            }
        });
    }

    /// Looks into every home: notebooks that are new there and `wanted` are known from now
    /// on, to be read; those that are gone are forgotten. It is how a class is followed
    /// where no [`Reporter`] does.
    pub fn look_around(&self, wanted: impl Fn(&Key) -> bool) {
        let found = scan(&self.homes).into_iter().map(|found| Key {
            filename: found.filename,
            user: found.user,
        });
        let found: BTreeSet<Key> = found.filter(|key| wanted(key)).collect();
        for key in self.keys() {
            if !found.contains(&key) {
                self.forget(&key);
            }
        }
        for key in &found {
            self.found(key);
        }
    }

    /// Whose copies of which notebooks are known.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    fn entry(&self, key: &Key) -> Option<Arc<Mutex<Entry>>> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn entry_or_new(&self, key: &Key) -> Arc<Mutex<Entry>> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(key.clone()).or_default())
    }

    /// The entry of what a look at the homes has found.
    fn found(&self, key: &Key) -> Arc<Mutex<Entry>> {
        let entry = self.entry_or_new(key);
        lock(&entry).seen = true;
        entry
    }

    fn saved_at_ms(&self, key: &Key) -> Option<i64> {
        let entry = self.entry(key)?;
        let entry = lock(&entry);
        let known = entry
            .read
            .as_ref()
            .map(|(version, _)| *version)
            .or(entry.reported);
        Some(
            known
                .map_or(0, Fingerprint::modified_ms)
                .min(time::now_ms()),
        )
    }

    /// Looks at the file, brings the entry up to date and tells the observers what is
    /// new. A version that was read before is not read again, good or bad.
    fn refresh(&self, key: &Key, entry: &mut Entry) -> Look {
        let mut fresh = None;
        let look = self.look(key, entry, &mut fresh);
        let (told, content) = match (&look, fresh) {
            (Look::Good(version), Some(read)) => ((Some(*version), None), Ok(read)),
            (Look::Bad(version, fault), _) => ((*version, Some(fault.clone())), Err(fault.clone())),
            _ => return look,
        };
        if entry.told.as_ref() != Some(&told) {
            let revision = Revision {
                key: key.clone(),
                version: told.0,
                content,
            };
            for observer in &self.observers {
                observer.revised(&revision);
            }
            entry.told = Some(told);
        }
        look
    }

    /// The same without telling; what was read and is a notebook goes to `fresh`.
    fn look(&self, key: &Key, entry: &mut Entry, fresh: &mut Option<Content>) -> Look {
        let Some(home) = self.homes.home_of(&key.user) else {
            return Look::Missing;
        };
        let known = entry.read.as_ref().map(|(version, _)| *version);
        let begun = Instant::now();
        let found = read_notebook(&home, &key.filename, known);
        let read = begun.elapsed();
        entry.seen |= !matches!(found, Err(ReadError::Missing));
        let (version, fault) = match found {
            Ok((version, None)) => (
                version,
                entry.read.as_ref().and_then(|(_, fault)| fault.clone()),
            ),
            Ok((version, Some(file))) => {
                histogram!("pipalhub_notebook_read_seconds").record(read);
                let content = {
                    let before = entry.good.as_ref().map(|good| &*good.cells);
                    Content::parse(file, self.limits, before)
                };
                let fault = match content {
                    Ok(content) => {
                        entry.good = Some(Good::of(version, &content));
                        *fresh = Some(content);
                        None
                    }
                    Err(error) => Some(format!("This file is not a notebook: {error}.")),
                };
                histogram!("pipalhub_notebook_parse_seconds").record(begun.elapsed() - read);
                entry.read = Some((version, fault.clone()));
                (version, fault)
            }
            Err(ReadError::Missing) => return Look::Missing,
            Err(error) => return Look::Bad(None, error.to_string()),
        };
        match fault {
            None => Look::Good(version),
            Some(_) if time::since(version.modified_ms()) < WRITING => Look::BeingWritten,
            Some(fault) => Look::Bad(Some(version), fault),
        }
    }

    fn shown(&self, key: &Key, entry: &Entry, look: Look) -> Tile {
        let good = entry.good.as_ref();
        let reported_at_ms = || entry.reported.map_or(0, Fingerprint::modified_ms);
        let saved_at_ms = good.map_or_else(reported_at_ms, |good| good.saved_at_ms);
        let problem = match look {
            Look::Good(_) => None,
            Look::Bad(_, fault) => Some(fault),
            Look::BeingWritten if entry.good.is_some() => None,
            Look::BeingWritten => {
                Some("The file is being written; it appears in a moment.".to_owned())
            }
            Look::Missing => Some(format!(
                "{}'s server reported a save, but {} is not there. Is --homes right?",
                key.user,
                path_of(&self.homes, key).unwrap_or_default().display()
            )),
        };
        Tile {
            user: key.user.clone(),
            filename: key.filename.clone(),
            // A participant's clock, or a file copied with its times, may be ahead of ours.
            saved_at_ms: saved_at_ms.min(time::now_ms()),
            total_cells: good.map_or(0, |good| good.total_cells),
            ends_in_error: good.is_some_and(|good| good.ends_in_error),
            cells: good.map_or_else(Vec::new, |good| good.cells.cells().to_vec()),
            problem,
            save_problem: None,
        }
    }
}

impl Good {
    fn of(version: Fingerprint, content: &Content) -> Self {
        let end = content.end();
        Self {
            saved_at_ms: version.modified_ms(),
            total_cells: end.total_cells,
            ends_in_error: end.ends_in_error,
            cells: Arc::clone(content.prepared_end()),
        }
    }
}

/// Whatever panicked while it held the lock, the entry is rebuilt from the file.
fn lock(entry: &Mutex<Entry>) -> MutexGuard<'_, Entry> {
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole path of a notebook, as events carry it.
fn path_of(homes: &HomesTemplate, key: &Key) -> Option<PathBuf> {
    Some(homes.home_of(&key.user)?.join(&key.filename))
}
