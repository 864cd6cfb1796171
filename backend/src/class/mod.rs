//! The class: every participant's notebooks as they are on disk now, prepared to be
//! shown.
//!
//! A file is read and its last cells are prepared when a save of it is reported or noticed.
//! A request for a tile gets the file as it is at that moment all the same; a fingerprint
//! tells whether the last preparation still holds. So a tile that is fetched because of an event
//! is never older than the event.
//!
//! The module `reported` commits the events that participants' servers report, `reporter` turns
//! unreported saves into events; an [`Observer`] is told of every version that is read.

mod content;
mod copy;
mod look;
mod observer;
mod reported;
mod reporter;
mod save_failures;
mod scan_gaps;
mod tile_cache;
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

pub use crate::copies::CopyId;
pub use content::{NotebookBytes, NotebookContent};
pub use observer::{Observer, Revision};
pub use reporter::Reporter;
pub(crate) use save_failures::SaveFailures;

use crate::{
    contacts::Contacts,
    copies::Copies,
    feed::{Announcements, Recipients},
    homes::{Fingerprint, HomeScan, MAX_NOTEBOOKS_PER_HOME, Watch},
    lanes::{LaneError, PendingAnswer},
    telemetry::loggable,
};
use copy::{CopyRecord, LookOutcome};
use scan_gaps::ScanGaps;
use tile_cache::TileCacheIndex;

/// Whoever saved in so many milliseconds before the class's last save is at work.
const AT_WORK_MS: i64 = 600_000;

/// How much of a notebook a tile shows.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// The last so many cells.
    pub cells: usize,
    /// Text outputs are cut to about so many lines.
    pub lines: usize,
}

impl TailLimits {
    /// No cells, for a caller that shows no tile.
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

/// Every participant's copies of every notebook, and their tiles. A clone is the same class.
#[derive(Clone)]
pub struct Class(Arc<Core>);

/// The state of the class that the lanes' threads share.
struct Core {
    copies: Copies,
    limits: TailLimits,
    records: RwLock<BTreeMap<CopyId, Arc<CopyRecord>>>,
    observers: Vec<Arc<dyn Observer>>,
    cached: Mutex<TileCacheIndex>,
    /// A home was left out when all were walked.
    missed_a_home: AtomicBool,
    scan_gaps: ScanGaps,
    save_failures: SaveFailures,
    contacts: Contacts,
    /// Permits to copy cached tiles.
    tile_turns: Arc<Semaphore>,
}

impl Class {
    /// A class with no known notebook yet, of these `copies`.
    #[must_use]
    pub fn new(copies: impl Into<Copies>, limits: TailLimits) -> Self {
        Self(Arc::new(Core {
            copies: copies.into(),
            limits,
            records: RwLock::default(),
            observers: Vec::new(),
            cached: Mutex::default(),
            missed_a_home: AtomicBool::new(false),
            scan_gaps: ScanGaps::default(),
            save_failures: SaveFailures::default(),
            contacts: Contacts::default(),
            tile_turns: Arc::new(Semaphore::new(tiles::MAX_TILE_ANSWERS)),
        }))
    }

    /// Which participants' saves fail.
    pub(crate) fn save_failures(&self) -> &SaveFailures {
        &self.0.save_failures
    }

    /// What participants' servers were last heard to say of themselves.
    #[must_use]
    pub fn contacts(&self) -> &Contacts {
        &self.0.contacts
    }

    /// The copies that are known, and when each was saved last, in milliseconds since the Unix
    /// epoch.
    #[must_use]
    pub fn saves(&self) -> Vec<(CopyId, i64)> {
        let all = self.0.all(|_| true).into_iter();
        all.map(|(key, record)| (key, record.saved_at_ms()))
            .collect()
    }

    /// The same class with one more observer.
    ///
    /// # Panics
    /// When it is in use already.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        let core = Arc::get_mut(&mut self.0).expect("the class has no clone yet");
        core.observers.push(observer);
        self
    }

    /// The sources of its copies.
    #[must_use]
    pub fn copies(&self) -> &Copies {
        &self.0.copies
    }

    /// Finds out where the homes of these users are, for homes that have to be asked for. A
    /// lookup that takes long ends in the user's lane.
    pub async fn learn_homes(&self, users: impl IntoIterator<Item = &str>) {
        let Some(homes) = self.copies().homes() else {
            return;
        };
        let unlearnt: BTreeSet<&str> = users
            .into_iter()
            .filter(|user| homes.is_unlearnt(user))
            .collect();
        let asked = unlearnt.into_iter().map(|user| {
            let (homes, owned) = (homes.clone(), user.to_owned());
            self.copies()
                .lanes()
                .submit(user, move || homes.learn(&owned))
        });
        let asked: Vec<_> = asked.collect();
        for learnt in asked {
            let _ = learnt.answer().await;
        }
    }

    /// Every notebook, or every notebook of one participant, as far as it is known now. Copies of
    /// `staff` are not counted.
    #[must_use]
    pub fn notebooks(&self, of: Option<&str>, staff: &BTreeSet<String>) -> Vec<NotebookSummary> {
        let copies = self.0.all(|key| of.is_none_or(|user| user == key.user));
        let is_counted = |key: &CopyId| of.is_some() || !staff.contains(&key.user);
        let counted = copies.iter().filter(|(key, _)| is_counted(key));
        let last_ms = counted.map(|(_, record)| record.saved_at_ms()).max();
        // Not before now: after a break the class goes on with what it did before.
        let since_ms = last_ms.unwrap_or_default().saturating_sub(AT_WORK_MS);
        let mut notebooks: Vec<NotebookSummary> = Vec::new();
        for (key, record) in &copies {
            let saved_at_ms = record.saved_at_ms();
            let participants = usize::from(is_counted(key));
            let at_work = match saved_at_ms >= since_ms {
                true => participants,
                false => 0,
            };
            match notebooks.last_mut() {
                Some(last) if last.filename == key.filename => {
                    last.participants += participants;
                    last.at_work += at_work;
                    last.saved_at_ms = last.saved_at_ms.max(saved_at_ms);
                }
                _ => notebooks.push(NotebookSummary {
                    filename: key.filename.clone(),
                    participants,
                    saved_at_ms,
                    at_work,
                }),
            }
        }
        notebooks
    }

    /// Whether this copy is known.
    #[must_use]
    pub fn has_copy(&self, key: &CopyId) -> bool {
        self.0.records.read().contains_key(key)
    }

    /// Tells whether a copy is known, for an observer, which must not keep the class; of a class that
    /// has ended, all are.
    pub fn copy_lookup(&self) -> impl Fn(&CopyId) -> bool + Send + Sync + 'static {
        let core = Arc::downgrade(&self.0);
        move |key| {
            let core = core.upgrade();
            core.is_none_or(|core| core.records.read().contains_key(key))
        }
    }

    /// Whether anybody has a notebook of this name.
    #[must_use]
    pub fn has_notebook(&self, filename: &str) -> bool {
        let records = self.0.records.read();
        records.keys().any(|key| key.filename == filename)
    }

    /// The file's version now, when the file is a notebook.
    pub async fn readable_version(&self, key: &CopyId) -> Option<Fingerprint> {
        let record = self.0.record(key)?;
        match self.look(key, &record).answer().await {
            Ok(LookOutcome::Good(version)) => Some(version),
            _ => None,
        }
    }

    /// Applies `look` to the whole notebook, as it is now; `None` when it has no tile.
    ///
    /// # Errors
    /// When it is not read in time.
    pub async fn with_notebook<T: Send + 'static>(
        &self,
        key: &CopyId,
        look: impl FnOnce(&Notebook) -> T + Send + 'static,
    ) -> Result<Option<T>, LaneError> {
        let Some(record) = self.0.record(key) else {
            return Ok(None);
        };
        let core = Arc::clone(&self.0);
        let owned = key.clone();
        let read = self.0.copies.lanes().submit(&key.user, move || {
            let found = core.refresh(&owned, &record);
            let is_there = !(found == LookOutcome::Missing && record.was_on_disk());
            is_there.then(|| core.with_notebook(&owned, look)).flatten()
        });
        read.answer().await
    }

    /// Forgets a copy that was deleted, and tells the observers.
    pub fn forget(&self, key: &CopyId) {
        self.0.cached().forget(key);
        let (core, owned) = (Arc::clone(&self.0), key.clone());
        let tell = move || {
            for observer in &core.observers {
                observer.removed(&owned);
            }
        };
        let mut records = self.0.records_mut();
        if records.remove(key).is_some() {
            // Queued behind what the lane still tells of this copy, and under the lock, so that
            // what is told after the copy came back is queued behind this.
            self.0.copies.lanes().submit_detached(&key.user, tell);
        }
    }

    /// Reads every notebook that was not read yet, as `threads` threads ask for them, so that
    /// the observers are told of what was there before the first save.
    pub fn read_all(&self, threads: usize) {
        let all = self.0.all(|_| true);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some((key, record)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = self.look(key, record).wait() {
                            let (user, filename) = (loggable(&key.user), loggable(&key.filename));
                            tracing::warn!(%user, %filename, "a notebook was not read: {error}");
                        }
                        for observer in &self.0.observers {
                            observer.keep_up();
                        }
                    }
                });
            }
        });
    }

    /// Walks every home: adds new notebooks that are `wanted`, to be read, and forgets those
    /// that are gone. A class without a [`Reporter`] is kept up to date in this way.
    pub fn scan_homes(&self, wanted: impl Fn(&CopyId) -> bool) {
        self.scan_homes_and_watch(&Watch::none(), wanted);
    }

    /// The same, and `watch` watches the folders that hold notebooks.
    pub fn scan_homes_and_watch(&self, watch: &Watch, wanted: impl Fn(&CopyId) -> bool) {
        let mut found = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for (user, scanned) in self.scan(watch) {
            match scanned.wait() {
                Ok(HomeScan { found: files, gap }) => {
                    self.0.scan_gaps.note(&user, gap);
                    found.extend(files.into_iter().map(CopyId::from));
                }
                Err(_) => {
                    self.missed_a_home();
                    unknown.insert(user);
                }
            }
        }
        found.retain(|key| wanted(key));
        let is_gone = |key: &CopyId| !found.contains(key) && !unknown.contains(&key.user);
        let gone: Vec<CopyId> = self.copy_ids().into_iter().filter(is_gone).collect();
        gone.iter().for_each(|key| self.forget(key));
        for key in &found {
            self.0.mark_found(key);
        }
        // The observers are told before this returns.
        for key in &gone {
            let told = self.0.copies.lanes().submit(&key.user, || ());
            // A lane that is held up is not waited for.
            let _ = told.wait();
        }
    }

    /// Whether every home was walked; else the class may lack notebooks.
    #[must_use]
    pub fn walked_every_home(&self) -> bool {
        !self.0.missed_a_home.load(Ordering::Relaxed)
    }

    fn missed_a_home(&self) {
        self.0.missed_a_home.store(true, Ordering::Relaxed);
    }

    /// The copies that are known.
    #[must_use]
    pub fn copy_ids(&self) -> Vec<CopyId> {
        self.0
            .all(|_| true)
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    /// The users whose homes are read: those who have one, and whose server pushes nothing.
    fn home_users(&self, watch: &Watch) -> Vec<String> {
        let copies = self.copies();
        let mut users = copies
            .homes()
            .map_or_else(Vec::new, |homes| watch.users(homes));
        users.retain(|user| !copies.are_pushed(user));
        users
    }

    /// Walks each home in its participant's lane.
    fn scan(&self, watch: &Watch) -> Vec<(String, PendingAnswer<HomeScan>)> {
        let Some(homes) = self.copies().homes() else {
            return Vec::new();
        };
        let users = self.home_users(watch);
        let asked = users.into_iter().map(|user| {
            let (watch, homes, of) = (watch.clone(), homes.clone(), user.clone());
            let lanes = self.0.copies.lanes();
            let scan = lanes.submit(&user, move || watch.scan_home(&homes, &of));
            (user, scan)
        });
        asked.collect()
    }

    fn look(&self, key: &CopyId, record: &Arc<CopyRecord>) -> PendingAnswer<LookOutcome> {
        let (core, record, owned) = (Arc::clone(&self.0), Arc::clone(record), key.clone());
        self.0
            .copies
            .lanes()
            .submit(&key.user, move || core.refresh(&owned, &record))
    }
}

impl Core {
    /// The records of the copies that are `wanted`, cloned so that the lock is not held while
    /// they are used.
    fn all(&self, wanted: impl Fn(&CopyId) -> bool) -> Vec<(CopyId, Arc<CopyRecord>)> {
        let records = self.records.read();
        let wanted = records.iter().filter(|(key, _)| wanted(key));
        wanted
            .map(|(key, record)| (key.clone(), Arc::clone(record)))
            .collect()
    }

    fn record(&self, key: &CopyId) -> Option<Arc<CopyRecord>> {
        let records = self.records.read();
        records.get(key).cloned()
    }

    /// Whether `key` is known, or its participant may have one more copy: a reported copy counts
    /// as a found one does.
    fn has_room_for(&self, key: &CopyId) -> bool {
        let records = self.records.read();
        let own = || {
            records
                .keys()
                .filter(|other| other.user == key.user)
                .count()
        };
        records.contains_key(key) || own() < MAX_NOTEBOOKS_PER_HOME
    }

    fn record_or_new(&self, key: &CopyId) -> Arc<CopyRecord> {
        let mut records = self.records_mut();
        Arc::clone(records.entry(key.clone()).or_default())
    }

    /// The record of a copy that a walk has found, marked as being on the disk.
    fn mark_found(&self, key: &CopyId) -> Arc<CopyRecord> {
        let record = self.record_or_new(key);
        record.set_on_disk();
        record
    }

    /// Caches the tile of a copy that was read, and drops those that have to make room for it.
    fn keep(&self, key: &CopyId, bytes: usize) {
        let gone = self.cached().keep(key, bytes);
        for record in gone.iter().filter_map(|key| self.record(key)) {
            record.drop_tile();
        }
    }

    fn cached(&self) -> MutexGuard<'_, TileCacheIndex> {
        self.cached.lock()
    }

    fn records_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<CopyId, Arc<CopyRecord>>> {
        self.records.write()
    }
}

/// Tells open pages to fetch a tile again of which they were shown an older version.
impl Observer for Announcements {
    fn revised(&self, _revision: &Revision) {}

    fn removed(&self, _key: &CopyId) {}

    fn caught_up(&self, key: &CopyId) {
        let CopyId { filename, user } = key.clone();
        let recipients = Recipients::MaySee(user.clone());
        self.send(recipients, READ_KIND, &CopyAnnouncement { filename, user });
    }
}
