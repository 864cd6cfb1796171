use std::sync::atomic::AtomicU64;

use shared::errands::HandoutAudience;

use super::{super::HandoutSource, *};

fn desk(folder: &Path, reserve: Reserve) -> ErrandDesk {
    let store = SqliteErrands::open(&folder.join("errands.sqlite3")).unwrap();
    ErrandDesk::of(Arc::new(store), reserve, Announcements::default()).unwrap()
}

fn upload() -> HandoutDraft {
    HandoutDraft {
        author: "ines".to_owned(),
        source: HandoutSource::Upload,
        filename: "data.csv".to_owned(),
        to: HandoutAudience::Everyone(true),
    }
}

#[test]
fn a_handout_leaves_the_disks_reserve_free() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1_002));
    let desk = desk(folder.path(), Reserve::on(Arc::clone(&free), 1_000));
    let refused = desk.hand_out(&upload(), b"abc").unwrap_err();
    assert!(matches!(refused, ErrandError::DiskFull(_)), "{refused}");
    assert_eq!(desk.store().handouts().unwrap(), []);
    free.store(1_003, Ordering::Relaxed);
    desk.hand_out(&upload(), b"abc").unwrap();
}

#[test]
fn a_handout_waits_for_the_default_server_of_who_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let open = || desk(folder.path(), Reserve::new(folder.path(), 0, RESERVED_FOR));
    let first = open();
    let given = |desk: &ErrandDesk, user: &str, server: &str| {
        desk.pending(user, server, &[]).unwrap().len()
    };
    assert_eq!(given(&first, "ana", ""), 0);
    first.hand_out(&upload(), b"abc").unwrap();
    assert_eq!(given(&first, "ana", "lab"), 0);
    assert_eq!(given(&first, "ana", ""), 1);
    // Who has only servers with names gets it on the first that asks, and on no other.
    assert_eq!(given(&first, "bob", "lab"), 1);
    assert_eq!(given(&first, "bob", "gpu"), 0);
    drop(first);
    let second = open();
    let draft = HandoutDraft {
        filename: "more.csv".to_owned(),
        ..upload()
    };
    second.hand_out(&draft, b"abc").unwrap();
    assert_eq!(given(&second, "ana", "lab"), 0);
    assert_eq!(given(&second, "bob", "gpu"), 1);
    assert_eq!(second.people(), ["ana", "bob"]);
}
