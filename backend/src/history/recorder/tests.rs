//! Tests of the recorder.

use std::{
    fs,
    sync::{
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
};

use super::*;
use crate::{
    class::Class,
    history::{SqliteHistory, Version},
    homes::HomesTemplate,
    lanes::{LaneTimeouts, PersonLanes},
    reserve::Reserve,
};

/// A store that fails to add a number of times, or cannot be read.
struct FailingStore {
    inner: SqliteHistory,
    failures: AtomicUsize,
    unreadable: AtomicBool,
}

impl HistoryStore for FailingStore {
    fn add(&self, saves: &[NewVersion<'_>]) -> Result<Vec<bool>, HistoryError> {
        let left = self.failures.load(Ordering::SeqCst);
        if left > 0 {
            self.failures.store(left - 1, Ordering::SeqCst);
            return Err(HistoryError::Engine("the disk is full".to_owned()));
        }
        self.inner.add(saves)
    }

    fn versions(
        &self,
        key: &CopyId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Version>, HistoryError> {
        self.inner.versions(key, before, limit)
    }

    fn version(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError> {
        self.inner.version(key, id)
    }

    fn next(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError> {
        self.inner.next(key, id)
    }

    fn versions_of_all(
        &self,
        filename: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, HistoryError> {
        self.inner.versions_of_all(filename, after, limit)
    }

    fn newest(&self) -> Result<i64, HistoryError> {
        self.inner.newest()
    }

    fn length(&self, key: &CopyId, id: i64) -> Result<Option<u64>, HistoryError> {
        self.inner.length(key, id)
    }

    fn bytes(&self, key: &CopyId, id: i64) -> Result<Option<Vec<u8>>, HistoryError> {
        if self.unreadable.load(Ordering::SeqCst) {
            return Err(HistoryError::Engine(
                "the disk answers with errors".to_owned(),
            ));
        }
        self.inner.bytes(key, id)
    }

    fn tidy(&self, retention: &Retention, now_ms: i64) -> Result<bool, HistoryError> {
        self.inner.tidy(retention, now_ms)
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

struct RecordedClass {
    folder: tempfile::TempDir,
    store: Arc<FailingStore>,
    recorder: Arc<Recorder>,
    class: Class,
}

fn scene(failures: usize) -> RecordedClass {
    scene_of(failures, |store, _| store)
}

fn scene_of(
    failures: usize,
    with: impl FnOnce(SqliteHistory, &std::path::Path) -> SqliteHistory,
) -> RecordedClass {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("ana")).unwrap();
    let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
        .parse()
        .unwrap();
    let path = folder.path().join("history.sqlite3");
    let store = Arc::new(FailingStore {
        inner: with(SqliteHistory::open(&path).unwrap(), &path),
        failures: AtomicUsize::new(failures),
        unreadable: AtomicBool::new(false),
    });
    let retention = Retention::new(30, 1 << 30);
    let announcements = Announcements::default();
    let recorder = Recorder::start(
        Arc::clone(&store) as _,
        homes.clone(),
        retention,
        announcements,
        Vec::new(),
    )
    .unwrap();
    let recorder = Arc::new(recorder);
    let class = Class::new(homes, TailLimits::default()).observed_by(Arc::clone(&recorder) as _);
    RecordedClass {
        folder,
        store,
        recorder,
        class,
    }
}

impl RecordedClass {
    fn save(&self, source: &str) -> CopyId {
        let file = self.folder.path().join("ana/a.ipynb");
        let cell = serde_json::json!({"cell_type": "raw", "source": source});
        fs::write(&file, serde_json::json!({"cells": [cell]}).to_string()).unwrap();
        let key = self.class.copies().copy_at(file.to_str().unwrap()).unwrap();
        self.class.scan_homes(|_| true);
        self.class.read_all(1);
        key
    }
}

#[test]
fn versions_queued_before_the_end_are_recorded() {
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
fn a_failed_store_gets_the_version_later() {
    let scene = scene(1);
    let key = scene.save("kept");
    let begin = Instant::now();
    let newest = loop {
        if let Some(newest) = scene.store.versions(&key, None, 1).unwrap().first() {
            break *newest;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(180),
            "it is tried again"
        );
        thread::sleep(Duration::from_millis(10));
    };
    let bytes = scene.store.bytes(&key, newest.id).unwrap().unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("kept"));
}

/// Text that compression makes hardly smaller.
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
fn the_store_of_a_class_that_never_pauses_is_bounded() {
    let scene = scene_of(0, |store, path| store.within(path, 1 << 20, 100, 0));
    let mut largest = 0;
    for number in 0..150 {
        scene.save(&noise(number));
        largest = largest.max(scene.store.size().unwrap());
    }
    scene.recorder.finish();
    largest = largest.max(scene.store.size().unwrap());
    // Beside the quota there are the log and pieces that are not deleted yet; all versions together
    // have 5 MiB.
    assert!(scene.store.note("ana").is_some());
    let log = std::fs::metadata(scene.folder.path().join("history.sqlite3-wal"));
    let file = scene.store.size().unwrap() - log.map_or(0, |log| log.len());
    assert!(file < 3 << 20, "{file} of {largest}");
}

fn pending(filename: &str, sources: &[&str]) -> PendingVersion {
    let cells = sources
        .iter()
        .map(|source| serde_json::json!({"cell_type": "raw", "source": source}));
    let file = serde_json::json!({"cells": cells.collect::<Vec<_>>()}).to_string();
    let content = NotebookContent::parse(file.into_bytes().into(), TailLimits::NONE, None).unwrap();
    PendingVersion {
        key: CopyId {
            filename: filename.to_owned(),
            user: "ana".to_owned(),
        },
        saved_at_ms: 0,
        cells: sources.len(),
        whole: content.whole().clone(),
    }
}

#[test]
fn cell_hashes_are_bounded_and_of_notebooks_with_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite3");
    let store = SqliteHistory::open(&path).unwrap();
    let homes: HomesTemplate = "/nowhere/{user}".parse().unwrap();
    let mut writer = RecorderThread {
        queue: Arc::new(RecorderQueue::new(MAX_QUEUED_BYTES)),
        store: Arc::new(store.within(&path, 1 << 20, 2, 0)),
        copies: homes.into(),
        retention: Retention::new(30, 1 << 30),
        announcements: Announcements::default(),
        followers: Vec::new(),
        cell_hashes: LruCache::new(MAX_REMEMBERED_CELLS),
    };
    let files = ["a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb"];
    writer
        .record(&files.map(|file| pending(file, &["x", "y"])))
        .unwrap();
    assert_eq!(writer.cell_hashes.len(), 2, "the others have no place");
    // Too small for the hashes of either: they are computed again.
    writer.cell_hashes = LruCache::new(1);
    let changed = ["a.ipynb", "b.ipynb"].map(|file| pending(file, &["x", "z"]));
    writer.record(&changed).unwrap();
    assert_eq!(writer.cell_hashes.len(), 0);
    let newest = writer.store.versions(&changed[1].key, None, 1).unwrap();
    assert_eq!(newest[0].counts.changed, 1);
}

/// The counts of a version are not wrong after a failed batch.
#[test]
fn cell_hashes_of_versions_that_were_not_stored_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite3");
    let homes: HomesTemplate = "/nowhere/{user}".parse().unwrap();
    let store = Arc::new(FailingStore {
        inner: SqliteHistory::open(&path).unwrap(),
        failures: AtomicUsize::new(0),
        unreadable: AtomicBool::new(false),
    });
    let mut writer = RecorderThread {
        queue: Arc::new(RecorderQueue::new(MAX_QUEUED_BYTES)),
        store: Arc::clone(&store) as _,
        copies: homes.into(),
        retention: Retention::new(30, 1 << 30),
        announcements: Announcements::default(),
        followers: Vec::new(),
        cell_hashes: LruCache::new(MAX_REMEMBERED_CELLS),
    };
    let both = |sources: &[&str]| ["a.ipynb", "b.ipynb"].map(|file| pending(file, sources));
    writer.record(&both(&["x", "y"])).unwrap();
    // The hashes of the second have to be computed from the store, which fails.
    let [a, b] = both(&["x", "z"]);
    writer.cell_hashes.take(&b.key).unwrap();
    store.unreadable.store(true, Ordering::SeqCst);
    writer.record(&[a, b]).unwrap_err();
    store.unreadable.store(false, Ordering::SeqCst);
    // Nor after the store failed to add.
    store.failures.store(1, Ordering::SeqCst);
    writer.record(&both(&["x", "z"])).unwrap_err();
    let again = both(&["x", "z"]);
    writer.record(&again).unwrap();
    for PendingVersion { key, .. } in &again {
        let newest = store.versions(key, None, 1).unwrap();
        assert_eq!(newest[0].counts.changed, 1, "{key:?}");
    }
}

#[test]
fn other_participants_versions_do_not_wait_for_a_busy_lane() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteHistory::open(&folder.path().join("history.sqlite3")).unwrap();
    let hour = Duration::from_secs(3_600);
    let timeouts = LaneTimeouts {
        running: hour,
        waiting: hour,
    };
    let lanes = PersonLanes::new(2, timeouts);
    // The job ends when the sender is dropped.
    let (busy, end) = mpsc::channel::<()>();
    lanes.submit_detached("mallory", move || {
        let _ = end.recv();
    });
    let homes = format!("{}/{{user}}", folder.path().display());
    let reader = Copies::in_lanes(homes.parse().unwrap(), lanes);
    let store = Arc::new(store);
    let retention = Retention::new(30, 1 << 30);
    let recorder = Recorder::start(
        Arc::clone(&store) as _,
        reader,
        retention,
        Announcements::default(),
        Vec::new(),
    )
    .unwrap();
    // Dropped before the recorder, which waits for its thread.
    let busy = busy;
    let key = CopyId {
        filename: "a.ipynb".to_owned(),
        user: "mallory".to_owned(),
    };
    recorder.queue.read_again([key]);
    let saved = pending("a.ipynb", &["x"]);
    let key = saved.key.clone();
    assert!(recorder.queue.push(saved));
    let deadline = Instant::now() + Duration::from_secs(180);
    while store.versions(&key, None, 1).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "it is recorded meanwhile");
        thread::sleep(Duration::from_millis(10));
    }
    drop(busy);
}

#[test]
fn versions_that_are_too_old_make_room_below_the_reserve() {
    let versions = [["x"], ["y"]].map(|sources| pending("old.ipynb", &sources));
    let reserve = Reserve::on(Arc::new(AtomicU64::new(0)), 1 << 20);
    let scene = scene_of(0, |store, _| {
        for PendingVersion { key, whole, .. } in &versions {
            let save = NewVersion {
                key,
                saved_at_ms: 1,
                noted_at_ms: 1,
                cells: 1,
                counts: CellChanges::default(),
                bytes: whole.bytes(),
            };
            assert_eq!(store.add(&[save]).unwrap(), [true]);
        }
        store.with_reserve(reserve)
    });
    scene.save("has no room");
    let deadline = Instant::now() + Duration::from_secs(180);
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
fn versions_wait_below_the_reserve_and_none_is_lost() {
    let free = Arc::new(AtomicU64::new(0));
    let reserve = Reserve::on(Arc::clone(&free), 1 << 20);
    let scene = scene_of(0, |store, _| store.with_reserve(reserve));
    let key = scene.save("kept");
    let deadline = Instant::now() + Duration::from_secs(180);
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
