//! From an observer of the class to the store: one thread that records what was saved,
//! several versions in one transaction, and tidies up when there is nothing to record.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use metrics::{counter, gauge};
use shared::notebook::Notebook;

use super::{
    Bounds, HistoryError, HistoryStore, Save,
    align::{self, Counts, Outline},
    queue::{Pending, Queue},
};
use crate::{
    class::{Content, Key, Observer, Revision},
    homes::{HomesTemplate, read_notebook},
    time,
};

/// Versions that wait for the disk take up at most this, in bytes.
const ROOM: usize = 64 << 20;
/// Versions in one transaction.
const BATCH: usize = 64;
/// Until it is looked again whether something has to be tidied up.
const IDLE: Duration = Duration::from_secs(10);
/// Until a store that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Records every version that the class reads. See the module's words.
pub struct Recorder {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the thread. Notebooks that have to be read again are read below `homes`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        store: Arc<dyn HistoryStore>,
        homes: HomesTemplate,
        bounds: Bounds,
    ) -> anyhow::Result<Self> {
        let queue = Arc::new(Queue::new(ROOM));
        let work = Writer {
            queue: Arc::clone(&queue),
            store,
            homes,
            bounds,
            outlines: HashMap::new(),
        };
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || work.run())
            .context("cannot start the recorder of histories")?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Records what is waiting and ends. What is told after this is not recorded.
    pub fn finish(&self) {
        self.queue.close();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
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
            content: content.clone(),
        });
        if !kept {
            counter!("pipalhub_history_skipped_total").increment(1);
        }
    }

    // What was is still worth looking at.
    fn removed(&self, _key: &Key) {}
}

struct Writer {
    queue: Arc<Queue>,
    store: Arc<dyn HistoryStore>,
    homes: HomesTemplate,
    bounds: Bounds,
    /// The cells of the newest version of each notebook, in brief.
    outlines: HashMap<Key, Outline>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let work = self.queue.take(BATCH, IDLE);
            let mut pending = work.pending;
            pending.extend(work.missed.into_iter().filter_map(|key| self.read(key)));
            let mut outcome = self.record(&pending);
            if outcome.is_ok() && !work.last {
                outcome = self.tidy();
            }
            if let Err(error) = outcome {
                counter!("pipalhub_history_failures_total").increment(1);
                tracing::warn!(%error, "versions of notebooks are not recorded");
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
    fn read(&self, key: Key) -> Option<Pending> {
        let home = self.homes.home_of(&key.user)?;
        let (version, bytes) = read_notebook(&home, &key.filename, None).ok()?;
        let bytes = bytes?;
        // Half a file is told of when it is whole.
        let notebook = Notebook::parse(&bytes).ok()?.notebook;
        Some(Pending {
            key,
            saved_at_ms: version.modified_ms(),
            content: Content {
                notebook: Arc::new(notebook),
                bytes: Arc::new(bytes),
            },
        })
    }

    fn record(&mut self, pending: &[Pending]) -> Result<(), HistoryError> {
        if pending.is_empty() {
            return Ok(());
        }
        let noted_at_ms = time::now_ms();
        let mut saves = Vec::with_capacity(pending.len());
        for Pending {
            key,
            saved_at_ms,
            content,
        } in pending
        {
            saves.push(Save {
                key,
                // A participant's clock may be ahead of ours.
                saved_at_ms: (*saved_at_ms).min(noted_at_ms),
                noted_at_ms,
                cells: content.notebook.len(),
                counts: self.counts(key, &content.notebook)?,
                bytes: &content.bytes,
            });
        }
        let added = self.store.add(&saves).inspect_err(|_| {
            // They are ahead of the store now.
            for pending in pending {
                self.outlines.remove(&pending.key);
            }
        })?;
        counter!("pipalhub_history_versions_total").increment(added as u64);
        Ok(())
    }

    /// What is new in `notebook`, and remembers it for the next time.
    fn counts(&mut self, key: &Key, notebook: &Notebook) -> Result<Counts, HistoryError> {
        let new = align::outline(notebook);
        let old = match self.outlines.remove(key) {
            Some(outline) => outline,
            None => newest_outline(&*self.store, key)?,
        };
        let counts = align::count(&old, &new);
        self.outlines.insert(key.clone(), new);
        Ok(counts)
    }

    fn tidy(&self) -> Result<(), HistoryError> {
        while self.queue.is_empty() && self.store.tidy(&self.bounds, time::now_ms())? {}
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("pipalhub_history_size_bytes").set(self.store.size()? as f64);
        Ok(())
    }
}

/// The cells of the newest version that is stored; none when there is none.
fn newest_outline(store: &dyn HistoryStore, key: &Key) -> Result<Outline, HistoryError> {
    let newest = store.versions(key, None, 1)?;
    let Some(newest) = newest.first() else {
        return Ok(Outline::new());
    };
    let bytes = store.bytes(key, newest.id)?.unwrap_or_default();
    let parsed = Notebook::parse(&bytes).ok();
    Ok(parsed.map_or_else(Outline::new, |parsed| align::outline(&parsed.notebook)))
}
