//! From an observer of the class to the store: one thread that records what was saved,
//! several versions in one transaction, and tidies up when there is nothing to record.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

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
    class::{Content, Key, Observer, Revision, TailLimits},
    feed::{Asides, Audience},
    homes::Reader,
    time,
};

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
    /// Starts the thread. Notebooks that have to be read again are read by `reader`, and
    /// what is recorded is said in `asides`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        store: Arc<dyn HistoryStore>,
        reader: impl Into<Reader>,
        bounds: Bounds,
        asides: Asides,
    ) -> anyhow::Result<Self> {
        let queue = Arc::new(Queue::new(ROOM));
        let work = Writer {
            queue: Arc::clone(&queue),
            store,
            reader: reader.into(),
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
            cells: content.end().total_cells,
            whole: content.whole().clone(),
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
    reader: Reader,
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
    fn read(&self, key: Key) -> Option<Pending> {
        let read = self.reader.read_within(&key.user, &key.filename, PATIENCE);
        let (version, file) = match read {
            Ok(read) => read?,
            Err(_) => {
                // Perhaps the disk answers again by then.
                self.queue.miss_for(key, LATER);
                return None;
            }
        };
        let _turn = self.reader.lanes().turn(version.size());
        // Half a file is told of when it is whole.
        let content = Content::parse(file, TailLimits::NONE, None).ok()?;
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
        let keys: Vec<&Key> = added.map(|(pending, _)| &pending.key).collect();
        counter!("pipalhub_history_versions_total").increment(keys.len() as u64);
        let keys: BTreeSet<&Key> = keys.into_iter().collect();
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
    fn tell(&self, keys: BTreeSet<&Key>) {
        for Key { filename, user } in keys.into_iter().cloned() {
            let audience = Audience::MaySee(user.clone());
            self.asides
                .say(audience, RECORDED, &Recorded { filename, user });
        }
    }

    /// What `new` has that the version before had not, which may be one of `outlines`; it is
    /// there afterwards.
    fn counts<'a>(
        &mut self,
        outlines: &mut HashMap<&'a Key, Outline>,
        key: &'a Key,
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
fn newest_outline(store: &dyn HistoryStore, key: &Key) -> Result<Outline, HistoryError> {
    let newest = store.versions(key, None, 1)?;
    let Some(newest) = newest.first() else {
        return Ok(Outline::new());
    };
    let bytes = store.bytes(key, newest.id)?.unwrap_or_default();
    Ok(End::map_cells(&bytes, align::mark).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{
            atomic::{AtomicU64, AtomicUsize, Ordering},
            mpsc,
        },
    };

    use super::*;
    use crate::{
        class::Class,
        history::{SqliteHistory, Version},
        homes::HomesTemplate,
        lanes::{Lanes, Patience},
        reserve::Reserve,
    };

    /// A store whose disk is full for the first few times.
    struct Full {
        inner: SqliteHistory,
        failures: AtomicUsize,
    }

    impl HistoryStore for Full {
        fn add(&self, saves: &[Save<'_>]) -> Result<Vec<bool>, HistoryError> {
            let left = self.failures.load(Ordering::SeqCst);
            if left > 0 {
                self.failures.store(left - 1, Ordering::SeqCst);
                return Err(HistoryError::Engine("the disk is full".to_owned()));
            }
            self.inner.add(saves)
        }

        fn versions(
            &self,
            key: &Key,
            before: Option<i64>,
            limit: usize,
        ) -> Result<Vec<Version>, HistoryError> {
            self.inner.versions(key, before, limit)
        }

        fn version(&self, key: &Key, id: i64) -> Result<Option<Version>, HistoryError> {
            self.inner.version(key, id)
        }

        fn next(&self, key: &Key, id: i64) -> Result<Option<Version>, HistoryError> {
            self.inner.next(key, id)
        }

        fn bytes(&self, key: &Key, id: i64) -> Result<Option<Vec<u8>>, HistoryError> {
            self.inner.bytes(key, id)
        }

        fn tidy(&self, bounds: &Bounds, now_ms: i64) -> Result<bool, HistoryError> {
            self.inner.tidy(bounds, now_ms)
        }

        fn size(&self) -> Result<u64, HistoryError> {
            self.inner.size()
        }

        fn check_room(&self, bytes: u64) -> Result<(), HistoryError> {
            self.inner.check_room(bytes)
        }

        fn is_urgent(&self) -> bool {
            self.inner.is_urgent()
        }

        fn note(&self, user: &str) -> Option<String> {
            self.inner.note(user)
        }
    }

    struct Scene {
        folder: tempfile::TempDir,
        store: Arc<Full>,
        recorder: Arc<Recorder>,
        class: Class,
    }

    fn scene(failures: usize) -> Scene {
        scene_of(failures, |store, _| store)
    }

    fn scene_of(
        failures: usize,
        with: impl FnOnce(SqliteHistory, &std::path::Path) -> SqliteHistory,
    ) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("ana")).unwrap();
        let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
            .parse()
            .unwrap();
        let path = folder.path().join("history.sqlite3");
        let store = Arc::new(Full {
            inner: with(SqliteHistory::open(&path).unwrap(), &path),
            failures: AtomicUsize::new(failures),
        });
        let bounds = Bounds::new(30, 1 << 30);
        let asides = Asides::default();
        let recorder =
            Recorder::start(Arc::clone(&store) as _, homes.clone(), bounds, asides).unwrap();
        let recorder = Arc::new(recorder);
        let class =
            Class::new(homes, TailLimits::default()).observed_by(Arc::clone(&recorder) as _);
        Scene {
            folder,
            store,
            recorder,
            class,
        }
    }

    impl Scene {
        fn save(&self, source: &str) -> Key {
            let file = self.folder.path().join("ana/a.ipynb");
            let cell = serde_json::json!({"cell_type": "raw", "source": source});
            fs::write(&file, serde_json::json!({"cells": [cell]}).to_string()).unwrap();
            let key = self.class.key_of(file.to_str().unwrap()).unwrap();
            self.class.look_around(|_| true);
            self.class.read_all(1);
            key
        }
    }

    #[test]
    fn what_was_told_before_the_end_is_recorded() {
        let scene = scene(0);
        let mut key = None;
        for number in 0..20 {
            key = Some(scene.save(&number.to_string().repeat(number + 1)));
        }
        scene.recorder.finish();
        let versions = scene.store.versions(&key.unwrap(), None, 100).unwrap();
        assert_eq!(versions.len(), 20);
        assert_eq!(versions[0].counts.changed, 1);
    }

    #[test]
    fn a_store_that_failed_gets_what_is_there_then() {
        let scene = scene(1);
        let key = scene.save("kept");
        let begin = Instant::now();
        let newest = loop {
            if let Some(newest) = scene.store.versions(&key, None, 1).unwrap().first() {
                break *newest;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "it is tried again"
            );
            thread::sleep(Duration::from_millis(10));
        };
        let bytes = scene.store.bytes(&key, newest.id).unwrap().unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("kept"));
    }

    /// Text that no compression makes much smaller.
    fn noise(seed: u64) -> String {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let word = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            format!("{state:016x}")
        };
        (0..4_096).map(word).collect()
    }

    #[test]
    fn a_class_that_never_pauses_is_bounded_all_the_same() {
        let scene = scene_of(0, |store, path| store.within(path, 1 << 20, 100, 0));
        let mut largest = 0;
        for number in 0..150 {
            scene.save(&noise(number));
            largest = largest.max(scene.store.size().unwrap());
        }
        scene.recorder.finish();
        largest = largest.max(scene.store.size().unwrap());
        // The log and what is still to be collected beside the quota; all together is 5 MiB.
        assert!(scene.store.note("ana").is_some());
        let log = std::fs::metadata(scene.folder.path().join("history.sqlite3-wal"));
        let file = scene.store.size().unwrap() - log.map_or(0, |log| log.len());
        assert!(file < 3 << 20, "{file} of {largest}");
    }

    fn pending(filename: &str, sources: &[&str]) -> Pending {
        let cells = sources
            .iter()
            .map(|source| serde_json::json!({"cell_type": "raw", "source": source}));
        let file = serde_json::json!({"cells": cells.collect::<Vec<_>>()}).to_string();
        let content = Content::parse(file.into_bytes().into(), TailLimits::NONE, None).unwrap();
        Pending {
            key: Key {
                filename: filename.to_owned(),
                user: "ana".to_owned(),
            },
            saved_at_ms: 0,
            cells: sources.len(),
            whole: content.whole().clone(),
        }
    }

    #[test]
    fn outlines_are_bounded_and_of_what_has_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite3");
        let store = SqliteHistory::open(&path).unwrap();
        let homes: HomesTemplate = "/nowhere/{user}".parse().unwrap();
        let mut writer = Writer {
            queue: Arc::new(Queue::new(ROOM)),
            store: Arc::new(store.within(&path, 1 << 20, 2, 0)),
            reader: homes.into(),
            bounds: Bounds::new(30, 1 << 30),
            asides: Asides::default(),
            outlines: Recent::new(MOST_MARKS),
        };
        let files = ["a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb"];
        writer
            .record(&files.map(|file| pending(file, &["x", "y"])))
            .unwrap();
        assert_eq!(writer.outlines.len(), 2, "the others have no place");
        // Too little for either: they are found again.
        writer.outlines = Recent::new(1);
        let changed = ["a.ipynb", "b.ipynb"].map(|file| pending(file, &["x", "z"]));
        writer.record(&changed).unwrap();
        assert_eq!(writer.outlines.len(), 0);
        let newest = writer.store.versions(&changed[1].key, None, 1).unwrap();
        assert_eq!(newest[0].counts.changed, 1);
    }

    #[test]
    fn the_others_do_not_wait_for_a_lane_that_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteHistory::open(&folder.path().join("history.sqlite3")).unwrap();
        let hour = Duration::from_secs(3_600);
        let patience = Patience {
            running: hour,
            waiting: hour,
        };
        let lanes = Lanes::new(2, patience);
        // Until the sender is gone.
        let (busy, end) = mpsc::channel::<()>();
        lanes.put("mallory", move || drop(end.recv()));
        let homes = format!("{}/{{user}}", folder.path().display());
        let reader = Reader::in_lanes(homes.parse().unwrap(), lanes);
        let store = Arc::new(store);
        let bounds = Bounds::new(30, 1 << 30);
        let recorder =
            Recorder::start(Arc::clone(&store) as _, reader, bounds, Asides::default()).unwrap();
        let key = Key {
            filename: "a.ipynb".to_owned(),
            user: "mallory".to_owned(),
        };
        recorder.queue.miss([key]);
        let saved = pending("a.ipynb", &["x"]);
        let key = saved.key.clone();
        assert!(recorder.queue.push(saved));
        let deadline = Instant::now() + Duration::from_secs(60);
        while store.versions(&key, None, 1).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it is recorded meanwhile");
            thread::sleep(Duration::from_millis(10));
        }
        drop(busy);
    }

    #[test]
    fn below_the_reserve_what_is_too_old_makes_room() {
        let versions = [["x"], ["y"]].map(|sources| pending("old.ipynb", &sources));
        let reserve = Reserve::on(Arc::new(AtomicU64::new(0)), 1 << 20);
        let scene = scene_of(0, |store, _| {
            for Pending { key, whole, .. } in &versions {
                let save = Save {
                    key,
                    saved_at_ms: 1,
                    noted_at_ms: 1,
                    cells: 1,
                    counts: Counts::default(),
                    bytes: whole.bytes(),
                };
                assert_eq!(store.add(&[save]).unwrap(), [true]);
            }
            store.with_reserve(reserve)
        });
        scene.save("has no room");
        let deadline = Instant::now() + Duration::from_secs(60);
        while scene
            .store
            .versions(&versions[0].key, None, 9)
            .unwrap()
            .len()
            > 1
        {
            assert!(Instant::now() < deadline, "the older goes");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn below_the_reserve_nothing_is_recorded_and_nothing_lost() {
        let free = Arc::new(AtomicU64::new(0));
        let reserve = Reserve::on(Arc::clone(&free), 1 << 20);
        let scene = scene_of(0, |store, _| store.with_reserve(reserve));
        let key = scene.save("kept");
        let deadline = Instant::now() + Duration::from_secs(60);
        while scene.recorder.queue.is_empty() || !scene.recorder.queue.holds_nothing() {
            assert!(Instant::now() < deadline, "it is put aside");
            thread::sleep(Duration::from_millis(10));
        }
        assert!(scene.store.versions(&key, None, 1).unwrap().is_empty());
        free.store(1 << 30, Ordering::Relaxed);
        while scene.store.versions(&key, None, 1).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it is tried again");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
