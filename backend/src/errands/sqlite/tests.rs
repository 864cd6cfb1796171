use super::*;

fn open(folder: &Path) -> SqliteErrands {
    SqliteErrands::open(&folder.join("errands.sqlite3")).unwrap()
}

fn handout_to(to: HandoutAudience) -> HandoutDraft {
    HandoutDraft {
        author: "ines".to_owned(),
        source: HandoutSource::Notebook("ines".to_owned(), "m/a.ipynb".to_owned()),
        filename: "b.ipynb".to_owned(),
        to,
    }
}

fn restore_of(user: &str, version: i64) -> RestoreDraft {
    RestoreDraft {
        user: user.to_owned(),
        notebook: "m/a.ipynb".to_owned(),
        server: String::new(),
        version,
        filename: "m/a-restored-x.ipynb".to_owned(),
        size: 3,
        sha256: "00".to_owned(),
    }
}

fn ids(errands: &[StoredErrand]) -> Vec<i64> {
    errands.iter().map(|errand| errand.id).collect()
}

/// The pending errands of the default server.
fn pending(store: &SqliteErrands, user: &str) -> Vec<StoredErrand> {
    store.pending(user, "").unwrap()
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
            store.claim_handouts(user, "", 2).unwrap();
            let errands = pending(&store, user);
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
    store.claim_handouts("ana", "", 3).unwrap();
    assert_eq!(pending(&store, "ana").len(), 3);
    store.retract(1, 4).unwrap();
    assert_eq!(pending(&store, "ana").len(), 2);
    store.give_handouts("cy", &[], 5).unwrap();
    assert_eq!(pending(&store, "cy"), []);
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
        assert_eq!(pending(&store, "ana"), []);
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
    assert_eq!(ids(&pending(&store, "ana")), [old, new]);
    store.expire(5).unwrap();
    assert_eq!(ids(&pending(&store, "ana")), [new]);
    assert_eq!(store.errand(old).unwrap(), None);
}

#[test]
fn handouts_that_were_taken_back_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let draft = handout_to(HandoutAudience::Everyone(true));
    let add = |number: i64| store.add_handout(&draft, &number.to_be_bytes(), 1);
    for number in 0..MAX_HANDOUTS {
        add(number).unwrap();
    }
    let refused = add(-1).unwrap_err();
    assert!(matches!(refused, ErrandError::TooManyHandouts));
    store.retract(5, 2).unwrap();
    add(-1).unwrap();
    let handouts = store.handouts().unwrap();
    assert!(handouts.iter().all(|handout| handout.id != 5));
    let most = integer(MAX_STORED_BYTES);
    let mut writer = store.writer.lock();
    let transaction = writer.transaction().unwrap();
    let sql = "UPDATE contents SET size = ?1 WHERE bytes = ?2";
    transaction
        .execute(sql, params![most, 1_i64.to_be_bytes()])
        .unwrap();
    let refused = make_room(&transaction, 1).unwrap_err();
    assert!(matches!(refused, ErrandError::NoRoom));
}

#[test]
fn a_content_is_kept_once_and_as_long_as_a_handout_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let upload = HandoutDraft {
        source: HandoutSource::Upload,
        filename: "data.csv".to_owned(),
        ..handout_to(HandoutAudience::Everyone(true))
    };
    let to_ana = HandoutDraft {
        to: HandoutAudience::User("ana".into()),
        ..upload.clone()
    };
    let first = store.add_handout(&upload, b"abc", 1).unwrap();
    let second = store.add_handout(&to_ana, b"abc", 1).unwrap();
    let same = store.add_handout(&upload, b"abc", 1).unwrap_err();
    assert!(matches!(same, ErrandError::SameHandout(name) if name == "data.csv"));
    let kept = || {
        let count = "SELECT count(*) FROM contents";
        let reader = store.reader.lock();
        reader.query_row(count, [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(kept(), Ok(1));
    assert_eq!(store.handouts().unwrap()[1].draft, upload);
    store.retract(first, 2).unwrap();
    assert_eq!(store.content(first).unwrap(), None);
    assert_eq!(store.content(second).unwrap().as_deref(), Some(&b"abc"[..]));
    store.retract(second, 2).unwrap();
    assert_eq!(kept(), Ok(0));
    store.add_handout(&upload, b"abc", 3).unwrap();
}

#[test]
fn an_older_files_handouts_keep_their_contents_and_restores_their_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("errands.sqlite3");
    let [writer, _] = connect_pair(&path, Durability::Full, &MIGRATIONS[..1]).unwrap();
    writer
        .execute_batch(
            "INSERT INTO handouts (author, user, notebook, filename, size, sha256, created_at_ms)
                 VALUES ('ines', 'ines', 'a.ipynb', 'a.ipynb', 3, 'aa', 1),
                     ('ines', 'ines', 'b.ipynb', 'b.ipynb', 3, 'aa', 1);
             INSERT INTO contents VALUES (1, x'616263'), (2, x'616263');
             INSERT INTO errands (user, notebook, version, filename, size, sha256, created_at_ms)
                 VALUES ('ana', '@lab/m/a.ipynb', 1, 'm/x.ipynb', 3, 'aa', 1),
                     ('ana', 'm/a.ipynb', 2, 'm/x.ipynb', 3, 'aa', 1);
             INSERT INTO errands
                 (user, handout, filename, size, sha256, created_at_ms, state, written)
                 VALUES ('ana', 2, 'b.ipynb', 3, 'aa', 1, 'done', 'b-2.ipynb');
             INSERT INTO people VALUES ('ana', '[]');",
        )
        .unwrap();
    drop(writer);
    let store = open(folder.path());
    for handout in [1, 2] {
        assert_eq!(
            store.content(handout).unwrap().as_deref(),
            Some(&b"abc"[..])
        );
    }
    assert_eq!(ids(&store.pending("ana", "lab").unwrap()), [1]);
    assert_eq!(ids(&pending(&store, "ana")), [2]);
    assert_eq!(
        store.handout_at("ana", "", "b-2.ipynb").unwrap(),
        Some((2, 3))
    );
    assert_eq!(store.handout_at("ana", "lab", "b-2.ipynb").unwrap(), None);
    assert!(store.people().unwrap()[0].1.has_default_server);
}

#[test]
fn a_restore_is_given_to_its_own_server_and_listed_beside_its_notebook() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let of_lab = RestoreDraft {
        notebook: "@lab/m/a.ipynb".to_owned(),
        server: "lab".to_owned(),
        ..restore_of("ana", 1)
    };
    let lab = store.add_restore(&of_lab, 1).unwrap();
    let default = store.add_restore(&restore_of("ana", 2), 1).unwrap();
    assert_eq!(ids(&store.pending("ana", "lab").unwrap()), [lab]);
    assert_eq!(ids(&pending(&store, "ana")), [default]);
    assert_eq!(store.pending("ana", "other").unwrap(), []);
    let listed = |notebook: &str, since| ids(&store.restores("ana", notebook, since).unwrap());
    assert_eq!(listed("@lab/m/a.ipynb", 9), [lab]);
    assert_eq!(listed("m/a.ipynb", 9), [default]);
    assert_eq!(store.restores("bob", "m/a.ipynb", 0).unwrap(), []);
    let done = ErrandChange::Done("m/x.ipynb".to_owned());
    store.change(default, &done, 5).unwrap();
    assert_eq!(listed("m/a.ipynb", 5), [default]);
    assert_eq!(listed("m/a.ipynb", 6), [0; 0]);
}

#[test]
fn a_restore_that_is_taken_back_is_not_given_and_may_still_turn_out_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = store.add_restore(&restore_of("ana", 1), 1).unwrap();
    assert!(store.change(id, &ErrandChange::Retracted, 2).unwrap());
    assert!(!store.change(id, &ErrandChange::Retracted, 2).unwrap());
    assert_eq!(pending(&store, "ana"), []);
    assert_eq!(store.restores("ana", "m/a.ipynb", 0).unwrap(), []);
    let failed = ErrandChange::Failed("late".to_owned());
    assert!(!store.change(id, &failed, 3).unwrap());
    // The server had begun before.
    let done = ErrandChange::Done("m/x.ipynb".to_owned());
    assert!(store.change(id, &done, 3).unwrap());
    assert!(!store.change(id, &ErrandChange::Retracted, 4).unwrap());
    assert_eq!(ids(&store.restores("ana", "m/a.ipynb", 0).unwrap()), [id]);
}

#[test]
fn a_handout_is_one_servers_to_write_until_that_server_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let draft = handout_to(HandoutAudience::Everyone(true));
    store.add_handout(&draft, b"abc", 1).unwrap();
    store.give_handouts("ana", &[], 1).unwrap();
    let given = |server: &str, at_ms| {
        store.claim_handouts("ana", server, at_ms).unwrap();
        store.pending("ana", server).unwrap().len()
    };
    assert_eq!(given("lab", 1), 1);
    assert_eq!(given("gpu", 2), 0);
    assert_eq!(given("", CLAIM_MS), 0);
    // The server has asked again meanwhile.
    assert_eq!(given("lab", CLAIM_MS), 1);
    assert_eq!(given("", 2 * CLAIM_MS), 0);
    assert_eq!(given("", 2 * CLAIM_MS + 1), 1);
    assert_eq!(given("lab", 2 * CLAIM_MS + 2), 0);
    let errand = &store.errands_of(1).unwrap()[0];
    assert_eq!(errand.server.as_deref(), Some(""));
}

#[test]
fn people_are_noted_with_their_groups_and_whether_their_default_server_asks() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let groups = ["a".to_owned(), "\"b\"".to_owned()];
    let ana = KnownPerson {
        groups: groups.to_vec(),
        has_default_server: true,
    };
    store.note_person("ana", &KnownPerson::default()).unwrap();
    store.note_person("ana", &ana).unwrap();
    assert_eq!(store.people().unwrap(), [("ana".to_owned(), ana)]);
}
