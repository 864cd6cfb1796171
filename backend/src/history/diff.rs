//! What is different between two versions of a notebook, cell by cell and line by line.

use std::time::Instant;

use shared::{
    notebook::{Cell, CellKind, Notebook},
    wire::{CellDiff, LineDiff},
};
use similar::{ChangeTag, TextDiff};

use super::align::{self, PATIENCE, Step};

/// So many lines around a change say where it is.
const CONTEXT: usize = 3;
/// Longer lines are cut to so many characters.
const LONGEST_LINE: usize = 2_000;
/// A cell has at most so many lines of difference.
const MOST_LINES: usize = 1_000;

/// The cells that differ.
#[must_use]
pub fn difference(old: &Notebook, new: &Notebook) -> Vec<CellDiff> {
    let steps = align::align(&align::outline(old), &align::outline(new));
    let cells = |step| match step {
        Step::Both(before, after) => (Some(before), Some(after)),
        Step::Removed(before) => (Some(before), None),
        Step::Added(after) => (None, Some(after)),
    };
    let deadline = Instant::now() + PATIENCE;
    let differing = steps.into_iter().map(cells).filter_map(|(before, after)| {
        let old_cell = before.map(|at| &old.cells()[at]);
        let new_cell = after.map(|at| &new.cells()[at]);
        let diff = CellDiff {
            before,
            after,
            kind: new_cell.or(old_cell).map(word).unwrap_or_default(),
            ..cell(old_cell, new_cell, deadline)
        };
        let same = before.is_some()
            && after.is_some()
            && diff.lines.is_empty()
            && !diff.outputs_changed
            && !diff.details_changed;
        (!same).then_some(diff)
    });
    differing.collect()
}

fn cell(old: Option<&Cell>, new: Option<&Cell>, deadline: Instant) -> CellDiff {
    let source = |cell: Option<&Cell>| cell.map(Cell::source).unwrap_or_default();
    let differ = |names: [&str; 2]| {
        let Some((old, new)) = old.zip(new) else {
            return false;
        };
        // What is not there is as if it was null.
        names.iter().any(|name| {
            let [old, new] =
                [old, new].map(|cell| cell.json().get(name).filter(|raw| !raw.is_null()));
            old != new
        })
    };
    CellDiff {
        before: None,
        after: None,
        kind: String::new(),
        lines: lines(&source(old), &source(new), deadline),
        outputs_changed: differ(["outputs", "execution_count"])
            || differ(["outputs", "prompt_number"]),
        details_changed: differ(["metadata", "cell_type"]) || differ(["attachments", "level"]),
    }
}

/// The type of a cell in a word.
fn word(cell: &Cell) -> String {
    match cell.kind() {
        CellKind::Code => "code",
        CellKind::Markdown | CellKind::Heading(_) => "markdown",
        CellKind::Raw => "raw",
        CellKind::Unknown(_) => "unknown",
    }
    .to_owned()
}

/// The lines that differ and a few around them; none when nothing differs.
fn lines(old: &str, new: &str, deadline: Instant) -> Vec<LineDiff> {
    if old == new {
        return Vec::new();
    }
    let diff = TextDiff::configure()
        .deadline(deadline)
        .diff_lines(old, new);
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let first = group.first().map_or(0, |op| op.old_range().start);
        skip(&mut lines, first - shown);
        shown = group.last().map_or(shown, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = change.value().trim_end_matches('\n');
            let text = text.chars().take(LONGEST_LINE).collect();
            lines.push(match change.tag() {
                ChangeTag::Equal => LineDiff::Same(text),
                ChangeTag::Insert => LineDiff::Added(text),
                ChangeTag::Delete => LineDiff::Removed(text),
            });
        }
    }
    let left = old.split_inclusive('\n').count().saturating_sub(shown);
    skip(&mut lines, left);
    if lines.len() > MOST_LINES {
        let rest = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        skip(&mut lines, rest);
    }
    lines
}

fn skip(lines: &mut Vec<LineDiff>, count: usize) {
    if count > 0 {
        lines.push(LineDiff::Skipped(count));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn notebook(cells: &Value) -> Notebook {
        let json = json!({"cells": cells, "nbformat": 4}).to_string();
        Notebook::parse(json.as_bytes()).unwrap().notebook
    }

    fn code(id: &str, source: &str, output: &str) -> Value {
        json!({"cell_type": "code", "id": id, "source": source, "outputs": [output]})
    }

    #[test]
    fn only_what_differs_is_told() {
        let old = notebook(&json!([
            code("a", "x", ""),
            code("b", "y", ""),
            code("c", "z", "1")
        ]));
        let new = notebook(&json!([
            code("a", "x", ""),
            code("n", "new", ""),
            code("c", "z", "2")
        ]));
        let told = difference(&old, &new);
        let places: Vec<_> = told.iter().map(|cell| (cell.before, cell.after)).collect();
        assert_eq!(
            places,
            [(Some(1), None), (None, Some(1)), (Some(2), Some(2))]
        );
        assert_eq!(told[0].lines, [LineDiff::Removed("y".into())]);
        assert_eq!(told[1].lines, [LineDiff::Added("new".into())]);
        assert!(told[2].lines.is_empty() && told[2].outputs_changed);
        assert!(!told[2].details_changed);
        assert_eq!(told[1].kind, "code");
        assert!(difference(&new, &new).is_empty());
    }

    #[test]
    fn an_empty_cell_that_comes_or_goes_is_told_too() {
        let none = notebook(&json!([]));
        let one = notebook(&json!([code("a", "", "")]));
        assert_eq!(difference(&none, &one).len(), 1);
        assert_eq!(difference(&one, &none).len(), 1);
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let old: String = (0..30).map(|n| format!("{n}\n")).collect();
        let new = old.replace("15\n", "fifteen\n");
        let told = lines(&old, &new, Instant::now() + PATIENCE);
        assert_eq!(told.first(), Some(&LineDiff::Skipped(12)));
        assert_eq!(told[4], LineDiff::Removed("15".into()));
        assert_eq!(told[5], LineDiff::Added("fifteen".into()));
        assert_eq!(told.last(), Some(&LineDiff::Skipped(11)));
        let endless: String = (0..5_000).map(|n| format!("{n}\n")).collect();
        let told = lines("", &endless, Instant::now() + PATIENCE);
        assert_eq!(told.len(), MOST_LINES + 1);
        assert_eq!(told.last(), Some(&LineDiff::Skipped(4_000)));
    }
}
