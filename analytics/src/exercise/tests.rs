use serde_json::{Value, json};
use shared::notebook::Notebook;

use super::*;

const STUB: &str = "def area(a, b):\n    ...";

fn cell(source: &str, count: Option<u32>, outputs: &Value) -> Value {
    json!({"cell_type": "code", "metadata": {}, "source": source, "execution_count": count, "outputs": outputs})
}

fn printed(source: &str, text: &str) -> Value {
    cell(
        source,
        Some(1),
        &json!([{"output_type": "stream", "name": "stdout", "text": text}]),
    )
}

fn failed(source: &str, name: &str, value: &str) -> Value {
    let error = json!({"output_type": "error", "ename": name, "evalue": value, "traceback": []});
    cell(source, Some(1), &json!([error]))
}

fn answer(cells: &[Value], is_untouched: bool) -> CellAnswer {
    let json = json!({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}});
    let parsed = Notebook::parse(json.to_string().as_bytes()).unwrap();
    let cells: Vec<&Cell> = parsed.notebook.cells().iter().collect();
    let exercise = Exercise {
        stub: STUB,
        language: "python",
    };
    exercise.answer(&cells, is_untouched, &Names::default())
}

fn of(cell: Value) -> CellAnswer {
    answer(&[cell], false)
}

#[test]
fn an_answer_is_what_has_come_of_it() {
    assert!(
        matches!(of(failed("x", "NameError", "name 'x' is not defined")).outcome, CellOutcome::Failed(error) if error.to_string() == "NameError x")
    );
    assert!(
        matches!(of(printed("print(6)", "6")).outcome, CellOutcome::Shown(print) if print.words == "6")
    );
    assert_eq!(
        of(cell("x = 1", Some(3), &json!([]))).outcome,
        CellOutcome::Silent
    );
    assert_eq!(
        of(cell("x = 1", None, &json!([]))).outcome,
        CellOutcome::NotRun
    );
    assert_eq!(
        of(cell(STUB, None, &json!([]))).outcome,
        CellOutcome::Untouched
    );
    assert_eq!(
        answer(&[printed("1", "1")], true).outcome,
        CellOutcome::Untouched
    );
    assert_eq!(answer(&[], false).outcome, CellOutcome::Missing);
    // In two pieces, of which one fails.
    let pieces = [
        cell("x = 1", Some(1), &json!([])),
        failed("y", "NameError", "name 'y' is not defined"),
    ];
    assert!(matches!(
        answer(&pieces, false).outcome,
        CellOutcome::Failed(_)
    ));
}

#[test]
fn answers_with_one_result_are_together_and_the_same_ones_stacked() {
    let answers = [
        of(printed("print(2 * 3)", "6")),
        of(printed("print(3 * 2)", "6.0")),
        of(printed("print( 2*3 )  # mine", "6")),
        of(failed("prin(6)", "NameError", "name 'prin' is not defined")),
        of(failed("prin(7)", "NameError", "name 'prin' is not defined")),
        of(printed("print(2 + 3)", "5")),
        of(failed("1 / 0", "ZeroDivisionError", "division by zero")),
        of(cell(STUB, None, &json!([]))),
        of(printed("print(6)", "6")),
    ];
    let groups = groups(&answers);
    let found: Vec<(String, Vec<Vec<usize>>)> = groups
        .iter()
        .map(|group| {
            let name = match &group.common {
                Common::CellOutcome(CellOutcome::Failed(error)) => error.to_string(),
                Common::CellOutcome(CellOutcome::Shown(print)) => print.words.clone(),
                other => format!("{other:?}"),
            };
            let mut stacks = group.stacks.clone();
            stacks.sort();
            (name, stacks)
        })
        .collect();
    let expected = [
        ("NameError prin", vec![vec![3], vec![4]]),
        ("OtherErrors", vec![vec![6]]),
        ("6", vec![vec![0, 2], vec![8]]),
        ("OtherResults", vec![vec![1], vec![5]]),
        ("CellOutcome(Untouched)", vec![vec![7]]),
    ];
    let expected: Vec<_> = expected
        .map(|(name, stacks)| (name.to_owned(), stacks))
        .into();
    assert_eq!(found, expected);
    assert_eq!(groups[2].len(), 3);
}

#[test]
fn neighbours_are_alike() {
    let loops = |name: &str| {
        format!(
            "total = 0\nfor {name} in range(10):\n    total += {name} * 2\nprint(total, '{name}')"
        )
    };
    let sums = |name: &str| format!("import numpy as np\nprint(np.arange(10).sum() * 2, '{name}')");
    let sources = [loops("a"), sums("b"), loops("c"), sums("d"), loops("e")];
    let answers = sources.map(|source| of(printed(&source, "90")));
    let groups = groups(&answers);
    let order: Vec<usize> = groups[0].stacks.concat();
    let is_loop: Vec<bool> = order.iter().map(|at| at % 2 == 0).collect();
    assert_eq!(is_loop, [true, true, true, false, false], "{order:?}");
}

#[test]
fn the_order_of_hundreds_is_found_at_once() {
    let answers: Vec<CellAnswer> = (0..300)
        .map(|n| {
            of(printed(
                &format!("x = {n}\nfor i in range(x):\n    print(i + {n})"),
                "ok",
            ))
        })
        .collect();
    let groups = groups(&answers);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].len(), 300);
}
