//! From an observer of the class to the store: one thread that records what was saved,
//! several versions in one transaction, and tidies up when there is nothing to record.

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
    asides::{RECORDED, Recorded},
    notebook::End,
};

use super::{
    Bounds, HistoryError, HistoryStore, Save,
    align::{self, Counts, Outline},
    queue::{Pending, Queue},
    recent::Recent,
};
use crate::{
    background,
    class::{CopyId, NotebookContent, Observer, Revision, TailLimits},
    copies::Copies,
    feed::{Asides, Audience},
    time,
};

#[cfg(test)]
mod tests;

/// Versions that wait for the disk take up at most this, in bytes.
const ROOM: usize = 8 << 20;
/// Versions in one transaction.
const BATCH: usize = 16;
/// Bytes of versions in one transaction, and one more version.
const TURN: usize = 1 << 20;
/// The outlines that are remembered have so many cells together, at most.
const MOST_MARKS: usize = 400_000;
/// Until it is looked again whether something has to be tidied up.
const IDLE: Duration = Duration::from_secs(10);
/// So long others wait for a participant's disk.
const PATIENCE: Duration = Duration::from_secs(1);
/// Until a notebook whose disk does not answer is read again.
const LATER: Duration = Duration::from_secs(10);
/// Until a store that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Records every version that the class reads. See the module's words.
pub struct Recorder {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the thread. Notebooks that have to be read again are read from `copies`, and
    /// what is recorded is said in `asides`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        store: Arc<dyn HistoryStore>,
        copies: impl Into<Copies>,
        bounds: Bounds,
        asides: Asides,
    ) -> anyhow::Result<Self> {
        let queue = Arc::new(Queue::new(ROOM));
        let work = Writer {
            queue: Arc::clone(&queue),
            store,
            copies: copies.into(),
            bounds,
            asides,
            outlines: Recent::new(MOST_MARKS),
        };
        let thread = background::spawn("history", move || work.run())
            .context("cannot start the recorder of histories")?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Records what is waiting and ends. What is told after this is not recorded.
    pub fn finish(&self) {
        self.queue.close();
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // One that has panicked said so itself.
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
        let kept = self.queue.push(Pending {
            key: revision.key.clone(),
            saved_at_ms: version.modified_ms(),
            cells: content.end().total_cells,
            whole: content.whole().clone(),
        });
        if !kept {
            counter!("pipalhub_history_skipped_total").increment(1);
        }
    }

    // What was is still worth looking at.
    fn removed(&self, _key: &CopyId) {}
}

struct Writer {
    queue: Arc<Queue>,
    store: Arc<dyn HistoryStore>,
    copies: Copies,
    bounds: Bounds,
    asides: Asides,
    /// The cells of the newest versions of notebooks, in brief. What is forgotten is found
    /// again in the store.
    outlines: Recent<Outline>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let work = self.queue.take(BATCH, IDLE);
            if self.store.check_room(0).is_err() {
                // Their files are read again when there is room; the store has said so.
                let keys = work.pending.into_iter().map(|pending| pending.key);
                self.queue.miss(keys.chain(work.missed));
                if work.last || self.queue.is_closed() {
                    return;
                }
                self.make_room();
                continue;
            }
            let mut pending = work.pending;
            pending.extend(work.missed.into_iter().filter_map(|key| self.read(key)));
            let mut outcome = self.record_in_turns(&pending);
            if outcome.is_ok() && !work.last {
                outcome = self.tidy();
            }
            if let Err(error) = outcome {
                counter!("pipalhub_history_failures_total").increment(1);
                // That there is no room was said by who looked.
                if !matches!(error, HistoryError::NoRoom(_)) {
                    tracing::warn!(%error, "versions of notebooks are not recorded");
                }
                if !work.last {
                    let keys = pending.into_iter().map(|pending| pending.key);
                    self.queue.miss(keys);
                    thread::sleep(TRY_AGAIN);
                }
            }
            if work.last {
                return;
            }
        }
    }

    /// A notebook as it is now.
    fn read(&self, key: CopyId) -> Option<Pending> {
        let read = self.copies.read_within(&key, PATIENCE);
        let (version, file) = match read {
            Ok(read) => read?,
            Err(_) => {
                // Perhaps the disk answers again by then.
                self.queue.miss_for(key, LATER);
                return None;
            }
        };
        let _turn = self.copies.lanes().turn(version.size());
        // Half a file is told of when it is whole.
        let content = NotebookContent::parse(file, TailLimits::NONE, None).ok()?;
        Some(Pending {
            key,
            saved_at_ms: version.modified_ms(),
            cells: content.end().total_cells,
            whole: content.whole().clone(),
        })
    }

    /// Records a little at a time, so that the log stays short, and what somebody has too much
    /// goes before there is more.
    fn record_in_turns(&mut self, pending: &[Pending]) -> Result<(), HistoryError> {
        let mut left = pending;
        while !left.is_empty() {
            let mut bytes = 0;
            let turn = left.iter().take_while(|pending| {
                let fits = bytes < TURN;
                bytes += pending.whole.bytes().len();
                fits
            });
            let (turn, rest) = left.split_at(turn.count());
            self.record(turn)?;
            while self.store.is_urgent() && self.store.tidy(&self.bounds, time::now_ms())? {}
            left = rest;
        }
        Ok(())
    }

    fn record(&mut self, pending: &[Pending]) -> Result<(), HistoryError> {
        if pending.is_empty() {
            return Ok(());
        }
        let noted_at_ms = time::now_ms();
        let mut saves = Vec::with_capacity(pending.len());
        // Until they are stored they are ahead of the store.
        let mut outlines = HashMap::new();
        for Pending {
            key,
            saved_at_ms,
            cells,
            whole,
        } in pending
        {
            saves.push(Save {
                key,
                // A participant's clock may be ahead of ours.
                saved_at_ms: (*saved_at_ms).min(noted_at_ms),
                noted_at_ms,
                cells: *cells,
                counts: self.counts(&mut outlines, key, whole.map_cells(align::mark))?,
                bytes: whole.bytes(),
            });
        }
        let added = self.store.add(&saves)?;
        let added = pending.iter().zip(added).filter(|(_, is_new)| *is_new);
        let keys: Vec<&CopyId> = added.map(|(pending, _)| &pending.key).collect();
        counter!("pipalhub_history_versions_total").increment(keys.len() as u64);
        let keys: BTreeSet<&CopyId> = keys.into_iter().collect();
        for (key, outline) in outlines {
            // Nor is anything remembered of what had no place.
            let versions = self.store.versions(key, None, 1);
            if keys.contains(key) || versions.is_ok_and(|versions| !versions.is_empty()) {
                self.outlines.put(key.clone(), outline.len(), outline);
            }
        }
        self.tell(keys);
        Ok(())
    }

    /// Says that these notebooks have new versions.
    fn tell(&self, keys: BTreeSet<&CopyId>) {
        for CopyId { filename, user } in keys.into_iter().cloned() {
            let audience = Audience::MaySee(user.clone());
            self.asides
                .say(audience, RECORDED, &Recorded { filename, user });
        }
    }

    /// What `new` has that the version before had not, which may be one of `outlines`; it is
    /// there afterwards.
    fn counts<'a>(
        &mut self,
        outlines: &mut HashMap<&'a CopyId, Outline>,
        key: &'a CopyId,
        new: Outline,
    ) -> Result<Counts, HistoryError> {
        let old = match outlines.remove(key).or_else(|| self.outlines.take(key)) {
            Some(outline) => outline,
            None => newest_outline(&*self.store, key)?,
        };
        let counts = align::count(&old, &new);
        outlines.insert(key, new);
        Ok(counts)
    }

    /// Removes what is too much already, and waits when that is not enough.
    fn make_room(&self) {
        let until = Instant::now() + TRY_AGAIN;
        loop {
            match self.store.tidy(&self.bounds, time::now_ms()) {
                Ok(true) if Instant::now() < until => {}
                Ok(true) => return,
                // One that cannot even remove is tried again with the rest.
                Ok(false) | Err(_) => break,
            }
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn tidy(&self) -> Result<(), HistoryError> {
        // A step after each batch in any case: a class that never pauses is bounded too.
        while self.store.tidy(&self.bounds, time::now_ms())?
            && (self.queue.is_empty() || self.store.is_urgent())
        {}
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("pipalhub_history_size_bytes").set(self.store.size()? as f64);
        Ok(())
    }
}

/// The cells of the newest version that is stored; none when there is none.
fn newest_outline(store: &dyn HistoryStore, key: &CopyId) -> Result<Outline, HistoryError> {
    let newest = store.versions(key, None, 1)?;
    let Some(newest) = newest.first() else {
        return Ok(Outline::new());
    };
    let bytes = store.bytes(key, newest.id)?.unwrap_or_default();
    Ok(End::map_cells(&bytes, align::mark).unwrap_or_default())
}
