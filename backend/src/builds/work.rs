//! What the threads of [`Builds`] do, a piece of work at a time: a copy that was saved
//! becomes a part of its summary at once, and files after it.

use std::{
    io,
    panic::{self, AssertUnwindSafe, resume_unwind},
    thread,
    time::{Duration, Instant},
};

use super::{
    Builds, Summarised, Summary,
    export::{Exports, Source},
    folder::{Fill, Made},
    layout::{self, HTML, IPYNB},
    part::Part,
    queue::{Lane, Work},
};
use crate::{
    class::{CopyId, NotebookBytes, NotebookContent, Revision},
    homes::Fingerprint,
    telemetry::loggable,
    time,
};

/// So long others wait for a participant's disk.
const PATIENCE: Duration = Duration::from_secs(1);
/// Until what could not be written is tried again: a disk that is full stays so for a while.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(5);

impl Builds {
    pub(super) fn work(&self) {
        while let Some((lane, work)) = self.queue.next() {
            self.work_on(&lane, work);
        }
    }

    pub(super) fn work_on(&self, lane: &Lane, work: Work) {
        // A fault of ours in one notebook must not end the builds of all.
        let done = panic::catch_unwind(AssertUnwindSafe(|| self.build(lane, work)));
        if done.is_err() {
            tracing::error!(?lane, "building panicked");
        }
        self.queue.done(lane);
    }

    fn build(&self, lane: &Lane, work: Work) {
        match (lane, work) {
            (Lane::Copy(key), Work::Revised(revision)) => self.revise(key, &revision),
            (Lane::Copy(key), Work::Removed) => self.remove(key),
            (Lane::Copy(key), Work::Align) => drop(self.align(key)),
            (Lane::Copy(key), Work::Read) => {
                self.read_again(key, Work::Read, |version, content| {
                    self.update(key, version, content);
                });
            }
            (Lane::Copy(key), Work::Export(Some((version, whole)))) => {
                self.export(key, version, &whole);
            }
            (Lane::Copy(key), _) => {
                self.read_again(key, Work::Export(None), |version, content| {
                    self.export(key, version, content.whole())
                });
            }
            (Lane::Summary(filename), _) => self.summarise(filename),
        }
    }

    fn revise(&self, key: &CopyId, revision: &Revision) {
        match (&revision.content, revision.version) {
            (Ok(content), Some(version)) => self.update(key, version, content),
            (Err(problem), version) => self.mark_broken(key, version, problem),
            (Ok(_), None) => {}
        }
    }

    /// Calls `then` with the notebook as it is now. One that cannot be read at this moment
    /// is being written, or is gone; both will be told. For one whose disk does not answer
    /// the others do not wait: `work` is done later.
    fn read_again(&self, key: &CopyId, work: Work, then: impl Fn(Fingerprint, &NotebookContent)) {
        let read = self.copies.read_within(key, PATIENCE);
        let (version, file) = match read {
            Ok(Some(read)) => read,
            Ok(None) => return,
            Err(_) => {
                let lane = Lane::Copy(key.clone());
                return self
                    .queue
                    .push_again(lane, work, Instant::now() + TRY_AGAIN);
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
        let named = self.rooms.names.name(key, version.file());
        if let Some(promoted) = named.promoted {
            self.queue.read_again(promoted);
        }
        if let Some(first) = named.first {
            return self.is_second_name(key, version, &first);
        }
        let before = self.known.part(key);
        let part = Part::of(&key.user, saved_at_ms, content, before.as_deref());
        let part = self.part_with_room(key, part);
        self.known.insert(key, &folder, part);
        self.summary_is_due(&key.filename);
        self.export_is_due(key, version, content.whole());
    }

    fn mark_broken(&self, key: &CopyId, version: Option<Fingerprint>, problem: &str) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        let before = self.known.part(key).map(|part| part.saved_at_ms);
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
        self.rooms.parts.release(key);
        let part = Part::broken(&key.user, saved_at_ms, problem, has_export);
        self.known.insert(key, &folder, part);
        if let (true, Some(version)) = (has_export, version) {
            self.keep_files(key, version);
        }
        self.summary_is_due(&key.filename);
    }

    fn remove(&self, key: &CopyId) {
        self.rooms.places.release(key);
        self.leave_out(key);
        self.report(key, Ok(()), Work::Removed);
    }

    /// The summary does not wait for that: it is written before any export.
    fn export_is_due(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) {
        if self.is_exported(key, version, whole) {
            self.keep_files(key, version);
            return self.report(key, Ok(()), Work::Export(None));
        }
        let now = Instant::now();
        let due = self.exports.due(key, self.every).unwrap_or(now);
        // While a crowd waits to be looked at, memory is for them; the file is read again.
        let held = (!self.queue.is_pressed()).then(|| (version, whole.clone()));
        let lane = Lane::Copy(key.clone());
        self.queue.push(lane, Work::Export(held), due.max(now));
    }

    fn export(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        if !self.align(key) || self.is_exported(key, version, whole) {
            return self.report(key, Ok(()), Work::Export(None));
        }
        let written = self.write_export(key, &folder, version, whole);
        self.come_back(&key.user);
        self.report(key, written, Work::Export(None));
    }

    fn write_export(
        &self,
        key: &CopyId,
        folder: &str,
        version: Fingerprint,
        whole: &NotebookBytes,
    ) -> io::Result<()> {
        let size = whole.bytes().len() as u64;
        // What finds no room without its document is not worth making one.
        if !self.may_have_room_for(key, version, size) {
            self.has_room_for(key, version, [size; 2]);
            self.drop_files(key);
            return Ok(());
        }
        self.folder.reserve().check(2 * size)?;
        let _turn = self.copies.lanes().turn(size);
        let source = Source {
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
        let has_news = exports.write(&self.folder, folder, key, source, rendered)?;
        self.note_export(key, true);
        self.align_others(key);
        if has_news {
            self.tell(&key.filename, Some(&key.user));
        }
        Ok(())
    }

    fn is_exported(&self, key: &CopyId, version: Fingerprint, whole: &NotebookBytes) -> bool {
        let size = whole.bytes().len() as u64;
        let folder = layout::folder_of(&key.filename);
        folder.is_some_and(|folder| Exports::is_fresh(&self.folder, &folder, key, version, size))
    }

    pub(super) fn summary_is_due(&self, filename: &str) {
        let last = self.summarised.lock().get(filename).copied();
        let now = Instant::now();
        let due = last.map_or(now, |last| now.max(last.at + self.every));
        let lane = Lane::Summary(filename.to_owned());
        self.queue.push(lane, Work::Summarise, due);
    }

    /// A part of it has given way, and that is to be seen on the disk at once.
    pub(super) fn summary_shrinks(&self, filename: &str) {
        let lane = Lane::Summary(filename.to_owned());
        self.queue.push(lane, Work::Shrink, Instant::now());
    }

    pub(super) fn summarise(&self, filename: &str) {
        let Some(folder) = layout::folder_of(filename) else {
            return;
        };
        let summary = self.known.summary(filename);
        let written = match &summary {
            Some(summary) => self.write_summary(&folder, filename, summary),
            None => {
                self.summarised.lock().remove(filename);
                [HTML, IPYNB]
                    .iter()
                    .try_for_each(|ending| self.folder.remove(&layout::summary(&folder, ending)))
            }
        };
        // A summary is nobody's own.
        let key = CopyId {
            filename: filename.to_owned(),
            user: String::new(),
        };
        self.report(&key, written, Work::Summarise);
    }

    fn write_summary(&self, folder: &str, filename: &str, summary: &Summary) -> io::Result<()> {
        let remember = |edition| {
            let at = Instant::now();
            self.summarised
                .lock()
                .insert(filename.to_owned(), Summarised { at, edition })
        };
        // Until both are written nobody knows what is there.
        let before = remember(None).and_then(|before| before.edition);
        let now = summary.edition;
        let write = |ending, before: Option<u64>, now: u64, fill: &Fill<'_>| {
            let place = layout::summary(folder, ending);
            let is_there = || self.folder.version(&place).is_some();
            let made = match before {
                Some(before) if before == now && is_there() => return Ok(false),
                Some(_) => Made::Different,
                None => Made::OfMany,
            };
            let written = self.folder.write(&place, made, fill)?;
            Ok::<_, io::Error>(written.is_news)
        };
        // Of a whole class each is ten megabytes, which the kernel takes time to take.
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
            self.tell(filename, None);
        }
        Ok(())
    }

    pub(super) fn tell(&self, filename: &str, user: Option<&str>) {
        if let Some(news) = &self.news {
            news.tell(filename, user);
        }
    }

    /// Remembers what could not be done, and that it is to be tried again.
    fn report(&self, key: &CopyId, done: io::Result<()>, work: Work) {
        let Err(error) = done else {
            self.failures().remove(key);
            return;
        };
        let told = format!("cannot be written: {error}");
        let before = self.failures().insert(key.clone(), told);
        // That there is no room is said once, and not of each notebook.
        if before.is_none() && !self.folder.reserve().is_reached() {
            let CopyId { filename, user } = key;
            let (filename, user) = (loggable(filename), loggable(user));
            tracing::warn!(%error, %filename, %user, "a build cannot be written; trying again");
        }
        let lane = match work {
            Work::Summarise => Lane::Summary(key.filename.clone()),
            _ => Lane::Copy(key.clone()),
        };
        self.queue
            .push_again(lane, work, Instant::now() + TRY_AGAIN);
    }
}
