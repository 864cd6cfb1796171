use super::*;

fn open(folder: &Path) -> SqliteErrands {
    SqliteErrands::open(&folder.join("errands.sqlite3")).unwrap()
}

fn handout_to(to: HandoutAudience) -> HandoutDraft {
    HandoutDraft {
        author: "ines".to_owned(),
        user: "ines".to_owned(),
        notebook: "m/a.ipynb".to_owned(),
        filename: "b.ipynb".to_owned(),
        to,
    }
}

fn restore_of(user: &str, version: i64) -> RestoreDraft {
    RestoreDraft {
        user: user.to_owned(),
        notebook: "m/a.ipynb".to_owned(),
        version,
        filename: "m/a-restored-x.ipynb".to_owned(),
        size: 3,
        sha256: "00".to_owned(),
    }
}

fn ids(errands: &[StoredErrand]) -> Vec<i64> {
    errands.iter().map(|errand| errand.id).collect()
}

#[test]
fn handouts_come_back_whole_and_numbers_are_never_reused() {
    let folder = tempfile::tempdir().unwrap();
    let audiences = [
        HandoutAudience::Everyone(true),
        HandoutAudience::Group("monday".into()),
        HandoutAudience::User("ana".into()),
    ];
    {
        let store = open(folder.path());
        for (at, to) in (1..).zip(&audiences) {
            let id = store.add_handout(&handout_to(to.clone()), b"abc", at);
            assert_eq!(id.unwrap(), at);
        }
        assert!(store.retract(2, 7).unwrap() && store.retract(2, 8).unwrap());
        assert!(!store.retract(9, 8).unwrap());
    }
    let store = open(folder.path());
    let handouts = store.handouts().unwrap();
    for (handout, to) in handouts.iter().rev().zip(&audiences) {
        assert_eq!(handout.draft, handout_to(to.clone()));
        assert_eq!((handout.created_at_ms, handout.size), (handout.id, 3));
        assert!(handout.sha256.starts_with("ba7816bf"), "{handout:?}");
    }
    assert_eq!(handouts[1].retracted_at_ms, Some(7));
    assert_eq!(store.content(1).unwrap().as_deref(), Some(&b"abc"[..]));
    assert_eq!(store.content(2).unwrap(), None);
}

#[test]
fn each_member_of_the_audience_gets_a_handout_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for to in [
        HandoutAudience::Everyone(true),
        HandoutAudience::Group("monday".into()),
        HandoutAudience::User("ana".into()),
    ] {
        store.add_handout(&handout_to(to), b"abc", 1).unwrap();
    }
    let monday = ["monday".to_owned()];
    for (user, groups, given) in [
        ("ana", &[][..], &[1, 3][..]),
        ("bob", &monday, &[1, 2]),
        // The notebook is of this user.
        ("ines", &monday, &[]),
    ] {
        for _ in 0..2 {
            store.give_handouts(user, groups, 2).unwrap();
            let errands = store.pending(user).unwrap();
            let handouts: Vec<i64> = errands
                .iter()
                .map(|errand| match errand.source {
                    ErrandSource::Handout(handout) => handout,
                    ErrandSource::Version { .. } => panic!("{errand:?}"),
                })
                .collect();
            assert_eq!(handouts, given, "{user}");
        }
    }
    // A participant who joins the group later gets the handout then, unless it was taken back.
    store.give_handouts("ana", &monday, 3).unwrap();
    assert_eq!(store.pending("ana").unwrap().len(), 3);
    store.retract(1, 4).unwrap();
    assert_eq!(store.pending("ana").unwrap().len(), 2);
    store.give_handouts("cy", &[], 5).unwrap();
    assert_eq!(store.pending("cy").unwrap(), []);
    assert_eq!(store.errands_of(1).unwrap().len(), 2);
}

#[test]
fn the_same_restore_is_one_errand_and_waiting_restores_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = store.add_restore(&restore_of("ana", 1), 1).unwrap();
    assert_eq!(store.add_restore(&restore_of("ana", 1), 2).unwrap(), first);
    for version in 2..=MAX_PENDING_RESTORES {
        store.add_restore(&restore_of("ana", version), 1).unwrap();
    }
    let refused = store.add_restore(&restore_of("ana", 99), 1).unwrap_err();
    assert!(matches!(refused, ErrandError::TooManyRestores(_)));
    store.add_restore(&restore_of("bob", 99), 1).unwrap();
    let done = ErrandChange::Done("m/x.ipynb".to_owned());
    assert!(store.change(first, &done, 3).unwrap());
    store.add_restore(&restore_of("ana", 99), 1).unwrap();
}

#[test]
fn a_done_errand_stays_done() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let store = open(folder.path());
        let id = store.add_restore(&restore_of("ana", 1), 1).unwrap();
        let failed = |reason: &str| ErrandChange::Failed(reason.to_owned());
        assert!(store.change(id, &failed("disk full"), 2).unwrap());
        assert!(!store.change(id, &failed("disk full"), 2).unwrap());
        assert_eq!(store.pending("ana").unwrap(), []);
        let done = |name: &str| ErrandChange::Done(name.to_owned());
        assert!(store.change(id, &done("x.ipynb"), 3).unwrap());
        assert!(!store.change(id, &done("y.ipynb"), 4).unwrap());
        assert!(!store.change(id, &failed("late"), 4).unwrap());
        assert!(store.change(id, &ErrandChange::Opened, 5).unwrap());
        assert!(!store.change(id, &ErrandChange::Opened, 6).unwrap());
        id
    };
    let errand = open(folder.path()).errand(id).unwrap().unwrap();
    assert_eq!(errand.state, ErrandState::Done);
    assert_eq!(errand.written.as_deref(), Some("x.ipynb"));
    assert_eq!((errand.reason, errand.opened_at_ms), (None, Some(5)));
}

#[test]
fn an_errand_that_waits_too_long_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let old = store.add_restore(&restore_of("ana", 1), 1).unwrap();
    let new = store.add_restore(&restore_of("ana", 2), 5).unwrap();
    assert_eq!(ids(&store.pending("ana").unwrap()), [old, new]);
    store.expire(5).unwrap();
    assert_eq!(ids(&store.pending("ana").unwrap()), [new]);
    assert_eq!(store.errand(old).unwrap(), None);
}

#[test]
fn handouts_that_were_taken_back_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let draft = handout_to(HandoutAudience::Everyone(true));
    for _ in 0..MAX_HANDOUTS {
        store.add_handout(&draft, b"abc", 1).unwrap();
    }
    let refused = store.add_handout(&draft, b"abc", 1).unwrap_err();
    assert!(matches!(refused, ErrandError::TooManyHandouts));
    store.retract(5, 2).unwrap();
    store.add_handout(&draft, b"abc", 3).unwrap();
    let handouts = store.handouts().unwrap();
    assert!(handouts.iter().all(|handout| handout.id != 5));
    let most = integer(MAX_STORED_BYTES);
    let mut writer = store.writer.lock();
    let transaction = writer.transaction().unwrap();
    let sql = "UPDATE handouts SET size = ?1 WHERE id = 1";
    transaction.execute(sql, [most]).unwrap();
    let refused = make_room(&transaction, 1).unwrap_err();
    assert!(matches!(refused, ErrandError::NoRoom));
}

#[test]
fn groups_are_noted_for_each_participant() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let groups = ["a".to_owned(), "\"b\"".to_owned()];
    store.note_groups("ana", &[]).unwrap();
    store.note_groups("ana", &groups).unwrap();
    let known = [("ana".to_owned(), groups.to_vec())];
    assert_eq!(store.people().unwrap(), known);
}
