use super::*;
use crate::testing::{code, handout, lesson, lesson_with, snapshot};

const MINUTE_MS: i64 = 60_000;

/// Somebody who has done the first so many code cells, each in `seconds`.
fn person(given: &AnchoredHandout, done: usize, seconds: i64) -> Progress {
    let cells = [
        (1, code("import pandas as pd\nimport numpy as np").ran(1)),
        (3, code("df = pd.read_csv('prices.csv')\ndf.head()").ran(2)),
        (5, code("def area(a, b):\n    return a * b").ran(3)),
        (7, code("df.plot()").ran(4)),
    ];
    let mut progress = Progress::default();
    progress.note(0, &snapshot(&lesson()), Some(given));
    for count in 1..=done {
        let at_ms = count as i64 * seconds * 1_000;
        progress.note(at_ms, &snapshot(&lesson_with(&cells[..count])), Some(given));
    }
    progress
}

#[test]
fn the_strip_counts_people_by_cell_and_state() {
    let given = handout(&lesson());
    let people: Vec<Progress> = [0, 1, 2, 2, 3, 4, 4, 4, 4, 4]
        .map(|done| person(&given, done, 20))
        .into();
    let instructor = person(&given, 3, 10);
    let pace = Pace::of(&given, people.iter(), Some(&instructor), 2 * MINUTE_MS);
    let done: Vec<usize> = pace.columns.iter().map(|column| column.people[0]).collect();
    assert_eq!((done, pace.active), (vec![9, 8, 6, 5], 10));
    assert!(
        pace.columns
            .iter()
            .all(|column| column.people.iter().sum::<usize>() == 10)
    );
    let most: Vec<bool> = pace
        .columns
        .iter()
        .map(|column| column.most_have_done)
        .collect();
    assert_eq!(most, [true, true, false, false]);
    let exercises: Vec<bool> = pace
        .columns
        .iter()
        .map(|column| column.is_exercise)
        .collect();
    assert_eq!(exercises, [false, false, true, true]);
    assert_eq!(pace.columns[2].heading.as_deref(), Some("Exercise 1"));
    assert_eq!((pace.furthest, pace.instructor), (Some([0, 3, 3]), Some(2)));
}

#[test]
fn who_is_away_is_not_waited_for() {
    let given = handout(&lesson());
    let people = [person(&given, 1, 20)];
    let pace = Pace::of(&given, people.iter(), None, 20_000 + ACTIVE_MS + 1);
    assert_eq!((pace.active, pace.furthest), (0, None));
    assert!(!pace.columns[0].most_have_done);
}

#[test]
fn the_time_of_the_others_is_estimated_once_half_are_done() {
    let given = handout(&lesson());
    let estimate = |done: usize, left: usize| {
        let people: Vec<Progress> = (0..done)
            .map(|_| person(&given, 1, 40))
            .chain((0..left).map(|_| person(&given, 0, 40)))
            .collect();
        Pace::of(&given, people.iter(), None, MINUTE_MS).columns[0].nearly_all_in_ms
    };
    assert_eq!(estimate(6, 4), Some(40_000));
    // Too early to say, and too late to ask.
    assert_eq!(
        (estimate(4, 0), estimate(6, 10), estimate(10, 0)),
        (None, None, None)
    );
}
