//! What is built from notebooks and kept as files: an HTML export and a copy of each
//! participant's, and for each notebook a summary of everyone's last cells, as a document
//! and as a notebook. `layout` says where.
//!
//! [`Builds`] is an [`Observer`] of the class: it takes note of a version and answers at
//! once, so nobody's save waits. Threads of its own (`work.rs`) then bring one participant's part of
//! the summary up to date in memory, and write what changed, each file at most once a
//! second.
//!
//! Not here: who may see a file (`routes/build.rs`), how a cell becomes HTML and how
//! notebooks are merged (the `shared` crate).

mod archive;
mod comparing;
mod export;
mod folder;
mod known;
mod layout;
mod names;
mod news;
mod part;
mod portable;
mod queue;
mod quota;
mod room;
mod shares;
mod summary;
#[cfg(test)]
mod tests;
mod work;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use anyhow::Context;
use shared::notebook::Notebook;

use crate::{
    background,
    class::{Class, CopyId, Observer, Revision, TailLimits},
    copies::Copies,
    feed::Asides,
    homes::NotebookFile,
    sharing::Sharing,
};
use export::Exports;
use folder::{Folder, Made};
use known::Known;
use layout::{HTML, IPYNB};
use news::News;
use queue::{Lane, Queue, Work};
use quota::Rooms;
use summary::Edition;

pub use archive::Archive;
pub use known::{Built, Kind, Listed, ListedCopy};
pub(crate) use layout::owner_of;
pub use quota::Quota;
pub use summary::Summary;

/// Between two times that one file is written, unless somebody wants it otherwise.
const EVERY: Duration = Duration::from_secs(1);

/// When a summary was written last, and of which edition the files are if that is known.
#[derive(Clone, Copy)]
struct Summarised {
    at: Instant,
    edition: Option<Edition>,
}

/// See the module's words.
pub struct Builds {
    copies: Copies,
    limits: TailLimits,
    every: Duration,
    folder: Folder,
    queue: Queue,
    known: Known,
    exports: Exports,
    rooms: Rooms,
    /// By the path of the notebook.
    summarised: Mutex<HashMap<String, Summarised>>,
    /// Where it is said that something is built anew.
    news: Option<News>,
    /// What could not be written, and why, by the path below the homes and whose it is.
    failures: Mutex<BTreeMap<CopyId, String>>,
}

impl Builds {
    /// Builds into `folder` what `copies` has, with summaries of the ends that `limits`
    /// say. Nothing happens until [`Builds::start`].
    ///
    /// # Errors
    /// When the folder cannot be made, is another program's, or holds other things.
    pub fn new(
        copies: impl Into<Copies>,
        limits: TailLimits,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            copies: copies.into(),
            limits,
            every: EVERY,
            folder: Folder::open(folder)?,
            queue: Queue::new(),
            known: Known::default(),
            exports: Exports::default(),
            rooms: Rooms::new(Quota::default()),
            summarised: Mutex::default(),
            news: None,
            failures: Mutex::default(),
        })
    }

    /// The same, with `every` between two times that one file is written.
    #[must_use]
    pub fn writing_every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// The same, within `quota`.
    #[must_use]
    pub fn within(self, quota: Quota) -> Self {
        Self {
            folder: self.folder.reserving(quota.reserve),
            rooms: Rooms::new(quota),
            ..self
        }
    }

    #[cfg(test)]
    fn with_reserve(self, reserve: crate::reserve::Reserve) -> Self {
        Self {
            folder: self.folder.with_reserve(reserve),
            ..self
        }
    }

    /// The same, saying in `asides` what is built anew to those who may see it, which is
    /// `sharing`'s to say of a summary.
    #[must_use]
    pub fn telling(self, asides: Asides, sharing: Arc<Sharing>) -> Self {
        let news = Some(News::new(asides, sharing));
        Self { news, ..self }
    }

    /// Builds on `threads` threads until [`Builds::end`].
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(self: &Arc<Self>, threads: usize) -> anyhow::Result<()> {
        for _ in 0..threads.max(1) {
            let builds = Arc::clone(self);
            background::spawn("builder", move || builds.work())
                .context("cannot start a builder")?;
        }
        Ok(())
    }

    /// Stops building, where it is: the next start goes on from there.
    pub fn end(&self) {
        self.queue.end();
    }

    /// Says that the whole class was read once, so that summaries can be written and what
    /// is built of notebooks that are gone can be removed. Returns when the exports are
    /// written.
    pub fn class_was_read(&self, class: &Class) {
        self.sweep(class);
        self.some_were_read();
        self.queue.settle_exports();
        if self.failures().is_empty()
            && let Err(error) = self.folder.set_current()
        {
            tracing::warn!(%error, "the builds will be made anew at the next start");
        }
    }

    /// The same after only some of the class was read: nothing is removed.
    pub fn some_were_read(&self) {
        self.settle_parts();
        self.queue.release();
    }

    /// Waits until everything that was found is built, and written if it can be.
    pub fn settle(&self) {
        self.queue.settle();
    }

    /// Waits until everything that was found is known, though not written.
    pub fn settle_parts(&self) {
        loop {
            self.keep_up();
            if self.queue.settle_looks() {
                return;
            }
        }
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What could not be built, and why: notebooks that cannot be read, files that cannot be
    /// written, or that there is no room for.
    #[must_use]
    pub fn problems(&self) -> BTreeMap<CopyId, String> {
        let mut problems = self.failures().clone();
        for notebook in self.known.list("", None) {
            for copy in notebook.participants {
                let key = CopyId {
                    filename: notebook.filename.clone(),
                    user: copy.user,
                };
                let over = || self.over_quota(&key);
                if let Some(problem) = copy.problem.or_else(over) {
                    problems.entry(key).or_insert(problem);
                }
            }
        }
        problems
    }

    /// Whether a version of this notebook, good or bad, was found.
    #[must_use]
    pub fn knows(&self, key: &CopyId) -> bool {
        self.known.part(key).is_some()
    }

    /// Whether the newest version of this notebook is a notebook.
    #[must_use]
    pub fn is_good(&self, key: &CopyId) -> bool {
        let part = self.known.part(key);
        part.is_some_and(|part| part.problem.is_none())
    }

    /// The summary of a notebook as it is now, perhaps newer than what is written.
    #[must_use]
    pub fn summary(&self, filename: &str) -> Option<Summary> {
        self.known.summary(filename)
    }

    /// Where the HTML summary of a notebook is, below the folder.
    #[must_use]
    pub fn summary_place(&self, filename: &str) -> Option<String> {
        self.known.summary(filename)?;
        Some(layout::summary(&layout::folder_of(filename)?, HTML))
    }

    /// Where the HTML export of a participant's notebook is, below the folder.
    #[must_use]
    pub fn export_place(&self, key: &CopyId) -> Option<String> {
        let part = self.known.part(key)?;
        let folder = layout::folder_of(&key.filename)?;
        part.has_export.then(|| layout::export(&folder, &key.user))
    }

    /// The file at `place` below the folder, when it is one of those that were built. It may
    /// not be written yet.
    #[must_use]
    pub fn find(&self, place: &str) -> Option<Built> {
        self.known.find(place)
    }

    /// Opens the file at `place`.
    ///
    /// # Errors
    /// When it is not there, or not below the folder.
    pub fn open(&self, place: &str) -> io::Result<File> {
        self.folder.read(place)
    }

    /// Every notebook whose builds are below the folder `below`, which may be empty; with
    /// everyone's copies or with one participant's.
    #[must_use]
    pub fn list(&self, below: &str, of: Option<&str>) -> Vec<Listed> {
        let mut notebooks = self.known.list(below, of);
        for notebook in &mut notebooks {
            for copy in &mut notebook.participants {
                copy.note = self.note(&CopyId {
                    filename: notebook.filename.clone(),
                    user: copy.user.clone(),
                });
            }
        }
        notebooks
    }

    /// Builds a notebook that is in no home: an export and nothing else. The answer is where
    /// it is below the folder.
    ///
    /// # Errors
    /// When it cannot be read, or not written.
    pub fn build_outside(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let shown = path.display();
        let file = NotebookFile::read(path).with_context(|| format!("cannot read {shown}"))?;
        let parsed = file.content().and_then(|bytes| Notebook::parse(&bytes));
        let notebook = parsed
            .with_context(|| format!("{shown} is not a notebook"))?
            .notebook;
        let place = layout::outside(path)
            .with_context(|| format!("{shown}: the name does not end in {IPYNB}"))?;
        let title = path.file_stem().unwrap_or_default().to_string_lossy();
        let cells = shared::prepare::cells(&notebook, 0, &shared::sanitize::Ammonia);
        let html = shared::standalone::document(&title, &cells, "en");
        self.folder
            .write(&place, Made::OfMany, &|out| out.write_all(html.as_bytes()))
            .with_context(|| format!("cannot write {place}"))?;
        Ok(place.into())
    }

    /// Removes every file that is built of nothing in `class`.
    fn sweep(&self, class: &Class) {
        // Before the class is asked: what is built meanwhile is not in it.
        let files = self.folder.files();
        let keys = class.copy_ids();
        // Whose home is not known yet keeps what was built before.
        if !class.walked_every_home() {
            return;
        }
        // That is a disk that was not mounted, and not a class that deleted everything.
        if keys.is_empty() {
            return;
        }
        let mut places = HashSet::new();
        for key in &keys {
            let Some(folder) = layout::folder_of(&key.filename) else {
                continue;
            };
            let (has_files, has_part) = self.has_files_and_part(key);
            if has_files {
                places.insert(layout::export(&folder, &key.user));
                places.insert(layout::copy(&folder, &key.user));
            }
            if has_part {
                places.insert(layout::summary(&folder, HTML));
                places.insert(layout::summary(&folder, IPYNB));
            }
        }
        for place in files {
            if !places.contains(&place)
                && let Err(error) = self.folder.remove(&place)
            {
                tracing::warn!(%error, place, "a build of nothing cannot be removed");
            }
        }
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<CopyId, String>> {
        self.failures.lock()
    }
}

impl Observer for Builds {
    fn revised(&self, revision: &Revision) {
        let lane = Lane::Copy(revision.key.clone());
        let work = Work::Revised(Box::new(revision.clone()));
        self.queue.push(lane, work, Instant::now());
    }

    fn removed(&self, key: &CopyId) {
        self.queue
            .push(Lane::Copy(key.clone()), Work::Removed, Instant::now());
    }

    /// While a class is read for the first time, whoever reads a notebook builds its part: it
    /// is at hand, and a queue of all would not be held in memory.
    fn keep_up(&self) {
        while let Some((lane, work)) = self.queue.early_look() {
            self.work_on(&lane, work);
        }
    }
}
