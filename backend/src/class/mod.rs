//! The class: every participant's notebooks as they are on disk now, prepared to be
//! shown.
//!
//! A file is read and its last cells are prepared when a save of it is reported or noticed.
//! Whoever asks for a tile gets the file as it is at that moment all the same; a fingerprint
//! tells whether the last preparation still holds. So a tile that is fetched because of an event
//! is never older than the event.
//!
//! The module `reported` commits the events that participants' servers report, `reporter` turns
//! saves that nobody reported into events; an [`Observer`]
//! hears of every version that is read.

mod content;
mod entry;
mod kept;
mod look;
mod observer;
mod reported;
mod reporter;
mod saving;
mod tiles;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockWriteGuard};

use shared::{
    announcements::{CopyAnnouncement, READ_KIND},
    notebook::Notebook,
    wire::NotebookSummary,
};
use tokio::sync::Semaphore;

pub use content::{Content, Whole};
pub use observer::{Observer, Revision};
pub use reporter::Reporter;
pub(crate) use saving::Saving;

use crate::{
    feed::{Announcements, Recipients},
    homes::{Fingerprint, Found, HomesTemplate, MOST_NOTEBOOKS, Reader, Watch},
    lanes::{Pending, Unread},
    telemetry::loggable,
};
use entry::{Entry, Look};
use kept::Kept;

/// One participant's copy of one notebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The path below the home. First, so that everyone's copies stand together.
    pub filename: String,
    /// The participant.
    pub user: String,
}

impl From<Found> for Key {
    fn from(found: Found) -> Self {
        Self {
            filename: found.filename,
            user: found.user,
        }
    }
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

/// See the module's words. A clone is the same class.
#[derive(Clone)]
pub struct Class(Arc<Core>);

/// What the threads that read have of the class.
struct Core {
    reader: Reader,
    limits: TailLimits,
    entries: RwLock<BTreeMap<Key, Arc<Entry>>>,
    observers: Vec<Arc<dyn Observer>>,
    kept: Mutex<Kept>,
    /// Some home was not walked when all were.
    lacks_some: AtomicBool,
    saving: Saving,
    /// Of those who copy tiles out of what is kept.
    showing: Arc<Semaphore>,
}

impl Class {
    /// A class with no known notebook yet, whose notebooks `reader` reads.
    #[must_use]
    pub fn new(reader: impl Into<Reader>, limits: TailLimits) -> Self {
        Self(Arc::new(Core {
            reader: reader.into(),
            limits,
            entries: RwLock::default(),
            observers: Vec::new(),
            kept: Mutex::default(),
            lacks_some: AtomicBool::new(false),
            saving: Saving::default(),
            showing: Arc::new(Semaphore::new(tiles::SHOWN_AT_ONCE)),
        }))
    }

    /// Whose saves fail.
    pub(crate) fn saving(&self) -> &Saving {
        &self.0.saving
    }

    /// The same, with one more to tell of every version that is read.
    ///
    /// # Panics
    /// When it is in use already.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        let core = Arc::get_mut(&mut self.0).expect("nobody has the class yet");
        core.observers.push(observer);
        self
    }

    /// Where its notebooks live.
    #[must_use]
    pub fn homes(&self) -> &HomesTemplate {
        self.0.reader.homes()
    }

    /// What reads them.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// The notebook at `path`, if it is in a home.
    #[must_use]
    pub fn key_of(&self, path: &str) -> Option<Key> {
        let (user, filename) = self.0.reader.homes().split(path.as_ref())?;
        Some(Key { filename, user })
    }

    /// Every notebook, or every notebook of one participant, as far as it is known now.
    #[must_use]
    pub fn notebooks(&self, of: Option<&str>) -> Vec<NotebookSummary> {
        let mut notebooks: Vec<NotebookSummary> = Vec::new();
        for (key, entry) in self.0.all(|key| of.is_none_or(|user| user == key.user)) {
            let saved_at_ms = entry.saved_at_ms();
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

    /// The version that the file is in now, when that is a notebook.
    pub async fn good_version(&self, key: &Key) -> Option<Fingerprint> {
        let entry = self.0.entry(key)?;
        match self.look(key, &entry).answer().await {
            Ok(Look::Good(version)) => Some(version),
            _ => None,
        }
    }

    /// What `look` makes of the notebook itself, as it is now, where there is a tile of it.
    ///
    /// # Errors
    /// When it is not read in time.
    pub async fn with_notebook<T: Send + 'static>(
        &self,
        key: &Key,
        look: impl FnOnce(&Notebook) -> T + Send + 'static,
    ) -> Result<Option<T>, Unread> {
        let Some(entry) = self.0.entry(key) else {
            return Ok(None);
        };
        let core = Arc::clone(&self.0);
        let owned = key.clone();
        let read = self.0.reader.lanes().ask(&key.user, move || {
            let found = core.refresh(&owned, &entry);
            let is_there = !(found == Look::Missing && entry.was_seen());
            is_there.then(|| core.with_notebook(&owned, look)).flatten()
        });
        read.answer().await
    }

    /// This notebook is no more.
    pub fn forget(&self, key: &Key) {
        self.0.kept().forget(key);
        let (core, owned) = (Arc::clone(&self.0), key.clone());
        let tell = move || {
            for observer in &core.observers {
                observer.removed(&owned);
            }
        };
        let mut entries = self.0.entries_to_change();
        if entries.remove(key).is_some() {
            // After whatever is said of it now. And before anybody can have it there again, so
            // that what is said of that comes after this.
            self.0.reader.lanes().put(&key.user, tell);
        }
    }

    /// Reads every notebook that was not read yet, as `threads` threads ask for them, so that
    /// the observers hear of what was there before anything was saved.
    pub fn read_all(&self, threads: usize) {
        let all = self.0.all(|_| true);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some((key, entry)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(unread) = self.look(key, entry).wait() {
                            let (user, filename) = (loggable(&key.user), loggable(&key.filename));
                            tracing::warn!(%user, %filename, "a notebook was not read: {unread}");
                        }
                        for observer in &self.0.observers {
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
        self.look_around_by(&Watch::none(), wanted);
    }

    /// The same, and `watch` watches the folders in which something was found.
    pub fn look_around_by(&self, watch: &Watch, wanted: impl Fn(&Key) -> bool) {
        let mut found = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for (user, scanned) in self.scan(watch) {
            match scanned.wait() {
                Ok(files) => found.extend(files.into_iter().map(Key::from)),
                Err(_) => {
                    self.lacks_some();
                    unknown.insert(user);
                }
            }
        }
        found.retain(|key| wanted(key));
        let is_gone = |key: &Key| !found.contains(key) && !unknown.contains(&key.user);
        let gone: Vec<Key> = self.keys().into_iter().filter(is_gone).collect();
        gone.iter().for_each(|key| self.forget(key));
        for key in &found {
            self.0.found(key);
        }
        // Whoever asks next knows of it.
        for key in &gone {
            let told = self.0.reader.lanes().ask(&key.user, || ());
            // What is late is not waited for.
            let _ = told.wait();
        }
    }

    /// Whether every home was walked; else there may be notebooks that nobody knows of.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.0.lacks_some.load(Ordering::Relaxed)
    }

    fn lacks_some(&self) {
        self.0.lacks_some.store(true, Ordering::Relaxed);
    }

    /// Whose copies of which notebooks are known.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.0
            .all(|_| true)
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    /// A walk over each home, in its lane.
    fn scan(&self, watch: &Watch) -> Vec<(String, Pending<Vec<Found>>)> {
        let homes = self.homes();
        let users = watch.everyone(homes);
        let asked = users.into_iter().map(|user| {
            let (watch, homes, of) = (watch.clone(), homes.clone(), user.clone());
            let lanes = self.0.reader.lanes();
            let scan = lanes.ask(&user, move || watch.scan_home(&homes, &of));
            (user, scan)
        });
        asked.collect()
    }

    fn look(&self, key: &Key, entry: &Arc<Entry>) -> Pending<Look> {
        let (core, entry, owned) = (Arc::clone(&self.0), Arc::clone(entry), key.clone());
        self.0
            .reader
            .lanes()
            .ask(&key.user, move || core.refresh(&owned, &entry))
    }
}

impl Core {
    /// The entries of those that are `wanted`. What is asked of them then is never waited for.
    fn all(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, Arc<Entry>)> {
        let entries = self.entries.read();
        let wanted = entries.iter().filter(|(key, _)| wanted(key));
        wanted
            .map(|(key, entry)| (key.clone(), Arc::clone(entry)))
            .collect()
    }

    fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        let entries = self.entries.read();
        entries.get(key).cloned()
    }

    /// Whether `key` is known, or may be: what is reported takes up as much as what is found.
    fn has_room_for(&self, key: &Key) -> bool {
        let entries = self.entries.read();
        let own = || {
            entries
                .keys()
                .filter(|other| other.user == key.user)
                .count()
        };
        entries.contains_key(key) || own() < MOST_NOTEBOOKS
    }

    fn entry_or_new(&self, key: &Key) -> Arc<Entry> {
        let mut entries = self.entries_to_change();
        Arc::clone(entries.entry(key.clone()).or_default())
    }

    /// The entry of what a look at the homes has found.
    fn found(&self, key: &Key) -> Arc<Entry> {
        let entry = self.entry_or_new(key);
        entry.set_seen();
        entry
    }

    /// This was read and is kept to be shown; others may not be any more.
    fn keep(&self, key: &Key, bytes: usize) {
        let gone = self.kept().keep(key, bytes);
        for entry in gone.iter().filter_map(|key| self.entry(key)) {
            entry.let_go();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }

    fn entries_to_change(&self) -> RwLockWriteGuard<'_, BTreeMap<Key, Arc<Entry>>> {
        self.entries.write()
    }
}

/// Open pages ask again for what they were shown an older version of.
impl Observer for Announcements {
    fn revised(&self, _revision: &Revision) {}

    fn removed(&self, _key: &Key) {}

    fn caught_up(&self, key: &Key) {
        let Key { filename, user } = key.clone();
        let recipients = Recipients::MaySee(user.clone());
        self.send(recipients, READ_KIND, &CopyAnnouncement { filename, user });
    }
}

/// The whole path of a notebook, as events carry it.
fn path_of(homes: &HomesTemplate, key: &Key) -> Option<String> {
    Some(homes.home_of(&key.user)?.shown(&key.filename))
}
