use super::*;
use crate::episode::QUIET_MS;
use crate::testing::{TestCell, code, handout, lesson, lesson_with, snapshot};

fn error(name: &str) -> TestCell {
    code("df").failed(1, "NameError", &format!("name '{name}' is not defined"))
}

/// Somebody whose cells are these at these times.
fn person(saves: &[(i64, usize, TestCell)]) -> Progress {
    let given = handout(&lesson());
    let mut progress = Progress::default();
    progress.note(0, &snapshot(&lesson()), Some(&given));
    for (at_ms, at, cell) in saves {
        progress.note(
            *at_ms,
            &snapshot(&lesson_with(&[(*at, cell.clone())])),
            Some(&given),
        );
    }
    progress
}

#[test]
fn people_with_one_error_are_a_group_with_those_who_have_solved_it() {
    let solved = |ms: i64| person(&[(1_000, 5, error("df")), (1_000 + ms, 5, code("df").ran(2))]);
    let people = [
        ("ana", person(&[(1_000, 5, error("df"))])),
        ("bo", person(&[(2_000, 5, error("df"))])),
        ("cy", person(&[(3_000, 3, error("df"))])),
        ("di", person(&[(3_000, 3, error("x"))])),
        ("ed", solved(60_000)),
        ("fi", solved(180_000)),
        ("gil", solved(600_000)),
    ];
    let of = |now_ms| {
        error_groups(
            people.iter().map(|(name, progress)| (*name, progress)),
            now_ms,
        )
    };
    let groups = of(10_000);
    let [group] = &*groups else {
        panic!("{groups:?}")
    };
    assert_eq!(group.signature.to_string(), "NameError df");
    assert_eq!(group.people, ["ana", "bo", "cy"]);
    assert_eq!(group.places, [(Some(Anchor(5)), 2), (Some(Anchor(3)), 1)]);
    assert_eq!((group.solved, group.median_solved_ms), (3, Some(180_000)));
    assert_eq!(group.newest_ms, 3_000);
    // A quarter of an hour without a run.
    assert!(of(3_000 + QUIET_MS + 1).is_empty());
}

#[test]
fn who_has_it_again_has_not_solved_it() {
    let again = [
        (1_000, 5, error("df")),
        (2_000, 5, code("df").ran(2)),
        (
            3_000,
            5,
            code("df").failed(3, "NameError", "name 'df' is not defined"),
        ),
    ];
    let people = [
        ("ana", person(&again)),
        ("bo", person(&[(1_000, 5, error("df"))])),
    ];
    let groups = error_groups(
        people.iter().map(|(name, progress)| (*name, progress)),
        5_000,
    );
    assert_eq!((groups[0].solved, groups[0].people.len()), (0, 2));
}
