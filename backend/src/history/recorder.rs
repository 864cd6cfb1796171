//! The recorder: an observer of the class, with one thread that adds saved versions to the store,
//! several in one transaction, and tidies the store when it has nothing to record.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use anyhow::Context;
use metrics::{counter, gauge};
use shared::{
    announcements::{CopyAnnouncement, RECORDED_KIND},
    notebook::NotebookEnd,
};

use super::{
    HistoryError, HistoryFollower, HistoryStore, NewVersion, Retention,
    align::{self, CellChanges, CellHashes},
    lru_cache::LruCache,
    queue::{PendingVersion, RecorderQueue},
};
use crate::{
    background,
    class::{CopyId, NotebookContent, Observer, Revision, TailLimits},
    copies::Copies,
    feed::{Announcements, Recipients},
    time,
};

#[cfg(test)]
mod tests;

/// Bytes of versions that may wait in the queue.
const MAX_QUEUED_BYTES: usize = 8 << 20;
/// Versions taken from the queue at once.
const MAX_BATCH_VERSIONS: usize = 16;
/// Bytes of versions in one transaction, but for the last version.
const MAX_TRANSACTION_BYTES: usize = 1 << 20;
/// Cells of all versions whose hashes are kept in memory.
const MAX_REMEMBERED_CELLS: usize = 400_000;
/// How long the thread waits for a version before it looks again whether to tidy.
const TIDY_INTERVAL: Duration = Duration::from_secs(10);
/// How long other participants' versions wait for the read of one participant's file.
const HOME_READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Delay before a notebook is read again whose disk did not answer.
const HOME_RETRY_DELAY: Duration = Duration::from_secs(10);
/// Delay before a failed store is tried again.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Records every version that the class reads.
pub struct Recorder {
    queue: Arc<RecorderQueue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the thread. Notebooks that found no room in the queue are read again from `copies`,
    /// and `announcements` and the `followers` tell of recorded versions.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        store: Arc<dyn HistoryStore>,
        copies: impl Into<Copies>,
        retention: Retention,
        announcements: Announcements,
        followers: Vec<Arc<dyn HistoryFollower>>,
    ) -> anyhow::Result<Self> {
        let queue = Arc::new(RecorderQueue::new(MAX_QUEUED_BYTES));
        let recorder = RecorderThread {
            queue: Arc::clone(&queue),
            store,
            copies: copies.into(),
            retention,
            announcements,
            followers,
            cell_hashes: LruCache::new(MAX_REMEMBERED_CELLS),
        };
        let thread = background::spawn("history", move || recorder.run())
            .context("cannot start the recorder of histories")?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Records the queued versions and ends the thread. Later versions are not recorded.
    pub fn finish(&self) {
        self.queue.close();
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // A panic of the thread was logged already.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Observer for Recorder {
    fn revised(&self, revision: &Revision) {
        let (Some(version), Ok(content)) = (revision.version, &revision.content) else {
            return;
        };
        let has_room = self.queue.push(PendingVersion {
            key: revision.key.clone(),
            saved_at_ms: version.modified_ms(),
            cells: content.end().total_cells,
            whole: content.whole().clone(),
        });
        if !has_room {
            counter!("pipalhub_history_skipped_total").increment(1);
        }
    }

    // The versions of a deleted notebook are kept.
    fn removed(&self, _key: &CopyId) {}
}

struct RecorderThread {
    queue: Arc<RecorderQueue>,
    store: Arc<dyn HistoryStore>,
    copies: Copies,
    retention: Retention,
    announcements: Announcements,
    followers: Vec<Arc<dyn HistoryFollower>>,
    /// The cell hashes of the newest versions. Those that were removed are computed again from the
    /// store.
    cell_hashes: LruCache<CellHashes>,
}

impl RecorderThread {
    fn run(mut self) {
        loop {
            let batch = self.queue.take(MAX_BATCH_VERSIONS, TIDY_INTERVAL);
            if self.store.check_room(0).is_err() {
                // The files are read again when there is room; the store has logged that there is
                // none.
                let keys = batch.pending.into_iter().map(|pending| pending.key);
                self.queue.read_again(keys.chain(batch.to_read));
                if batch.is_last || self.queue.is_closed() {
                    return;
                }
                self.make_room();
                continue;
            }
            let mut pending = batch.pending;
            pending.extend(batch.to_read.into_iter().filter_map(|key| self.read(key)));
            let mut outcome = self.record_in_turns(&pending);
            if outcome.is_ok() && !batch.is_last {
                outcome = self.tidy();
            }
            if let Err(error) = outcome {
                counter!("pipalhub_history_failures_total").increment(1);
                // The reserve has logged that there is no room.
                if !matches!(error, HistoryError::NoRoom(_)) {
                    tracing::warn!(%error, "versions of notebooks are not recorded");
                }
                if !batch.is_last {
                    let keys = pending.into_iter().map(|pending| pending.key);
                    self.queue.read_again(keys);
                    thread::sleep(STORE_RETRY_DELAY);
                }
            }
            if batch.is_last {
                return;
            }
        }
    }

    /// Reads a notebook as it is now.
    fn read(&self, key: CopyId) -> Option<PendingVersion> {
        let read = self.copies.read_within(&key, HOME_READ_TIMEOUT);
        let (version, file) = match read {
            Ok(read) => read?,
            Err(_) => {
                // The disk may answer by then.
                self.queue.read_again_after(key, HOME_RETRY_DELAY);
                return None;
            }
        };
        let _turn = self.copies.lanes().turn(version.size());
        // An incomplete file is reported again when it is complete.
        let content = NotebookContent::parse(file, TailLimits::NONE, None).ok()?;
        Some(PendingVersion {
            key,
            saved_at_ms: version.modified_ms(),
            cells: content.end().total_cells,
            whole: content.whole().clone(),
        })
    }

    /// Records a few versions at a time, so that the write-ahead log stays short, and versions over
    /// the quota are removed before more are added.
    fn record_in_turns(&mut self, pending: &[PendingVersion]) -> Result<(), HistoryError> {
        let mut left = pending;
        while !left.is_empty() {
            let mut bytes = 0;
            let turn = left.iter().take_while(|pending| {
                let fits = bytes < MAX_TRANSACTION_BYTES;
                bytes += pending.whole.bytes().len();
                fits
            });
            let (turn, rest) = left.split_at(turn.count());
            self.record(turn)?;
            while self.store.is_urgent() && self.store.tidy(&self.retention, time::now_ms())? {}
            left = rest;
        }
        Ok(())
    }

    fn record(&mut self, pending: &[PendingVersion]) -> Result<(), HistoryError> {
        if pending.is_empty() {
            return Ok(());
        }
        let noted_at_ms = time::now_ms();
        let mut saves = Vec::with_capacity(pending.len());
        // Hashes of versions that are not stored yet.
        let mut cell_hashes = HashMap::new();
        for PendingVersion {
            key,
            saved_at_ms,
            cells,
            whole,
        } in pending
        {
            saves.push(NewVersion {
                key,
                // A participant's clock may be ahead of this machine's.
                saved_at_ms: (*saved_at_ms).min(noted_at_ms),
                noted_at_ms,
                cells: *cells,
                counts: self.count_changes(
                    &mut cell_hashes,
                    key,
                    whole.map_cells(align::cell_hash),
                )?,
                bytes: whole.bytes(),
            });
        }
        let added = self.store.add(&saves)?;
        let added = pending.iter().zip(added).filter(|(_, is_new)| *is_new);
        let keys: Vec<&CopyId> = added.map(|(pending, _)| &pending.key).collect();
        counter!("pipalhub_history_versions_total").increment(keys.len() as u64);
        let keys: BTreeSet<&CopyId> = keys.into_iter().collect();
        for (key, hashes) in cell_hashes {
            // A notebook without a place in the quota has no versions, and no hashes are kept.
            let versions = self.store.versions(key, None, 1);
            if keys.contains(key) || versions.is_ok_and(|versions| !versions.is_empty()) {
                self.cell_hashes.put(key.clone(), hashes.len(), hashes);
            }
        }
        self.announce(keys);
        Ok(())
    }

    /// Announces the new versions of these notebooks.
    fn announce(&self, keys: BTreeSet<&CopyId>) {
        let filenames: BTreeSet<&str> = keys.iter().map(|key| &*key.filename).collect();
        for follower in &self.followers {
            filenames.iter().for_each(|it| follower.has_versions(it));
        }
        for CopyId { filename, user } in keys.into_iter().cloned() {
            let recipients = Recipients::MaySee(user.clone());
            self.announcements.send(
                recipients,
                RECORDED_KIND,
                &CopyAnnouncement { filename, user },
            );
        }
    }

    /// Counts the cells that differ between `new` and the version before, whose hashes may be in
    /// `cell_hashes`, and puts the hashes of `new` there.
    fn count_changes<'a>(
        &mut self,
        cell_hashes: &mut HashMap<&'a CopyId, CellHashes>,
        key: &'a CopyId,
        new: CellHashes,
    ) -> Result<CellChanges, HistoryError> {
        let old = match cell_hashes
            .remove(key)
            .or_else(|| self.cell_hashes.take(key))
        {
            Some(hashes) => hashes,
            None => newest_cell_hashes(&*self.store, key)?,
        };
        let counts = align::count_changes(&old, &new);
        cell_hashes.insert(key, new);
        Ok(counts)
    }

    /// Removes versions beyond the retention, and waits when that makes no room.
    fn make_room(&self) {
        let until = Instant::now() + STORE_RETRY_DELAY;
        loop {
            match self.store.tidy(&self.retention, time::now_ms()) {
                Ok(true) if Instant::now() < until => {}
                Ok(true) => return,
                // When versions cannot even be removed, that is tried again later too.
                Ok(false) | Err(_) => break,
            }
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn tidy(&self) -> Result<(), HistoryError> {
        // One step after each batch in any case, so that a class that never pauses is bounded too.
        while self.store.tidy(&self.retention, time::now_ms())?
            && (self.queue.is_empty() || self.store.is_urgent())
        {}
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("pipalhub_history_size_bytes").set(self.store.size()? as f64);
        Ok(())
    }
}

/// The cell hashes of the newest stored version; empty when there is none.
fn newest_cell_hashes(store: &dyn HistoryStore, key: &CopyId) -> Result<CellHashes, HistoryError> {
    let newest = store.versions(key, None, 1)?;
    let Some(newest) = newest.first() else {
        return Ok(CellHashes::new());
    };
    let bytes = store.bytes(key, newest.id)?.unwrap_or_default();
    Ok(NotebookEnd::map_cells(&bytes, align::cell_hash).unwrap_or_default())
}
