use proptest::prelude::*;

use super::*;
use crate::{
    signature::Names,
    testing::{TestCell, code, handout, json_of, lesson, lesson_with, snapshot},
};

const NAMES: [&str; 4] = ["ana", "bo", "cy", "di"];

/// What happens in a class.
#[derive(Clone, Debug)]
enum ClassroomEvent {
    Save {
        who: usize,
        cell: usize,
        what: u8,
        count: u32,
    },
    Ask {
        who: usize,
        asks: bool,
    },
    Settle {
        who: usize,
        helped: bool,
    },
}

fn events() -> impl Strategy<Value = Vec<(i64, ClassroomEvent)>> {
    let event = prop_oneof![
        8 => (0..NAMES.len(), 0_usize..8, any::<u8>(), 1_u32..40)
            .prop_map(|(who, cell, what, count)| ClassroomEvent::Save { who, cell, what, count }),
        1 => (0..NAMES.len(), any::<bool>()).prop_map(|(who, asks)| ClassroomEvent::Ask { who, asks }),
        1 => (0..NAMES.len(), any::<bool>()).prop_map(|(who, helped)| ClassroomEvent::Settle { who, helped }),
    ];
    prop::collection::vec((0_i64..60_000, event), 1..40).prop_map(|mut events| {
        let mut now_ms = 1_000_000;
        for (at_ms, _) in &mut events {
            now_ms += *at_ms;
            *at_ms = now_ms;
        }
        events
    })
}

fn written(what: u8, count: u32) -> TestCell {
    match what % 4 {
        0 => code(&format!("x = {what}")),
        1 => code(&format!("x = {what}")).printed(count, "1"),
        _ => code(&format!("x = {what}")).failed(count, "KeyError", &format!("'k{}'", what % 3)),
    }
}

fn apply(room: &mut Classroom, at_ms: i64, event: &ClassroomEvent) {
    match *event {
        ClassroomEvent::Save {
            who,
            cell,
            what,
            count,
        } => {
            let cells = lesson_with(&[(cell, written(what, count))]);
            room.save(at_ms, NAMES[who], &snapshot(&cells));
        }
        ClassroomEvent::Ask { who, asks } => room.ask(at_ms, NAMES[who], asks),
        ClassroomEvent::Settle { who, helped } => {
            let settled = if helped {
                Settled::Helped
            } else {
                Settled::Later
            };
            room.settle(at_ms, NAMES[who], settled);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Live, somebody looks at any time, and the service is started again now and then.
    #[test]
    fn a_replay_comes_to_what_was_there_live(events in events(), looks in prop::collection::vec((any::<bool>(), any::<bool>(), 0_i64..30_000), 40)) {
        let mut live = Classroom::new(Some(handout(&lesson())));
        let mut replay = live.clone();
        for ((at_ms, event), (looks, restarts, before_ms)) in events.iter().zip(looks) {
            if looks {
                live.advance(at_ms - before_ms);
            }
            if restarts {
                live = serde_json::from_str(&serde_json::to_string(&live).unwrap()).unwrap();
            }
            apply(&mut live, *at_ms, event);
            apply(&mut replay, *at_ms, event);
        }
        let end_ms = events.last().map_or(0, |(at_ms, _)| *at_ms) + 25_000;
        live.advance(end_ms);
        replay.advance(end_ms);
        prop_assert_eq!(&live, &replay);
        prop_assert_eq!(live.pace(end_ms), replay.pace(end_ms));
        prop_assert_eq!(live.error_groups(end_ms), replay.error_groups(end_ms));
    }

    #[test]
    fn nothing_of_a_private_cell_is_in_what_is_derived(at in 0_usize..8, count in 1_u32..9) {
        let canary = "canary_7f3";
        let private = code(&format!("{canary} = 1")).failed(count, "NameError", &format!("name '{canary}' is not defined")).tag("private");
        let mut cells = lesson();
        cells.insert(at, private);
        let mut with = Classroom::new(Some(handout(&lesson())));
        let mut without = with.clone();
        with.save(1_000, "ana", &Snapshot::read(json_of(&cells), &Names::default()).unwrap());
        without.save(1_000, "ana", &snapshot(&lesson()));
        prop_assert!(!serde_json::to_string(&with).unwrap().contains(canary));
        prop_assert_eq!(with, without);
    }
}

#[test]
fn who_asks_is_first_and_may_have_saved_nothing() {
    let mut room = Classroom::new(Some(handout(&lesson())));
    room.ask(60_000, "bo", true);
    let (shown, _) = room.shortlist().shown();
    assert_eq!(shown[0].name, "bo");
    assert_eq!(
        room.attention("bo", 180_000).unwrap().reasons[0].to_string(),
        "asked for help 2 min ago"
    );
    room.settle(200_000, "bo", Settled::Helped);
    assert!(room.shortlist().entries().is_empty());
}

#[test]
fn an_error_that_stays_brings_somebody_into_the_lane_and_its_end_out_of_it() {
    let mut room = Classroom::new(Some(handout(&lesson())));
    room.save(0, "ana", &snapshot(&lesson()));
    let mut now_ms = 0;
    for run in 1..=4 {
        now_ms = i64::from(run) * 30_000;
        room.save(
            now_ms,
            "ana",
            &snapshot(&lesson_with(&[(5, written(2, run))])),
        );
    }
    let (shown, _) = room.shortlist().shown();
    assert_eq!(
        shown[0].reasons[0].to_string(),
        "same KeyError 'k2' 4 runs, 1 min"
    );
    room.save(
        now_ms + 5_000,
        "ana",
        &snapshot(&lesson_with(&[(5, written(1, 5))])),
    );
    assert!(room.shortlist().entries()[0].solved_ms.is_some());
    room.advance(now_ms + 40_000);
    assert!(room.shortlist().entries().is_empty());
    room.forget("ana");
    assert!(room.progress("ana").is_none());
}

#[test]
fn after_a_long_pause_only_the_last_looks_are_made_up_for() {
    let mut room = Classroom::new(None);
    room.save(0, "ana", &snapshot(&lesson()));
    room.advance(i64::MAX);
    assert!(room.shortlist().entries().is_empty());
}
