//! Builds: the files made from notebooks. Each copy has an HTML export and a copy of the notebook,
//! and each notebook has a summary of all participants' last cells, as a document and as a
//! notebook. `layout` says where the files are.
//!
//! [`Builds`] is an [`Observer`] of the class: it queues a task for each new version and returns at
//! once, so a save never waits. The builder threads (`tasks.rs`) then bring one participant's
//! section of the summary up to date in memory, and write the files that changed, each at most once
//! a second.
//!
//! Not here: which users may see a file (`routes/build/`), how a cell becomes HTML and how
//! notebooks are merged (the `shared` crate).

mod announcer;
mod archive;
mod bounds;
mod catalogue;
mod compare_writer;
mod export;
mod folder;
mod hard_links;
mod layout;
mod portable;
mod queue;
mod quota;
mod section;
mod shares;
mod summary;
mod tasks;
#[cfg(test)]
mod tests;

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
use shared::{notebook::Notebook, standalone};

use crate::{
    background,
    class::{Class, CopyId, Observer, Revision, TailLimits},
    copies::Copies,
    feed::Announcements,
    homes::NotebookFile,
    sharing::Sharing,
};
use announcer::BuildAnnouncer;
use catalogue::Catalogue;
use export::Exports;
use folder::{OutputFolder, WriteMode};
use layout::{HTML, IPYNB};
use queue::{BuildQueue, BuildTarget, BuildTask};
use quota::BuildShares;
use summary::Edition;

pub use archive::Archive;
pub(crate) use archive::zip_options;
pub use catalogue::{BuiltFile, BuiltFileKind, ListedCopy, ListedNotebook};
pub(crate) use export::title as export_title;
pub(crate) use layout::{name as portable_part, owner_of};
pub(crate) use portable::PortableNames;
pub use quota::BuildQuota;
pub use summary::Summary;

/// The stylesheet of pages that list what was made of notebooks.
pub(crate) fn listing_style() -> String {
    let listing = include_str!("../../assets/listing.css");
    format!("{}{listing}", standalone::stylesheet())
}

/// Shortest time between two writes of one file, unless the caller sets another.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// When a summary was written last, and the edition of its files if that is known.
#[derive(Clone, Copy)]
struct SummaryRun {
    at: Instant,
    edition: Option<Edition>,
}

/// The builder: the files that were built, the tasks that are due, and their bounds.
pub struct Builds {
    copies: Copies,
    limits: TailLimits,
    write_interval: Duration,
    folder: OutputFolder,
    queue: BuildQueue,
    catalogue: Catalogue,
    exports: Exports,
    shares: BuildShares,
    /// By the path of the notebook below a home.
    summary_runs: Mutex<HashMap<String, SummaryRun>>,
    /// Announces new builds to open pages.
    announcer: Option<BuildAnnouncer>,
    /// Why a build could not be written, by its copy. The user of a summary's entry is empty.
    failures: Mutex<BTreeMap<CopyId, String>>,
}

impl Builds {
    /// Builds `copies` into `folder`; a summary has as much of each notebook's end as `limits`
    /// allow. Nothing happens until [`Builds::start`].
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
            write_interval: WRITE_INTERVAL,
            folder: OutputFolder::open(folder)?,
            queue: BuildQueue::new(),
            catalogue: Catalogue::default(),
            exports: Exports::default(),
            shares: BuildShares::new(BuildQuota::default()),
            summary_runs: Mutex::default(),
            announcer: None,
            failures: Mutex::default(),
        })
    }

    /// The same, with `write_interval` between two writes of one file.
    #[must_use]
    pub fn writing_every(self, write_interval: Duration) -> Self {
        Self {
            write_interval,
            ..self
        }
    }

    /// The same, within `quota`.
    #[must_use]
    pub fn within(self, quota: BuildQuota) -> Self {
        Self {
            folder: self.folder.reserving(quota.reserve),
            shares: BuildShares::new(quota),
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

    /// The same, announcing new builds to the users who may see them; `sharing` says who may see a
    /// summary.
    #[must_use]
    pub fn announcing(self, announcements: Announcements, sharing: Arc<Sharing>) -> Self {
        let announcer = Some(BuildAnnouncer::new(announcements, sharing));
        Self { announcer, ..self }
    }

    /// Builds on `threads` threads until [`Builds::end`].
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(self: &Arc<Self>, threads: usize) -> anyhow::Result<()> {
        for _ in 0..threads.max(1) {
            let builds = Arc::clone(self);
            background::spawn("builder", move || builds.run_tasks())
                .context("cannot start a builder")?;
        }
        Ok(())
    }

    /// Stops the builder threads; the next start of the program goes on from there.
    pub fn end(&self) {
        self.queue.end();
    }

    /// Tells the builder that the whole class was read once, so that it writes summaries and
    /// removes the builds of deleted notebooks. Returns when the exports are written.
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

    /// The same after only some copies were read: nothing is removed.
    pub fn some_were_read(&self) {
        self.settle_sections();
        self.queue.release();
    }

    /// Waits until all queued tasks are done, but for those that failed and are tried again.
    pub fn settle(&self) {
        self.queue.settle();
    }

    /// Waits until all notebooks that were found are in the catalogue; their files may not be
    /// written.
    pub fn settle_sections(&self) {
        loop {
            self.keep_up();
            if self.queue.settle_looks() {
                return;
            }
        }
    }

    /// The output folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The copies that could not be built, and why: notebooks that cannot be read, files that
    /// cannot be written, or a quota that is used up.
    #[must_use]
    pub fn problems(&self) -> BTreeMap<CopyId, String> {
        let mut problems = self.failures().clone();
        for notebook in self.catalogue.list("", None) {
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
        self.catalogue.section(key).is_some()
    }

    /// Whether the newest version of this copy is a valid notebook.
    #[must_use]
    pub fn is_good(&self, key: &CopyId) -> bool {
        let section = self.catalogue.section(key);
        section.is_some_and(|section| section.problem.is_none())
    }

    /// The summary of a notebook as it is now, perhaps newer than its files.
    #[must_use]
    pub fn summary(&self, filename: &str) -> Option<Summary> {
        self.catalogue.summary(filename)
    }

    /// The path of the HTML summary of a notebook, below the output folder.
    #[must_use]
    pub fn summary_place(&self, filename: &str) -> Option<String> {
        self.catalogue.summary(filename)?;
        Some(layout::summary(&layout::folder_of(filename)?, HTML))
    }

    /// The path of the HTML export of a copy, below the output folder.
    #[must_use]
    pub fn export_place(&self, key: &CopyId) -> Option<String> {
        let section = self.catalogue.section(key)?;
        let folder = layout::folder_of(&key.filename)?;
        section
            .has_export
            .then(|| layout::export(&folder, &key.user))
    }

    /// The built file at `place` below the output folder, `None` when there is none. It may not be
    /// written yet.
    #[must_use]
    pub fn find(&self, place: &str) -> Option<BuiltFile> {
        self.catalogue.find(place)
    }

    /// Opens the file at `place`.
    ///
    /// # Errors
    /// When it is not there, or not below the folder.
    pub fn open(&self, place: &str) -> io::Result<File> {
        self.folder.read(place)
    }

    /// Every notebook whose builds are below the folder `below`, which may be empty; with all
    /// copies or only those of the participant `of`.
    #[must_use]
    pub fn list(&self, below: &str, of: Option<&str>) -> Vec<ListedNotebook> {
        let mut notebooks = self.catalogue.list(below, of);
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

    /// Builds a notebook that is in no home: an export and nothing else. Returns its path below the
    /// output folder.
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
            .write(&place, WriteMode::IfDifferent, &|out| {
                out.write_all(html.as_bytes())
            })
            .with_context(|| format!("cannot write {place}"))?;
        Ok(place.into())
    }

    /// Removes every file whose copy is not in `class`.
    fn sweep(&self, class: &Class) {
        // Listed before the class is asked, so that no file built meanwhile is removed.
        let files = self.folder.files();
        let keys = class.copy_ids();
        // Copies in a home that is not known yet keep their files.
        if !class.walked_every_home() {
            return;
        }
        // An empty class is a disk that was not mounted, not a class that deleted everything.
        if keys.is_empty() {
            return;
        }
        let mut places = HashSet::new();
        for key in &keys {
            let Some(folder) = layout::folder_of(&key.filename) else {
                continue;
            };
            let (has_files, has_section) = self.has_files_and_section(key);
            if has_files {
                places.insert(layout::export(&folder, &key.user));
                places.insert(layout::copy(&folder, &key.user));
            }
            if has_section {
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
        let target = BuildTarget::Copy(revision.key.clone());
        let task = BuildTask::Revised(Box::new(revision.clone()));
        self.queue.push(target, task, Instant::now());
    }

    fn removed(&self, key: &CopyId) {
        self.queue.push(
            BuildTarget::Copy(key.clone()),
            BuildTask::Removed,
            Instant::now(),
        );
    }

    /// During the first read of the class the reading thread builds the section of each notebook
    /// that it has read: the notebook is at hand, and a queue of all notebooks would not fit into
    /// memory.
    fn keep_up(&self) {
        while let Some((target, task)) = self.queue.next_look_of_first_read() {
            self.perform(&target, task);
        }
    }
}
