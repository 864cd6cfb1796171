//! What tickets are about.

use shared::help::{ActiveCell, HelpTicket};

use super::*;
use crate::insight::{Ask, asks::Asks};

#[test]
fn a_ticket_says_where_it_was_asked_and_nothing_of_a_private_cell() {
    let lesson = Lesson::new();
    for (at, user) in ["ana", "bo", "cy"].into_iter().enumerate() {
        lesson.save(user, BEGIN_MS + at as i64, &[]);
    }
    let failed = code("df.head()", Some(1), NAME_ERROR);
    let mut own = code("mine = 1", None, None);
    own["id"] = json!("own-cell");
    lesson.save("ana", BEGIN_MS + 1_000, &[(3, failed), (7, own)]);
    let mut room = lesson.room();
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    let index = |at: u32| ActiveCell {
        id: None,
        index: Some(at),
    };
    let id = |id: &str| ActiveCell {
        id: Some(id.to_owned()),
        index: Some(3),
    };
    let place = |room: &Room, user: &str, cell: ActiveCell| {
        let now_ms = BEGIN_MS + 2_000;
        let found = room.place_of(user, Some(&cell), now_ms, &lesson.sources);
        found.unwrap().map(|(place, _)| place)
    };
    let found = place(&room, "ana", index(3)).unwrap();
    let error = found.error.unwrap();
    assert_eq!((found.version, &*error.title), (Some(4), "NameError df"));
    assert_eq!(
        room.answer().people[0].error.as_ref(),
        Some(&error.signature)
    );
    let label_of = |user: &str, cell: ActiveCell| {
        let cell = place(&room, user, cell).unwrap().cell;
        cell.map(|cell| cell.label)
    };
    let label = |cell: ActiveCell| label_of("ana", cell);
    let by_index = [3, 4, 6].map(|at| label(index(at)).unwrap());
    assert_eq!(
        by_index,
        ["Reading", "Exercise 1, text", "Exercise 1, cell 2"]
    );
    let own = label(id("own-cell"));
    assert_eq!(own.as_deref(), Some("a cell of their own"));
    // Bo's file has no ids: then the index counts.
    let of_bo = label_of("bo", id("of-the-page"));
    assert_eq!(of_bo.as_deref(), Some("Reading"));
    // A private cell is in no version, so it is in no ticket.
    assert_eq!(label(id("private-cell")), None);
    assert_eq!(label(index(99)), None);
    assert_eq!(place(&room, "dora", index(0)), None);
}

#[test]
fn what_is_saved_just_after_the_press_is_on_the_ticket() {
    let lesson = Lesson::new();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let mut room = lesson.room();
    let mut asks = Asks::default();
    let pressed_ms = BEGIN_MS + 10_000;
    lesson.press("ana", true, pressed_ms);
    let ticket = || lesson.sources.help.queue(pressed_ms).tickets.remove(0);
    let (id, user) = (ticket().id, "ana".to_owned());
    let ask = |cell: Option<ActiveCell>| Ask {
        ticket: id,
        user: user.clone(),
        cell,
        at_ms: pressed_ms,
    };
    // She has run a cell that she has just made, and neither is saved.
    let own = ActiveCell {
        id: Some("own-cell".to_owned()),
        index: Some(7),
    };
    let mut catch_up = |asks: &mut Asks, now_ms: i64| {
        while !room.catch_up(&lesson.sources, 9).unwrap() {}
        asks.place(&room, &lesson.sources, now_ms);
        let HelpTicket { cell, error, .. } = ticket();
        (cell.map(|it| it.label), error.map(|it| it.title))
    };
    asks.add(ask(Some(own)));
    assert_eq!(catch_up(&mut asks, pressed_ms), (None, None));
    // A version from before the press comes late, and she presses once more, on a page that knows no
    // cell: neither loses it.
    lesson.save("ana", pressed_ms - 1, &[]);
    asks.add(ask(None));
    assert_eq!(catch_up(&mut asks, pressed_ms + 1), (None, None));
    let mut failed = code("dg.head()", Some(2), NAME_ERROR);
    failed["id"] = json!("own-cell");
    lesson.save("ana", pressed_ms + 5_000, &[(7, failed)]);
    let found = (
        Some("a cell of their own".to_owned()),
        Some("NameError df".to_owned()),
    );
    assert_eq!(catch_up(&mut asks, pressed_ms + 5_001), found);
    // From then on it is what it was asked about.
    let key_error = Some(("KeyError", "'a'"));
    lesson.save(
        "ana",
        pressed_ms + 6_000,
        &[(3, code("df.a", Some(3), key_error))],
    );
    assert_eq!(catch_up(&mut asks, pressed_ms + 6_001), found);
}

#[test]
fn a_cell_that_was_known_stays_when_nothing_is_saved_for_a_minute() {
    let lesson = Lesson::new();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let mut room = lesson.room();
    let mut asks = Asks::default();
    lesson.press("ana", true, BEGIN_MS + 1_000);
    let ticket = || lesson.sources.help.queue(BEGIN_MS).tickets.remove(0);
    asks.add(Ask {
        ticket: ticket().id,
        user: "ana".to_owned(),
        cell: Some(ActiveCell {
            id: None,
            index: Some(3),
        }),
        at_ms: BEGIN_MS + 1_000,
    });
    let mut catch_up = |now_ms: i64| {
        while !room.catch_up(&lesson.sources, 9).unwrap() {}
        asks.place(&room, &lesson.sources, now_ms);
        (ticket().cell.map(|it| it.label), ticket().error)
    };
    let found = (Some("Reading".to_owned()), None);
    assert_eq!(catch_up(BEGIN_MS + 1_001), found);
    let later = BEGIN_MS + 120_000;
    lesson.save("ana", later, &[(3, code("df.head()", Some(1), NAME_ERROR))]);
    assert_eq!(catch_up(later), found);
}
