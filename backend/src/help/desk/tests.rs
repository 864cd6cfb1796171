use super::*;
use crate::help::HelpRefusal;

const NOW_MS: i64 = 1_700_000_000_000;

fn desk(folder: &tempfile::TempDir, now_ms: i64) -> HelpDesk {
    let store = SqliteHelp::open(&folder.path().join("help.sqlite3")).unwrap();
    HelpDesk::of(Arc::new(store), Announcements::default(), now_ms).unwrap()
}

fn press(user: &str, note: Option<NoteKind>) -> Press {
    Press {
        user: user.to_owned(),
        note,
        text: Some(format!("{user} asks")),
        filename: Some("a.ipynb".to_owned()),
        ..Press::default()
    }
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let desk = desk(&folder, NOW_MS);
        for user in ["ana", "cy", "dora", "ed"] {
            desk.press(&press(user, Some(NoteKind::Help)), NOW_MS)
                .unwrap();
        }
        let place = TicketPlace {
            version: Some(7),
            ..TicketPlace::default()
        };
        desk.place(1, place, NOW_MS).unwrap();
        desk.claim(1, "bo", NOW_MS).unwrap();
        desk.help(2, "bo", NOW_MS).unwrap();
        desk.press(&press("dora", Some(NoteKind::Done)), NOW_MS)
            .unwrap();
        desk.begin_round("bo", None, NOW_MS).unwrap();
        desk.press(&press("ed", Some(NoteKind::Done)), NOW_MS)
            .unwrap();
        desk.queue(NOW_MS + 1_000)
    };
    assert_eq!((before.tickets.len(), before.recent.len()), (1, 3));
    let again = desk(&folder, NOW_MS + 500);
    assert_eq!(again.queue(NOW_MS + 1_000), before);
    again.undo(2, "bo", NOW_MS + 1_000).unwrap();
    again.forget("ana", NOW_MS).unwrap();
    drop(again);
    let users: Vec<String> = desk(&folder, NOW_MS)
        .queue(NOW_MS)
        .tickets
        .into_iter()
        .map(|it| it.user)
        .collect();
    assert_eq!(users, ["cy"]);
}

#[test]
fn whoever_is_concerned_is_told_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, NOW_MS);
    let cursor = |user: &str| desk.mine(user, NOW_MS).cursor;
    let begin = cursor("ana");
    assert!(!desk.has_news("ana", begin));
    assert!(desk.has_news("ana", begin - 1), "of an earlier run");
    assert!(desk.has_news("ana", begin + 99), "of a later one");
    desk.press(&press("ana", Some(NoteKind::Help)), NOW_MS)
        .unwrap();
    assert!(desk.has_news("ana", begin) && !desk.has_news("cy", begin));
    desk.press(&press("cy", Some(NoteKind::Help)), NOW_MS)
        .unwrap();
    let [of_ana, of_cy] = ["ana", "cy"].map(cursor);
    desk.claim(1, "bo", NOW_MS).unwrap();
    assert!(
        desk.has_news("ana", of_ana) && desk.has_news("cy", of_cy),
        "both move"
    );
    assert!(!desk.has_news("dora", begin));

    // A helper's time runs out without anybody doing something.
    let [of_ana, of_cy] = ["ana", "cy"].map(cursor);
    let later = NOW_MS + shared::help::HELP_LEASE_MS;
    desk.tick(later - 1, true).unwrap();
    assert!(!desk.has_news("ana", of_ana));
    desk.tick(later, true).unwrap();
    assert!(desk.has_news("ana", of_ana) && desk.has_news("cy", of_cy));
    let queue = desk.queue(later);
    assert_eq!(queue.tickets[0].was_with.as_deref(), Some("bo"));
    let of_dora = cursor("dora");
    desk.begin_round("bo", None, later).unwrap();
    assert!(desk.has_news("dora", of_dora));
}

#[test]
fn several_with_one_error_are_claimed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, NOW_MS);
    let place = |signature: &str, anchor| TicketPlace {
        version: Some(1),
        cell: Some(shared::help::TicketCell {
            anchor,
            label: "Reading".to_owned(),
        }),
        error: Some(shared::help::TicketError {
            signature: signature.to_owned(),
            title: "NameError df".to_owned(),
        }),
    };
    let mut ids = Vec::new();
    for (user, signature, anchor) in [
        ("ana", "one", Some(3)),
        ("cy", "one", Some(3)),
        ("dora", "one", None),
        ("ed", "two", Some(3)),
    ] {
        let pressed = desk
            .press(&press(user, Some(NoteKind::Help)), NOW_MS)
            .unwrap();
        let (ticket, filename) = pressed.ticket.unwrap();
        assert_eq!(filename, "a.ipynb");
        ids.push(ticket);
        desk.place(ticket, place(signature, anchor), NOW_MS)
            .unwrap();
    }
    let [ana, cy, dora, _] = ids[..] else {
        panic!("four have asked: {ids:?}")
    };
    // The cell of this number of another notebook is another.
    let elsewhere = Press {
        filename: Some("b.ipynb".to_owned()),
        ..press("fay", Some(NoteKind::Help))
    };
    let (fay, _) = desk.press(&elsewhere, NOW_MS).unwrap().ticket.unwrap();
    desk.place(fay, place("one", Some(3)), NOW_MS).unwrap();
    desk.claim(ana, "eva", NOW_MS).unwrap();
    let error = desk.queue(NOW_MS).tickets[0].error_in_cell().unwrap();
    let answer = desk.claim_some(&[], Some(&error), "bo", NOW_MS).unwrap();
    assert_eq!((answer.claimed, answer.held.len()), (vec![cy], 0));
    let answer = desk
        .claim_some(&[ana, cy, dora, dora, 99], None, "bo", NOW_MS)
        .unwrap();
    assert_eq!(answer.claimed, [cy, dora]);
    assert_eq!((answer.held[0].id, &*answer.held[0].helper), (ana, "eva"));

    // They are no longer at the error that they asked with.
    let solved = || {
        let tickets = desk.queue(NOW_MS).tickets.into_iter();
        tickets
            .filter(|it| it.seems_solved)
            .map(|it| it.user)
            .collect::<Vec<_>>()
    };
    desk.note_errors("b.ipynb", [("ana", None)], NOW_MS);
    assert!(solved().is_empty());
    let errors = [("ana", None), ("cy", Some("one")), ("dora", Some("two"))];
    desk.note_errors("a.ipynb", errors, NOW_MS);
    let mut found = solved();
    found.sort_unstable();
    assert_eq!(found, ["ana", "dora"]);
    desk.note_errors("a.ipynb", [("ana", Some("one"))], NOW_MS);
    assert_eq!(solved(), ["dora"], "who is not named stays");
}

#[test]
fn what_a_ticket_is_about_is_found_out_some_times_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, NOW_MS);
    let pressed = || {
        let pressed = desk.press(&press("ana", Some(NoteKind::Help)), NOW_MS);
        pressed.unwrap().ticket.map(|(id, _)| id)
    };
    let ticket = pressed().unwrap();
    let place = |version| {
        let place = TicketPlace {
            version: Some(version),
            ..TicketPlace::default()
        };
        desk.place(ticket, place, NOW_MS).unwrap()
    };
    let tried = (1..).take_while(|version| place(*version)).count();
    assert_eq!(tried as u32 + 1, MAX_PLACINGS);
    assert!(!place(1_000), "as somebody presses again and again");
    assert_eq!(pressed(), None);
    let shown = &desk.queue(NOW_MS).tickets[0];
    assert_eq!(shown.version, Some(i64::from(MAX_PLACINGS)));
    // Of a ticket that is over there is nothing to find out, and of another there is.
    desk.press(&press("ana", None), NOW_MS).unwrap();
    assert!(!place(1_001));
    let later = NOW_MS + 60_000;
    desk.press(&press("ana", Some(NoteKind::Help)), later)
        .unwrap();
    assert_ne!(desk.queue(later).tickets[0].id, ticket);
}

#[test]
fn a_press_whose_keeping_fails_is_none() {
    struct FullDisk;
    impl HelpStore for FullDisk {
        fn since(&self, _: i64) -> Result<Vec<StoredHelpEvent>, HelpError> {
            Ok(Vec::new())
        }
        fn append(&self, _: i64, _: &[HelpEvent]) -> Result<Vec<i64>, HelpError> {
            Err(HelpError::Engine("full".to_owned()))
        }
        fn tidy(&self, _: i64) -> Result<(), HelpError> {
            Ok(())
        }
        fn forget(&self, _: &str) -> Result<(), HelpError> {
            Ok(())
        }
    }
    let desk = HelpDesk::of(Arc::new(FullDisk), Announcements::default(), NOW_MS).unwrap();
    let failed = desk.press(&press("ana", Some(NoteKind::Help)), NOW_MS);
    assert!(matches!(failed, Err(HelpError::Engine(_))));
    assert_eq!(desk.mine("ana", NOW_MS).note, None);
    let refused = desk.claim(1, "bo", NOW_MS);
    assert!(matches!(
        refused,
        Err(HelpError::Refused(HelpRefusal::NoTicket(1)))
    ));
}
