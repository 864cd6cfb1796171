//! `/api/insight/exercise`: everyone's answers to one cell of the handout, and one error.

use serde_json::{Value, json};
use shared::exercise::{ExerciseKind, ExerciseResponse};

use crate::insight::{CLASS, FILENAME, Failed, Fine, LessonClass, Nothing, code};

fn printed(source: &str, text: &str) -> Value {
    let mut cell = code(source, Fine(4));
    cell["outputs"] = json!([{"output_type": "stream", "name": "stdout", "text": text}]);
    cell
}

impl LessonClass {
    async fn exercise(&self, choice: &str) -> ExerciseResponse {
        let path = format!("api/insight/exercise?filename={FILENAME}&{choice}");
        serde_json::from_value(self.app.helper().json(&path).await).unwrap()
    }

    /// The cell of the handout in the column of this place.
    async fn anchor(&self, column: usize) -> u32 {
        self.settled_insight().await.pace.unwrap().columns[column].anchor
    }
}

#[tokio::test]
async fn answers_to_an_exercise_are_together_by_what_has_come_of_them() {
    let class = LessonClass::begin().await;
    let answers = [
        ("ana", printed("x = 2 * 3\nprint(x)", "6\n")),
        ("bo", printed("# mine\nx = 2*3\nprint(x)", "6\n")),
        ("cyril", printed("x = sum([1, 2, 3])\nprint(x)", "6\n")),
        (
            "dora",
            code("x = y", Failed(4, "NameError", "name 'y' is not defined")),
        ),
        ("eve", code("x = 7 # <b>", Nothing)),
    ];
    for (user, cell) in answers {
        class.save(user, 100, &[(5, cell)]).await;
    }
    let anchor = class.anchor(2).await;
    let found = class.exercise(&format!("anchor={anchor}")).await;
    assert_eq!(found.title, "Exercise 1");
    assert_eq!(found.anchor, Some(anchor));
    let before = found.before.unwrap();
    assert_eq!((&*before.label, found.after), ("Reading", None));
    assert!(found.stub.as_str().contains("..."), "{:?}", found.stub);
    let groups: Vec<(ExerciseKind, &str, Vec<Vec<&str>>)> = found
        .groups
        .iter()
        .map(|group| {
            let mut answers: Vec<Vec<&str>> = Vec::new();
            for answer in &group.answers {
                answers.push(answer.people.iter().map(|it| &**it).collect());
            }
            answers.sort();
            (group.kind, &*group.title, answers)
        })
        .collect();
    let expected = [
        (ExerciseKind::Error, "NameError y", vec![vec!["dora"]]),
        (
            ExerciseKind::Output,
            "6",
            vec![vec!["ana", "bo"], vec!["cyril"]],
        ),
        (ExerciseKind::NotRun, "Not run", vec![vec!["eve"]]),
        (ExerciseKind::Untouched, "Untouched", vec![]),
    ];
    assert_eq!(groups, expected);
    assert_eq!(found.groups[3].people, ["fay"]);

    // The result once, and of each answer what is another than in the handout.
    let six = &found.groups[1];
    assert!(six.shown.as_str().contains("6"), "{:?}", six.shown);
    for answer in &six.answers {
        assert_eq!(answer.shown.as_str(), "");
        assert!(answer.changes.as_str().contains("<del>− x = ...\n</del>"));
        assert!(!answer.code.as_str().contains("nb-outputs"));
    }
    let eve = &found.groups[2].answers[0];
    assert!(!eve.code.as_str().contains("<b>"), "{:?}", eve.code);
    assert!(eve.changes.as_str().contains("+ x = 7 # &lt;b&gt;"));
    // Each error of its own is shown.
    let dora = &found.groups[0].answers[0];
    assert!(dora.shown.as_str().contains("NameError"));
    let said = serde_json::to_string(&found.groups).unwrap();
    assert!(!said.to_lowercase().contains("canary"), "{said}");
}

#[tokio::test]
async fn cells_with_one_error_are_side_by_side_wherever_they_are() {
    let class = LessonClass::begin().await;
    class.work().await;
    let insight = class.settled_insight().await;
    let undefined = &insight.groups[0];
    let found = class
        .exercise(&format!("error={}", undefined.signature))
        .await;
    assert_eq!((&*found.title, found.anchor), ("NameError df", None));
    let [group] = &found.groups[..] else {
        panic!("one group: {:?}", found.groups)
    };
    let mut people = group.people.clone();
    people.sort();
    assert_eq!(people, undefined.people);
    assert_eq!(group.answers.len(), 1, "they have written the same");
    assert!(group.answers[0].code.as_str().contains("head"));
    assert_eq!(group.answers[0].changes.as_str(), "");
    assert!(group.shown.as_str().contains("nb-error"));
    // Cells of their own have no place in the handout.
    let missing = &insight.groups[1];
    let found = class
        .exercise(&format!("error={}", missing.signature))
        .await;
    assert_eq!(found.groups[0].people.len(), 2);
}

#[tokio::test]
async fn a_choice_that_is_none_is_named() {
    let class = LessonClass::begin().await;
    class.settled_insight().await;
    let helper = class.app.helper();
    for (query, status, words) in [
        ("anchor=999", 404, "no such cell 999"),
        ("error=nonsense", 404, "no such error"),
        ("", 400, "either `anchor`"),
        ("anchor=1&error=a", 400, "either `anchor`"),
        ("anchor=x", 400, "anchor"),
    ] {
        let path = format!("api/insight/exercise?filename={FILENAME}&{query}");
        let response = helper.get(&path).await;
        assert_eq!(response.status(), status, "{query}");
        let said: Value = response.json().await.unwrap();
        let said = said["message"].as_str().unwrap();
        assert!(said.contains(words), "{query}: {said}");
    }
    let participant = class.app.participant(CLASS[0]);
    let path = format!("api/insight/exercise?filename={FILENAME}&anchor=0");
    assert_eq!(participant.get(&path).await.status(), 403);
}
