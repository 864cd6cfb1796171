//! Tests of the quota: what one user can make the file take up, and what others lose by it.

use rusqlite::params;

use super::*;

const QUOTA_BYTES: u64 = 1 << 20;
const QUOTA_NOTEBOOKS: u32 = 40;

fn bounded(folder: &tempfile::TempDir) -> SqliteHistory {
    let path = folder.path().join("history.sqlite3");
    SqliteHistory::open(&path)
        .unwrap()
        .within(&path, QUOTA_BYTES, QUOTA_NOTEBOOKS, 0)
}

fn named(user: &str, filename: String) -> CopyId {
    CopyId {
        filename,
        user: user.to_owned(),
    }
}

/// A notebook of these texts and one that compression cannot make smaller.
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

/// Does the urgent steps of tidying up.
fn tidy_if_urgent(store: &SqliteHistory) {
    while store.is_urgent() {
        store.tidy(&unbounded(), NOW_MS).unwrap();
    }
}

/// Bytes of all stored pieces.
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
fn one_users_versions_stay_within_the_quota_and_cost_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    let (eve, bo) = (key("eve"), key("bo"));
    for n in 0..5 {
        store
            .add(&[save(&bo, NOW_MS, &notebook(&[&n.to_string()]))])
            .unwrap();
    }
    assert_eq!(store.note("eve"), None);
    let mut largest = 0;
    for n in 0..100 {
        store
            .add(&[save(&eve, NOW_MS + n, &noise(n as u64, 64, &[]))])
            .unwrap();
        tidy_if_urgent(&store);
        largest = largest.max(stored(&store));
    }
    assert!(largest < QUOTA_BYTES + (100 << 10), "{largest}");
    let left = ids(&store, &eve);
    assert!(left.len() >= 10 && left.len() <= 20, "{}", left.len());
    assert_eq!(left[0], 105, "the newest are those that stay");
    assert_eq!(ids(&store, &bo).len(), 5);
    let note = store.note("eve").unwrap();
    assert!(note.contains("quota of 1 MiB"), "{note}");
    assert_eq!(store.note("bo"), None);
}

/// The pieces that a removed version brought still count for the version after it.
#[test]
fn pieces_of_a_removed_version_count_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    for n in 0..QUOTA_NOTEBOOKS {
        let key = named("eve", format!("{n}.ipynb"));
        for second in 0..2 {
            let at = NOW_MS + i64::from(n) * MINUTE_MS + second;
            let bytes = noise(n.into(), 64, &[&second.to_string()]);
            store.add(&[save(&key, at, &bytes)]).unwrap();
        }
    }
    // Keeps the newest version of each notebook, which brought next to nothing itself.
    let retention = Retention {
        max_age: Duration::ZERO,
        ..unbounded()
    };
    tidy_all(&store, &retention, NOW_MS + 1_000 * MINUTE_MS);
    tidy_if_urgent(&store);
    assert!(stored(&store) <= QUOTA_BYTES, "{}", stored(&store));
    assert!(
        !ids(
            &store,
            &named("eve", format!("{}.ipynb", QUOTA_NOTEBOOKS - 1))
        )
        .is_empty()
    );
}

#[test]
fn users_with_few_bytes_keep_them_when_the_file_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    // All have the same large notebook; bo has a little of his own besides, eve as much as she may.
    for user in ["ana", "bo", "eve"] {
        store
            .add(&[save(&key(user), NOW_MS, &noise(1, 200, &["same"]))])
            .unwrap();
    }
    for n in 0..20 {
        let (bo, eve) = (noise(1, 200, &[&format!("bo {n}")]), noise(n + 2, 40, &[]));
        store
            .add(&[
                save(&key("bo"), NOW_MS, &bo),
                save(&key("eve"), NOW_MS, &eve),
            ])
            .unwrap();
    }
    let retention = Retention {
        max_bytes: 800 << 10,
        ..unbounded()
    };
    tidy_all(&store, &retention, NOW_MS);
    assert!(stored(&store) < retention.max_bytes);
    assert_eq!(ids(&store, &key("bo")).len(), 21);
    assert_eq!(ids(&store, &key("ana")).len(), 1);
    assert!(ids(&store, &key("eve")).len() < 20);
}

#[test]
fn a_flood_of_notebooks_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let store = bounded(&folder);
    store
        .add(&[save(&key("bo"), NOW_MS, &notebook(&["bo"]))])
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
    for n in 0..3 * QUOTA_NOTEBOOKS {
        let bytes = notebook(&[&n.to_string()]);
        assert_eq!(
            add(&store, &[save(&of(n), NOW_MS + i64::from(n), &bytes)]),
            1
        );
        assert!(count() <= QUOTA_NOTEBOOKS);
    }
    assert!(ids(&store, &of(2 * QUOTA_NOTEBOOKS - 1)).is_empty());
    assert_eq!(ids(&store, &of(2 * QUOTA_NOTEBOOKS)).len(), 1);
    // A notebook that was saved before all of them has no place.
    let bytes = notebook(&["old"]);
    assert_eq!(add(&store, &[save(&of(0), NOW_MS, &bytes)]), 0);
    assert_eq!(ids(&store, &key("bo")).len(), 1);
    assert!(store.note("eve").unwrap().contains("40 notebooks"));
    tidy_all(&store, &unbounded(), NOW_MS);
    assert_eq!(orphans(&store), 0);
}

#[test]
fn the_log_is_truncated_after_it_was_large() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let log = || {
        let log = folder.path().join("history.sqlite3-wal");
        std::fs::metadata(log).unwrap().len()
    };
    let large = noise(1, 24 << 10, &[]);
    store.add(&[save(&key("ana"), NOW_MS, &large)]).unwrap();
    let most = MAX_LOG_BYTES.cast_unsigned();
    assert!(log() > most);
    for n in 0..3 {
        let bytes = notebook(&[&n.to_string()]);
        store.add(&[save(&key("ana"), NOW_MS, &bytes)]).unwrap();
    }
    assert!(log() <= most, "{}", log());
    assert!(store.size().unwrap() >= log(), "it counts");
}
