//! The tasks of the builder threads of [`Builds`]: a saved copy becomes a section of its summary at
//! once, and files later.

use std::{
    io,
    panic::{self, AssertUnwindSafe, resume_unwind},
    thread,
    time::{Duration, Instant},
};

use super::{
    Builds, Summary, SummaryRun,
    export::{ExportSource, Exports},
    folder::{Fill, WriteMode},
    layout::{self, HTML, IPYNB},
    queue::{BuildTarget, BuildTask},
    section::SummarySection,
};
use crate::{
    class::{CopyId, NotebookBytes, NotebookContent, Revision},
    homes::Fingerprint,
    telemetry::loggable,
    time,
};

/// How long other participants' tasks wait for the read of one participant's file.
const HOME_READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Delay before a failed write is tried again: a full disk stays full for a while.
pub(super) const BUILD_RETRY_DELAY: Duration = Duration::from_secs(5);

impl Builds {
    pub(super) fn run_tasks(&self) {
        while let Some((target, task)) = self.queue.next() {
            self.perform(&target, task);
        }
    }

    pub(super) fn perform(&self, target: &BuildTarget, task: BuildTask) {
        // A bug that one notebook meets must not end the builds of all.
        let done = panic::catch_unwind(AssertUnwindSafe(|| self.build(target, task)));
        if done.is_err() {
            tracing::error!(lane = ?target, "building panicked");
        }
        self.queue.done(target);
    }

    fn build(&self, target: &BuildTarget, task: BuildTask) {
        match (target, task) {
            (BuildTarget::Copy(key), BuildTask::Revised(revision)) => self.revise(key, &revision),
            (BuildTarget::Copy(key), BuildTask::Removed) => self.remove(key),
            (BuildTarget::Copy(key), BuildTask::Reconcile) => drop(self.reconcile(key)),
            (BuildTarget::Copy(key), BuildTask::ReadAgain) => {
                self.read_again(key, BuildTask::ReadAgain, |version, content| {
                    self.update(key, version, content);
                });
            }
            (BuildTarget::Copy(key), BuildTask::WriteExport(Some((version, whole)))) => {
                self.export(key, version, &whole);
            }
            (BuildTarget::Copy(key), _) => {
                self.read_again(key, BuildTask::WriteExport(None), |version, content| {
                    self.export(key, version, content.whole())
                });
            }
            (BuildTarget::Summary(filename), _) => self.summarise(filename),
        }
    }

    fn revise(&self, key: &CopyId, revision: &Revision) {
        match (&revision.content, revision.version) {
            (Ok(content), Some(version)) => self.update(key, version, content),
            (Err(problem), version) => self.mark_broken(key, version, problem),
            (Ok(_), None) => {}
        }
    }

    /// Calls `then` with the notebook as it is now. A notebook that cannot be read at this moment
    /// is being written or was deleted; the class reports both. When the disk does not answer in
    /// time, `task` is queued again, so that other participants do not wait.
    fn read_again(
        &self,
        key: &CopyId,
        task: BuildTask,
        then: impl Fn(Fingerprint, &NotebookContent),
    ) {
        let read = self.copies.read_within(key, HOME_READ_TIMEOUT);
        let (version, file) = match read {
            Ok(Some(read)) => read,
            Ok(None) => return,
            Err(_) => {
                let target = BuildTarget::Copy(key.clone());
                return self
                    .queue
                    .push_retry(target, task, Instant::now() + BUILD_RETRY_DELAY);
            }
        };
        let content = {
            let _turn = self.copies.lanes().turn(version.size());
            NotebookContent::parse(file, self.limits, None)
        };
        if let Ok(content) = content {
            then(version, &content);
        }
    }

    fn update(&self, key: &CopyId, version: Fingerprint, content: &NotebookContent) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        let saved_at_ms = version.modified_ms();
        if !self.has_place(key, saved_at_ms) {
            return self.leave_out(key);
        }
        let named = self.shares.hard_links.record(key, version.file());
        if let Some(promoted) = named.promoted {
            self.queue.read_again(promoted);
        }
        if let Some(first) = named.first {
            return self.record_second_name(key, version, &first);
        }
        let before = self.catalogue.section(key);
        let section = SummarySection::of(&key.user, saved_at_ms, content, before.as_deref());
        let section = self.section_with_room(key, section);
        self.catalogue.insert(key, &folder, section);
        self.summary_is_due(&key.filename);
        self.export_is_due(key, version, content.whole());
    }

    fn mark_broken(&self, key: &CopyId, version: Option<Fingerprint>, problem: &str) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        let before = self
            .catalogue
            .section(key)
            .map(|section| section.saved_at_ms);
        let saved_at_ms = version.map(Fingerprint::modified_ms).or(before);
        let has_export = self
            .folder
            .version(&layout::export(&folder, &key.user))
            .is_some();
        let saved_at_ms = saved_at_ms.unwrap_or_else(time::now_ms);
        if !self.has_place(key, saved_at_ms) {
            return self.leave_out(key);
        }
        self.unname(key);
        self.shares.sections.release(key);
        let section = SummarySection::broken(&key.user, saved_at_ms, problem, has_export);
        self.catalogue.insert(key, &folder, section);
        if let (true, Some(version)) = (has_export, version) {
            self.keep_files(key, version);
        }
        self.summary_is_due(&key.filename);
    }

    fn remove(&self, key: &CopyId) {
        self.shares.places.release(key);
        self.leave_out(key);
        self.report(key, Ok(()), BuildTask::Removed);
    }

    /// The summary need not wait for the export: it is written before any export.
    fn export_is_due(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) {
        if self.is_exported(key, version, whole) {
            self.keep_files(key, version);
            return self.report(key, Ok(()), BuildTask::WriteExport(None));
        }
        let now = Instant::now();
        let due = self.exports.due(key, self.write_interval).unwrap_or(now);
        // While many new versions wait, memory is for them, and the file is read again.
        let held = (!self.queue.has_looks_waiting()).then(|| (version, whole.clone()));
        let target = BuildTarget::Copy(key.clone());
        self.queue
            .push(target, BuildTask::WriteExport(held), due.max(now));
    }

    fn export(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        if !self.reconcile(key) || self.is_exported(key, version, whole) {
            return self.report(key, Ok(()), BuildTask::WriteExport(None));
        }
        let written = self.write_export(key, &folder, version, whole);
        self.queue_copies_with_room(&key.user);
        self.report(key, written, BuildTask::WriteExport(None));
    }

    fn write_export(
        &self,
        key: &CopyId,
        folder: &str,
        version: Fingerprint,
        whole: &NotebookBytes,
    ) -> io::Result<()> {
        let size = whole.bytes().len() as u64;
        // A notebook is not rendered when there is no room even for its copy alone.
        if !self.may_have_room_for(key, version, size) {
            self.has_room_for(key, version, [size; 2]);
            self.drop_files(key);
            return Ok(());
        }
        self.folder.reserve().check(2 * size)?;
        let _turn = self.copies.lanes().turn(size);
        let source = ExportSource {
            version,
            notebook: &whole.parse(),
            bytes: whole.bytes(),
        };
        let rendered = self.exports.render(&self.folder, folder, key, source);
        if !self.has_room_for(key, version, [size, rendered.size()]) {
            self.drop_files(key);
            return Ok(());
        }
        let exports = &self.exports;
        let has_changed = exports.write(&self.folder, folder, key, source, rendered)?;
        self.note_export(key, true);
        self.reconcile_others(key);
        if has_changed {
            self.announce(&key.filename, Some(&key.user));
        }
        Ok(())
    }

    fn is_exported(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) -> bool {
        let size = whole.bytes().len() as u64;
        let folder = layout::folder_of(&key.filename);
        folder.is_some_and(|folder| Exports::is_fresh(&self.folder, &folder, key, version, size))
    }

    pub(super) fn summary_is_due(&self, filename: &str) {
        let last = self.summary_runs.lock().get(filename).copied();
        let now = Instant::now();
        let due = last.map_or(now, |last| now.max(last.at + self.write_interval));
        let target = BuildTarget::Summary(filename.to_owned());
        self.queue.push(target, BuildTask::WriteSummary, due);
    }

    /// A section gave way, and the disk has to have its room at once.
    pub(super) fn summary_shrinks(&self, filename: &str) {
        let target = BuildTarget::Summary(filename.to_owned());
        self.queue
            .push(target, BuildTask::ShrinkSummary, Instant::now());
    }

    pub(super) fn summarise(&self, filename: &str) {
        let Some(folder) = layout::folder_of(filename) else {
            return;
        };
        let summary = self.catalogue.summary(filename);
        let written = match &summary {
            Some(summary) => self.write_summary(&folder, filename, summary),
            None => {
                self.summary_runs.lock().remove(filename);
                [HTML, IPYNB]
                    .iter()
                    .try_for_each(|ending| self.folder.remove(&layout::summary(&folder, ending)))
            }
        };
        // A summary belongs to no user.
        let key = CopyId {
            filename: filename.to_owned(),
            user: String::new(),
        };
        self.report(&key, written, BuildTask::WriteSummary);
    }

    fn write_summary(&self, folder: &str, filename: &str, summary: &Summary) -> io::Result<()> {
        let remember = |edition| {
            let at = Instant::now();
            self.summary_runs
                .lock()
                .insert(filename.to_owned(), SummaryRun { at, edition })
        };
        // Until both are written the content of the files is unknown.
        let before = remember(None).and_then(|before| before.edition);
        let now = summary.edition;
        let write = |ending, before: Option<u64>, now: u64, fill: &Fill<'_>| {
            let place = layout::summary(folder, ending);
            let is_there = || self.folder.version(&place).is_some();
            let mode = match before {
                Some(before) if before == now && is_there() => return Ok(false),
                Some(_) => WriteMode::KnownDifferent,
                None => WriteMode::IfDifferent,
            };
            let written = self.folder.write(&place, mode, fill)?;
            Ok::<_, io::Error>(written.is_changed)
        };
        // For a whole class each file is ten megabytes, which take the kernel a while.
        let (document, notebook) = thread::scope(|scope| {
            let notebook = scope.spawn(|| {
                let before = before.map(|before| before.notebook);
                write(IPYNB, before, now.notebook, &|out| summary.write_ipynb(out))
            });
            let before = before.map(|before| before.document);
            let document = write(HTML, before, now.document, &|out| summary.write_html(out));
            let notebook = notebook.join().unwrap_or_else(|panic| resume_unwind(panic));
            (document, notebook)
        });
        let (document, notebook) = (document?, notebook?);
        remember(Some(now));
        if document || notebook {
            self.announce(filename, None);
        }
        Ok(())
    }

    pub(super) fn announce(&self, filename: &str, user: Option<&str>) {
        if let Some(announcer) = &self.announcer {
            announcer.announce(filename, user);
        }
    }

    /// Records the failure of a task, and queues it again.
    fn report(&self, key: &CopyId, done: io::Result<()>, task: BuildTask) {
        let Err(error) = done else {
            self.failures().remove(key);
            return;
        };
        let problem = format!("cannot be written: {error}");
        let before = self.failures().insert(key.clone(), problem);
        // That the disk is full is logged once, not for each notebook.
        if before.is_none() && !self.folder.reserve().is_reached() {
            let CopyId { filename, user } = key;
            let (filename, user) = (loggable(filename), loggable(user));
            tracing::warn!(%error, %filename, %user, "a build cannot be written; trying again");
        }
        let target = match task {
            BuildTask::WriteSummary => BuildTarget::Summary(key.filename.clone()),
            _ => BuildTarget::Copy(key.clone()),
        };
        self.queue
            .push_retry(target, task, Instant::now() + BUILD_RETRY_DELAY);
    }
}
