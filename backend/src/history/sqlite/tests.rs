//! Tests of the SQLite history.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod bounds;

const NOW_MS: i64 = 1_800_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn key(user: &str) -> CopyId {
    CopyId {
        filename: "m1/day1.ipynb".to_owned(),
        user: user.to_owned(),
    }
}

fn open(folder: &tempfile::TempDir) -> SqliteHistory {
    SqliteHistory::open(&folder.path().join("history.sqlite3")).unwrap()
}

fn save<'a>(key: &'a CopyId, at_ms: i64, bytes: &'a [u8]) -> NewVersion<'a> {
    NewVersion {
        key,
        saved_at_ms: at_ms,
        noted_at_ms: at_ms,
        cells: 1,
        counts: CellChanges::default(),
        bytes,
    }
}

/// A notebook as Jupyter writes it; each cell has an output.
fn notebook(sources: &[&str]) -> Vec<u8> {
    let cells: Vec<Value> = sources
        .iter()
        .enumerate()
        .map(|(n, source)| {
            json!({"cell_type": "code", "id": format!("c{n}"), "metadata": {},
                "outputs": [{"output_type": "stream", "text": [source]}], "source": [source]})
        })
        .collect();
    serde_json::to_vec_pretty(&json!({"cells": cells, "nbformat": 4})).unwrap()
}

fn ids(store: &SqliteHistory, key: &CopyId) -> Vec<i64> {
    let versions = store.versions(key, None, 10_000).unwrap();
    versions.into_iter().map(|version| version.id).collect()
}

/// Adds `saves`; the number of those that are new.
fn add(store: &SqliteHistory, saves: &[NewVersion<'_>]) -> usize {
    let added = store.add(saves).unwrap();
    assert_eq!(added.len(), saves.len());
    added.into_iter().filter(|is_new| *is_new).count()
}

fn contents(store: &SqliteHistory) -> i64 {
    store
        .reader
        .lock()
        .query_row("SELECT count(*) FROM contents", [], |row| row.get(0))
        .unwrap()
}

fn tidy_all(store: &SqliteHistory, retention: &Retention, now_ms: i64) {
    let mut steps = 0;
    while store.tidy(retention, now_ms).unwrap() {
        steps += 1;
        assert!(steps < 100_000, "tidying up comes to an end");
    }
}

/// Retention without limits.
fn unbounded() -> Retention {
    let century = Duration::from_secs(100 * 365 * 24 * 3_600);
    Retention {
        max_age: century,
        max_bytes: u64::MAX,
        thinned: [(century, century); 2],
    }
}

#[test]
fn lists_removed_from_the_cache_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.writer.lock().latest = lists::LatestLists::new(100);
    let keys: Vec<CopyId> = (0..50).map(|n| key(&format!("user{n}"))).collect();
    for sources in [&["a", "b"][..], &["a", "b", "c"]] {
        let bytes = notebook(sources);
        for key in &keys {
            assert_eq!(add(&store, &[save(key, NOW_MS, &bytes)]), 1);
            assert_eq!(add(&store, &[save(key, NOW_MS, &bytes)]), 0);
        }
    }
    assert!(store.writer.lock().latest.len() < 10);
    let found = ids(&store, &keys[0]);
    let bytes = found.iter().map(|id| store.bytes(&keys[0], *id).unwrap());
    let saved = [notebook(&["a", "b", "c"]), notebook(&["a", "b"])];
    assert_eq!(bytes.flatten().collect::<Vec<_>>(), saved);
}

#[test]
fn a_version_that_is_not_new_is_not_added() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let ana = key("ana");
    let (one, two) = (notebook(&["1"]), notebook(&["2"]));
    let saves = [&one, &one, &two, &one].map(|bytes| save(&ana, NOW_MS, bytes));
    assert_eq!(store.add(&saves).unwrap(), [true, false, true, true]);
    assert_eq!(ids(&store, &ana), [3, 2, 1]);
    // It is the same after a restart.
    drop(store);
    let store = open(&folder);
    assert_eq!(add(&store, &[save(&ana, NOW_MS, &one)]), 0);
    assert_eq!(add(&store, &[save(&ana, NOW_MS, &two)]), 1);
    assert_eq!(store.bytes(&ana, 4).unwrap().unwrap(), two);
    assert_eq!(store.next(&ana, 1).unwrap().unwrap().id, 2);
    assert_eq!(store.next(&ana, 4).unwrap(), None);
    assert_eq!(store.versions(&ana, Some(3), 1).unwrap()[0].id, 2);
}

#[test]
fn pieces_of_two_versions_are_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let sources: Vec<String> = (0..50).map(|n| format!("line_{n} = {n}")).collect();
    let mut sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let (ana, bo) = (key("ana"), key("bo"));
    let first = notebook(&sources);
    store.add(&[save(&ana, NOW_MS, &first)]).unwrap();
    let before = contents(&store);
    store.add(&[save(&bo, NOW_MS, &first)]).unwrap();
    assert_eq!(contents(&store), before);
    sources[20] = "changed";
    let second = notebook(&sources);
    store.add(&[save(&bo, NOW_MS, &second)]).unwrap();
    // The cell before its outputs is the same; what it printed and its source are new.
    assert_eq!(contents(&store), before + 2);
    assert_eq!(store.bytes(&bo, 3).unwrap().unwrap(), second);
}

#[test]
fn a_version_is_found_only_with_its_copy() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let bytes = notebook(&["x"]);
    store.add(&[save(&key("ana"), NOW_MS, &bytes)]).unwrap();
    assert_eq!(store.version(&key("bo"), 1).unwrap(), None);
    assert_eq!(store.bytes(&key("bo"), 1).unwrap(), None);
    assert_eq!(store.next(&key("bo"), 0).unwrap(), None);
}

#[test]
fn old_versions_become_fewer_and_then_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let ana = key("ana");
    for minute in 0..60 {
        let bytes = notebook(&[&minute.to_string()]);
        let at = NOW_MS + minute * MINUTE_MS;
        store.add(&[save(&ana, at, &bytes)]).unwrap();
    }
    let retention = Retention::new(30, u64::MAX);
    tidy_all(&store, &retention, NOW_MS + 60 * MINUTE_MS);
    assert_eq!(ids(&store, &ana).len(), 60, "all of the last day");
    let day = 24 * 60 * MINUTE_MS;
    tidy_all(&store, &retention, NOW_MS + 2 * day);
    let thinned = ids(&store, &ana);
    assert_eq!(thinned.len(), 12, "one in five minutes");
    assert_eq!(thinned[0], 60, "the newest among them");
    for id in thinned {
        let expected = notebook(&[&(id - 1).to_string()]);
        assert_eq!(store.bytes(&ana, id).unwrap().unwrap(), expected);
    }
    tidy_all(&store, &retention, NOW_MS + 10 * day);
    assert_eq!(ids(&store, &ana).len(), 1, "one in an hour");
    tidy_all(&store, &retention, NOW_MS + 40 * day);
    assert_eq!(ids(&store, &ana), [60], "the newest, however old");
    let last = notebook(&["59"]);
    assert_eq!(store.bytes(&ana, 60).unwrap().unwrap(), last);
    assert_eq!(add(&store, &[save(&ana, NOW_MS + 40 * day, &last)]), 0);
    let bytes = notebook(&["again"]);
    store.add(&[save(&ana, NOW_MS + 40 * day, &bytes)]).unwrap();
    tidy_all(&store, &retention, NOW_MS + 41 * day);
    assert_eq!(ids(&store, &ana), [61], "it is not the newest any more");
    assert_eq!(orphans(&store), 0, "nothing is left behind");
}

#[test]
fn pieces_added_again_while_tidying_stay() {
    // The version is saved again after each number of steps.
    for steps in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let ana = key("ana");
        // The others are patches of the first, and its pieces stay with it.
        let first = notebook(&["0"]);
        let (one, two) = (notebook(&["1", "x"]), notebook(&["2"]));
        let saves = [&first, &one, &two].map(|bytes| save(&ana, NOW_MS, bytes));
        store.add(&saves).unwrap();
        let retention = Retention {
            thinned: [(Duration::ZERO, Duration::from_secs(60)); 2],
            ..unbounded()
        };
        let now = NOW_MS + MINUTE_MS;
        for _ in 0..steps {
            store.tidy(&retention, now).unwrap();
        }
        assert_eq!(
            add(&store, &[save(&ana, now, &one)]),
            1,
            "{steps} {:?}",
            ids(&store, &ana)
        );
        tidy_all(&store, &unbounded(), now + 20 * MINUTE_MS);
        assert_eq!(store.bytes(&ana, 4).unwrap().unwrap(), one, "{steps}");
        assert_eq!(orphans(&store), 0, "{steps}");
    }
}

#[test]
fn the_user_with_most_bytes_loses_versions_first_and_the_file_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (ana, flood) = (key("ana"), key("flood"));
    let small = notebook(&["small"]);
    store.add(&[save(&ana, NOW_MS, &small)]).unwrap();
    let mut noise = 1_u64;
    for _ in 0..40 {
        let text: String = (0..2_000)
            .map(|_| {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                format!("{noise:x}")
            })
            .collect();
        let bytes = notebook(&[&text]);
        store.add(&[save(&flood, NOW_MS, &bytes)]).unwrap();
    }
    let pages = || {
        let reader = store.reader.lock();
        tidy::pages(&reader, "page_count").unwrap() * tidy::pages(&reader, "page_size").unwrap()
    };
    let before = pages();
    let retention = Retention {
        max_bytes: before / 4,
        ..unbounded()
    };
    tidy_all(&store, &retention, NOW_MS);
    assert!(pages() <= retention.max_bytes, "{before}");
    assert_eq!(ids(&store, &ana).len(), 1);
    let left = ids(&store, &flood);
    assert!(
        !left.is_empty() && left.len() < 20 && left[0] == 41,
        "{left:?}"
    );
    // Tidying up ends, even if nothing fits.
    let none = Retention {
        max_bytes: 1,
        ..unbounded()
    };
    tidy_all(&store, &none, NOW_MS);
    assert_eq!(contents(&store), 0);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite3");
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let refusal = format!("{:#}", SqliteHistory::open(&path).err().unwrap());
    assert!(refusal.contains("newer pipalhub"), "{refusal}");
}

/// An operation on a store.
#[derive(Clone, Debug)]
enum StoreOperation {
    /// This user saves cells of these numbers, or bytes that are not a notebook.
    Save(usize, Vec<u8>),
    /// A number of steps of tidying up, in a round that removes all but the newest few.
    Tidy(usize),
    Restart,
}

fn operations() -> impl Strategy<Value = Vec<StoreOperation>> {
    let operation = prop_oneof![
        6 => (0..3_usize, prop::collection::vec(0..5_u8, 0..6)).prop_map(|(user, cells)| StoreOperation::Save(user, cells)),
        3 => (1..12_usize).prop_map(StoreOperation::Tidy),
        1 => Just(StoreOperation::Restart),
    ];
    prop::collection::vec(operation, 1..60)
}

fn bytes_of(cells: &[u8]) -> Vec<u8> {
    if cells.first() == Some(&4) {
        return cells.to_vec();
    }
    let sources: Vec<String> = cells.iter().map(|cell| format!("cell {cell}")).collect();
    notebook(&sources.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any operations every listed version has the bytes that were saved, and in the end no
    /// piece is stored that no version needs.
    #[test]
    fn every_listed_version_has_the_saved_bytes(operations in operations()) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        let users = ["ana", "bo", "chidi"].map(key);
        let mut model: Vec<(usize, i64, Vec<u8>)> = Vec::new();
        let thinning = Retention {
            thinned: [(Duration::ZERO, Duration::from_secs(600)); 2],
            ..unbounded()
        };
        let mut now = NOW_MS;
        for operation in operations {
            now += MINUTE_MS;
            match operation {
                StoreOperation::Save(user, cells) => {
                    let bytes = bytes_of(&cells);
                    let added = add(&store, &[save(&users[user], now, &bytes)]);
                    let newest = ids(&store, &users[user])[0];
                    let known = model.iter().rev().find(|(other, ..)| *other == user);
                    prop_assert_eq!(added == 0, known.is_some_and(|known| known.2 == bytes));
                    if added == 1 {
                        model.push((user, newest, bytes));
                    }
                }
                StoreOperation::Tidy(steps) => {
                    for _ in 0..steps {
                        now += MINUTE_MS;
                        store.tidy(&thinning, now).unwrap();
                    }
                }
                StoreOperation::Restart => {
                    drop(store);
                    store = open(&folder);
                }
            }
        }
        now += 20 * MINUTE_MS;
        tidy_all(&store, &thinning, now);
        for (user, key) in users.iter().enumerate() {
            for id in ids(&store, key) {
                let saved = model.iter().find(|(other, known, _)| (*other, *known) == (user, id));
                prop_assert_eq!(store.bytes(key, id).unwrap(), saved.map(|saved| saved.2.clone()));
                let length = saved.map(|saved| saved.2.len() as u64);
                prop_assert_eq!(store.length(key, id).unwrap(), length);
            }
            let newest = model.iter().rev().find(|(other, ..)| *other == user);
            prop_assert_eq!(ids(&store, key).first().copied(), newest.map(|newest| newest.1));
        }
        prop_assert_eq!(orphans(&store), 0);
    }
}

/// The number of pieces that no version needs, counted in another way than tidying does.
fn orphans(store: &SqliteHistory) -> usize {
    let reader = store.reader.lock();
    let mut needed = std::collections::BTreeSet::new();
    let mut statement = reader.prepare("SELECT base, patch FROM versions").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (base, patch): (i64, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        needed.insert(base);
        needed.extend(lists::base_list(&reader, base).unwrap());
        needed.extend(lists::list(&reader, base, &patch).unwrap());
    }
    let mut statement = reader.prepare("SELECT id FROM contents").unwrap();
    let stored = statement.query_map([], |row| row.get(0)).unwrap();
    stored
        .filter(|id| !needed.contains(id.as_ref().unwrap()))
        .count()
}
