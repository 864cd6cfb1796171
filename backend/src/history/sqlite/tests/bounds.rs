//! What one person can make the file take up, and what others lose by it.

use rusqlite::params;

use super::*;

const EACH: u64 = 1 << 20;
const NOTEBOOKS: u32 = 40;

fn bounded(folder: &tempfile::TempDir) -> SqliteHistory {
    let path = folder.path().join("history.sqlite3");
    SqliteHistory::open(&path)
        .unwrap()
        .within(&path, EACH, NOTEBOOKS, 0)
}

fn named(user: &str, filename: String) -> CopyId {
    CopyId {
        filename,
        user: user.to_owned(),
    }
}

/// A notebook that holds these texts, and one that no compression makes smaller.
fn noise(seed: u64, kib: usize, sources: &[&str]) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let random: String = (0..kib * 1024)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'0' + (state % 75) as u8)
        })
        .map(|c| if c == '\\' { '/' } else { c })
        .collect();
    let mut all = vec![&*random];
    all.extend(sources);
    notebook(&all)
}

/// Gives the store the time that it says it needs.
fn tidy_if_urgent(store: &SqliteHistory) {
    while store.is_urgent() {
        store.tidy(&unbounded(), NOW).unwrap();
    }
}

/// What pieces take up, whoever needs them.
fn stored(store: &SqliteHistory) -> u64 {
    store
        .reader
        .lock()
        .query_row("SELECT sum(length(data)) FROM contents", params![], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
        .cast_unsigned()
}

#[test]
fn one_persons_versions_stay_within_their_quota_and_cost_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    let (eve, bo) = (key("eve"), key("bo"));
    for n in 0..5 {
        store
            .add(&[save(&bo, NOW, &notebook(&[&n.to_string()]))])
            .unwrap();
    }
    assert_eq!(store.note("eve"), None);
    let mut largest = 0;
    for n in 0..100 {
        store
            .add(&[save(&eve, NOW + n, &noise(n as u64, 64, &[]))])
            .unwrap();
        tidy_if_urgent(&store);
        largest = largest.max(stored(&store));
    }
    assert!(largest < EACH + (100 << 10), "{largest}");
    let left = ids(&store, &eve);
    assert!(left.len() >= 10 && left.len() <= 20, "{}", left.len());
    assert_eq!(left[0], 105, "the newest are those that stay");
    assert_eq!(ids(&store, &bo).len(), 5);
    let note = store.note("eve").unwrap();
    assert!(note.contains("quota of 1 MiB"), "{note}");
    assert_eq!(store.note("bo"), None);
}

/// What a version that is gone brought is still taken up by the one after it.
#[test]
fn nothing_hides_behind_a_version_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    for n in 0..NOTEBOOKS {
        let key = named("eve", format!("{n}.ipynb"));
        for second in 0..2 {
            let at = NOW + i64::from(n) * MINUTE + second;
            let bytes = noise(n.into(), 64, &[&second.to_string()]);
            store.add(&[save(&key, at, &bytes)]).unwrap();
        }
    }
    // Of each notebook the newest only, which brought next to nothing itself.
    let bounds = Bounds {
        longest: Duration::ZERO,
        ..unbounded()
    };
    tidy_all(&store, &bounds, NOW + 1_000 * MINUTE);
    tidy_if_urgent(&store);
    assert!(stored(&store) <= EACH, "{}", stored(&store));
    assert!(!ids(&store, &named("eve", format!("{}.ipynb", NOTEBOOKS - 1))).is_empty());
}

#[test]
fn who_has_little_keeps_it_when_all_together_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    // Everybody has the same large one; bo a little of his own besides, eve as much as she may.
    for user in ["ana", "bo", "eve"] {
        store
            .add(&[save(&key(user), NOW, &noise(1, 200, &["same"]))])
            .unwrap();
    }
    for n in 0..20 {
        let (bo, eve) = (noise(1, 200, &[&format!("bo {n}")]), noise(n + 2, 40, &[]));
        store
            .add(&[save(&key("bo"), NOW, &bo), save(&key("eve"), NOW, &eve)])
            .unwrap();
    }
    let bounds = Bounds {
        size: 800 << 10,
        ..unbounded()
    };
    tidy_all(&store, &bounds, NOW);
    assert!(stored(&store) < bounds.size);
    assert_eq!(ids(&store, &key("bo")).len(), 21);
    assert_eq!(ids(&store, &key("ana")).len(), 1);
    assert!(ids(&store, &key("eve")).len() < 20);
}

#[test]
fn a_flood_of_notebooks_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    store
        .add(&[save(&key("bo"), NOW, &notebook(&["bo"]))])
        .unwrap();
    let of = |n: u32| named("eve", format!("{n}.ipynb"));
    let count = || -> u32 {
        store
            .reader
            .lock()
            .query_row(
                "SELECT count(*) FROM notebooks WHERE user = 'eve'",
                [],
                |row| row.get(0),
            )
            .unwrap()
    };
    for n in 0..3 * NOTEBOOKS {
        let bytes = notebook(&[&n.to_string()]);
        assert_eq!(add(&store, &[save(&of(n), NOW + i64::from(n), &bytes)]), 1);
        assert!(count() <= NOTEBOOKS);
    }
    assert!(ids(&store, &of(2 * NOTEBOOKS - 1)).is_empty());
    assert_eq!(ids(&store, &of(2 * NOTEBOOKS)).len(), 1);
    // One that was saved before all of them has no place.
    let bytes = notebook(&["old"]);
    assert_eq!(add(&store, &[save(&of(0), NOW, &bytes)]), 0);
    assert_eq!(ids(&store, &key("bo")).len(), 1);
    assert!(store.note("eve").unwrap().contains("40 notebooks"));
    tidy_all(&store, &unbounded(), NOW);
    assert_eq!(orphans(&store), 0);
}

#[test]
fn the_log_does_not_stay_as_large_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let log = || {
        let log = folder.path().join("history.sqlite3-wal");
        std::fs::metadata(log).unwrap().len()
    };
    let large = noise(1, 24 << 10, &[]);
    store.add(&[save(&key("ana"), NOW, &large)]).unwrap();
    let most = LARGEST_LOG.cast_unsigned();
    assert!(log() > most);
    for n in 0..3 {
        let bytes = notebook(&[&n.to_string()]);
        store.add(&[save(&key("ana"), NOW, &bytes)]).unwrap();
    }
    assert!(log() <= most, "{}", log());
    assert!(store.size().unwrap() >= log(), "it counts");
}
