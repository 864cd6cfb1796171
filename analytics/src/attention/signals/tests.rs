use super::*;
use crate::testing::{code, handout, lesson, lesson_with, snapshot};

/// Somebody whose exercise fails so often, every half minute.
fn failing(runs: u32, error: &str) -> Progress {
    let given = handout(&lesson());
    let mut progress = Progress::default();
    progress.note(0, &snapshot(&lesson()), Some(&given));
    for run in 1..=runs {
        let cell = code("df['price']").failed(run, "KeyError", error);
        progress.note(
            i64::from(run) * 30_000,
            &snapshot(&lesson_with(&[(5, cell)])),
            Some(&given),
        );
    }
    progress
}

fn words(attention: &Attention) -> Vec<String> {
    attention.reasons.iter().map(Reason::to_string).collect()
}

#[test]
fn the_reasons_are_words() {
    let progress = failing(4, "'price'");
    let attention = Attention::of(
        &progress,
        &ClassView::default(),
        None,
        30_000 + 6 * MINUTE_MS,
    );
    let expected = [
        "same KeyError 'price' 4 runs, 6 min",
        "4 failed runs of one cell in 6 min",
        "4 runs with nothing changed",
        "nothing saved since the error, 4 min",
        "4 runs of one cell in 6 min",
    ];
    assert_eq!(words(&attention), expected);
}

#[test]
fn an_error_that_was_just_made_says_little() {
    let progress = failing(1, "'price'");
    let new = Attention::of(&progress, &ClassView::default(), None, 31_000);
    assert!(new.weight < 0.1, "{new:?}");
    assert_eq!(words(&new), ["KeyError 'price'"]);
    let later = Attention::of(
        &progress,
        &ClassView::default(),
        None,
        30_000 + 3 * MINUTE_MS,
    );
    assert!(later.weight > 1.0);
}

#[test]
fn who_has_left_with_an_error_is_not_more_and_more_in_need() {
    let progress = failing(1, "'price'");
    let at = |minutes: i64| {
        Attention::of(
            &progress,
            &ClassView::default(),
            None,
            30_000 + minutes * MINUTE_MS,
        )
        .weight
    };
    assert_eq!(at(9), at(14));
    assert_eq!(at(16), 0.0);
}

#[test]
fn an_error_of_a_third_of_the_class_counts_half() {
    let class: Vec<Progress> = (0..5)
        .map(|_| failing(4, "'price'"))
        .chain((0..5).map(|_| failing(0, "")))
        .collect();
    let now_ms = 4 * MINUTE_MS;
    let view = ClassView::of(class.iter(), now_ms);
    let [alone, of_class] = [&ClassView::default(), &view]
        .map(|view| Attention::of(&class[0], view, None, now_ms).weight);
    // Runs of the cell count as before.
    assert!(of_class < 0.6 * alone, "{of_class} of {alone}");
    let few = ClassView::of(class[1..].iter(), now_ms);
    assert_eq!(Attention::of(&class[0], &few, None, now_ms).weight, alone);
}

#[test]
fn who_is_behind_or_has_not_begun_is_told_of() {
    let given = handout(&lesson());
    let done = [
        (1, code("import pandas as pd\nimport numpy as np").ran(1)),
        (3, code("df = 1").ran(2)),
        (5, code("def f(): pass").ran(3)),
        (7, code("df.plot()").ran(4)),
    ];
    let person = |cells: &[(usize, crate::testing::TestCell)]| {
        let mut progress = Progress::default();
        progress.note(0, &snapshot(&lesson()), Some(&given));
        progress.note(1_000, &snapshot(&lesson_with(cells)), Some(&given));
        progress.note(6 * MINUTE_MS, &snapshot(&lesson_with(cells)), Some(&given));
        progress
    };
    let class: Vec<Progress> = (0..6).map(|_| person(&done)).collect();
    let late = person(&[]);
    let now_ms = 6 * MINUTE_MS;
    let view = ClassView::of(class.iter().chain([&late]), now_ms);
    let attention = Attention::of(&late, &view, Some(&given), now_ms);
    assert_eq!(
        words(&attention),
        ["nothing run yet", "4 cells behind half of the class"]
    );
    assert!(
        Attention::of(&class[0], &view, Some(&given), now_ms)
            .reasons
            .is_empty()
    );
}
