use super::*;

const MINUTE_MS: i64 = 60_000;

fn weight(weight: f32) -> Attention {
    Attention {
        reasons: vec![Reason::NotBegun],
        weight,
        error: Some(1),
    }
}

fn names(shortlist: &Shortlist) -> Vec<&str> {
    shortlist
        .shown()
        .0
        .iter()
        .map(|entry| &*entry.name)
        .collect()
}

#[test]
fn it_takes_more_to_enter_than_to_stay() {
    let mut shortlist = Shortlist::default();
    shortlist.update("ana", &weight(2.4), false, None, 0);
    assert!(names(&shortlist).is_empty());
    shortlist.update("ana", &weight(2.5), false, None, 1_000);
    for at_ms in [60_000, 120_000, 300_000] {
        shortlist.update("ana", &weight(1.1), false, None, at_ms);
        assert_eq!(names(&shortlist), ["ana"]);
    }
    shortlist.update("ana", &weight(0.9), false, None, 301_000);
    assert!(names(&shortlist).is_empty());
}

#[test]
fn nobody_leaves_within_two_minutes_but_who_has_solved_it() {
    let mut shortlist = Shortlist::default();
    shortlist.update("ana", &weight(3.0), false, None, 0);
    shortlist.update("bo", &weight(3.0), false, None, 0);
    shortlist.update("ana", &weight(0.0), false, None, 60_000);
    shortlist.update("bo", &weight(0.0), true, None, 60_000);
    assert_eq!(names(&shortlist), ["ana", "bo"]);
    assert_eq!(shortlist.entries()[1].solved_ms, Some(60_000));
    shortlist.update("bo", &weight(0.0), false, None, 60_000 + SOLVED_MS);
    assert_eq!(names(&shortlist), ["ana"]);
    shortlist.update("ana", &weight(0.0), false, None, 2 * MINUTE_MS);
    assert!(names(&shortlist).is_empty());
}

#[test]
fn people_are_in_the_order_in_which_they_came_and_who_asked_is_first() {
    let mut shortlist = Shortlist::default();
    for (at, name) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        .into_iter()
        .enumerate()
    {
        shortlist.update(name, &weight(3.0 + at as f32), false, None, at as i64);
    }
    shortlist.update("z", &weight(0.0), false, Some(20), 20);
    shortlist.update("y", &weight(0.0), false, Some(10), 21);
    let (shown, more) = shortlist.shown();
    assert_eq!((shown.len(), more), (SHOWN, 3));
    assert_eq!(names(&shortlist), ["y", "z", "a", "b", "c", "d", "e", "f"]);
    // Whoever asked stays until it is settled.
    shortlist.update("y", &weight(0.0), false, Some(10), 60 * MINUTE_MS);
    assert_eq!(names(&shortlist)[0], "y");
}

#[test]
fn who_was_helped_is_left_alone_until_there_is_another_error() {
    let mut shortlist = Shortlist::default();
    shortlist.update("ana", &weight(3.0), false, None, 0);
    shortlist.settle("ana", Settled::Helped, 1_000, Some(1));
    assert!(names(&shortlist).is_empty() && shortlist.helped_ms("ana") == Some(1_000));
    shortlist.update("ana", &weight(9.0), false, None, 9 * MINUTE_MS);
    assert!(names(&shortlist).is_empty());
    let other = Attention {
        error: Some(2),
        ..weight(3.0)
    };
    shortlist.update("ana", &other, false, None, 9 * MINUTE_MS);
    assert_eq!(names(&shortlist), ["ana"]);
    shortlist.settle("ana", Settled::Later, 10 * MINUTE_MS, Some(2));
    shortlist.update("ana", &other, false, None, 21 * MINUTE_MS);
    assert_eq!(names(&shortlist), ["ana"]);
    // Without an error, five minutes are enough.
    let behind = Attention {
        error: None,
        ..weight(3.0)
    };
    shortlist.update("bo", &behind, false, None, 0);
    shortlist.settle("bo", Settled::Later, 0, None);
    shortlist.update("bo", &behind, false, None, 4 * MINUTE_MS);
    assert_eq!(names(&shortlist), ["ana"]);
    shortlist.update("bo", &behind, false, None, 5 * MINUTE_MS);
    assert_eq!(names(&shortlist), ["ana", "bo"]);
}
