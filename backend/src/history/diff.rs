//! The difference between two versions of a notebook, cell by cell and line by line.

use std::time::Instant;

use shared::{
    notebook::{Cell, CellKind, Notebook},
    wire::{CellDiff, LineDiff},
};
use similar::{ChangeTag, TextDiff};

use super::align::{self, AlignmentStep, DIFF_TIMEOUT};

/// Unchanged lines that are shown around a change.
const CONTEXT_LINES: usize = 3;
/// Longer lines are cut to so many characters.
const MAX_LINE_CHARS: usize = 2_000;
/// Lines of difference in one cell.
const MAX_CELL_DIFF_LINES: usize = 1_000;
/// Bytes of a source that are compared, beginning at its first difference.
const MAX_COMPARED_BYTES: usize = 256 * 1024;
/// Cells in a difference, and bytes of lines in all of them. People do not read more, and one
/// request could make the service write it all.
const MAX_DIFF_CELLS: usize = 1_000;
const MAX_DIFF_BYTES: usize = 1 << 20;

/// The cells that differ, up to a bound, and the number of further ones.
#[must_use]
pub fn difference(old: &Notebook, new: &Notebook) -> (Vec<CellDiff>, usize) {
    let mut diffs = Vec::new();
    let mut left = MAX_DIFF_BYTES;
    let mut differing = differing(old, new);
    for mut diff in differing.by_ref().take(MAX_DIFF_CELLS) {
        fit(&mut diff.lines, &mut left);
        diffs.push(diff);
    }
    (diffs, differing.count())
}

/// The lines in which a source differs from another, and a few around them, of at most so many
/// bytes; empty when none does.
#[must_use]
pub fn line_difference(old: &str, new: &str, max_bytes: usize) -> Vec<LineDiff> {
    let mut lines = lines(old, new, Instant::now() + DIFF_TIMEOUT);
    let mut left = max_bytes;
    fit(&mut lines, &mut left);
    lines
}

/// Removes the lines that exceed `left`, the bytes that may still be written.
fn fit(lines: &mut Vec<LineDiff>, left: &mut usize) {
    let length = |line: &LineDiff| match line {
        LineDiff::Same(text) | LineDiff::Added(text) | LineDiff::Removed(text) => text.len() + 32,
        LineDiff::Skipped(_) => 32,
    };
    let fits = |line: &&LineDiff| {
        let rest = left.checked_sub(length(line));
        *left = rest.unwrap_or(0);
        rest.is_some()
    };
    let shown = lines.iter().take_while(fits).count();
    let missing = lines.drain(shown..).map(|line| match line {
        LineDiff::Skipped(count) => count,
        _ => 1,
    });
    let missing = missing.sum();
    skip(lines, missing);
}

fn differing<'a>(old: &'a Notebook, new: &'a Notebook) -> impl Iterator<Item = CellDiff> + 'a {
    let steps = align::align(&align::cell_hashes(old), &align::cell_hashes(new));
    let cells = |step| match step {
        AlignmentStep::Both(before, after) => (Some(before), Some(after)),
        AlignmentStep::Removed(before) => (Some(before), None),
        AlignmentStep::Added(after) => (None, Some(after)),
    };
    let deadline = Instant::now() + DIFF_TIMEOUT;
    steps
        .into_iter()
        .map(cells)
        .filter_map(move |(before, after)| {
            let old_cell = before.map(|at| &old.cells()[at]);
            let new_cell = after.map(|at| &new.cells()[at]);
            let diff = CellDiff {
                before,
                after,
                kind: new_cell.or(old_cell).map(cell_type).unwrap_or_default(),
                ..cell(old_cell, new_cell, deadline)
            };
            let same = before.is_some()
                && after.is_some()
                && diff.lines.is_empty()
                && !diff.outputs_changed
                && !diff.details_changed;
            (!same).then_some(diff)
        })
}

fn cell(old: Option<&Cell>, new: Option<&Cell>, deadline: Instant) -> CellDiff {
    let source = |cell: Option<&Cell>| cell.map(Cell::source).unwrap_or_default();
    let differ = |names: [&str; 2]| {
        let Some((old, new)) = old.zip(new) else {
            return false;
        };
        // A missing field equals `null`.
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

/// The type of a cell, as a word.
fn cell_type(cell: &Cell) -> String {
    match cell.kind() {
        CellKind::Code => "code",
        CellKind::Markdown | CellKind::Heading(_) => "markdown",
        CellKind::Raw => "raw",
        CellKind::Unknown(_) => "unknown",
    }
    .to_owned()
}

/// The lines that differ and a few around them; empty when all are the same.
fn lines(old: &str, new: &str, deadline: Instant) -> Vec<LineDiff> {
    if old == new {
        return Vec::new();
    }
    // Most of a long text is usually the same in both, and is not compared line by line.
    let before = same_before(old, new);
    let (old, new) = (&old[before.length..], &new[before.length..]);
    let after = same_after(old, new);
    let [old, new] = [old, new].map(|text| &text[..text.len() - after.length]);
    let [(old, old_rest), (new, new_rest)] = [old, new].map(first_part);
    let diff = TextDiff::configure()
        .deadline(deadline)
        .diff_lines(old, new);
    let mut lines = Vec::new();
    let mut shown = 0;
    let mut skipped = before.lines;
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let first = group.first().map_or(0, |op| op.old_range().start);
        skip(&mut lines, skipped + first - shown);
        skipped = 0;
        shown = group.last().map_or(shown, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = cut(change.value().trim_end_matches('\n'));
            lines.push(match change.tag() {
                ChangeTag::Equal => LineDiff::Same(text),
                ChangeTag::Insert => LineDiff::Added(text),
                ChangeTag::Delete => LineDiff::Removed(text),
            });
        }
    }
    let left = count(old).saturating_sub(shown) + count(old_rest).max(count(new_rest));
    skip(&mut lines, skipped + left + after.lines);
    if lines.len() > MAX_CELL_DIFF_LINES {
        let rest = lines.len() - MAX_CELL_DIFF_LINES;
        lines.truncate(MAX_CELL_DIFF_LINES);
        skip(&mut lines, rest);
    }
    lines
}

fn count(text: &str) -> usize {
    text.split_inclusive('\n').count()
}

/// The common beginning or end of two texts, in whole lines.
struct CommonLines {
    length: usize,
    lines: usize,
}

/// The lines that both begin with, except the context lines before the first change.
fn same_before(old: &str, new: &str) -> CommonLines {
    let pairs = old.split_inclusive('\n').zip(new.split_inclusive('\n'));
    let same = pairs.take_while(|(old, new)| old == new).count();
    let lines = same.saturating_sub(CONTEXT_LINES);
    let length = old.split_inclusive('\n').take(lines).map(str::len).sum();
    CommonLines { length, lines }
}

/// The lines that both end with, except the context lines after the last change.
fn same_after(old: &str, new: &str) -> CommonLines {
    let each = |text: &'_ str| -> usize {
        let both = old.bytes().rev().zip(new.bytes().rev());
        let same = both.take_while(|(old, new)| old == new).count();
        text.len() - same
    };
    // From the first line that is the same as a whole.
    let from = old.ceil_char_boundary(each(old));
    let Some(first) = old[from..].find('\n') else {
        return CommonLines {
            length: 0,
            lines: 0,
        };
    };
    let tail = &old[from + first + 1..];
    let context: usize = tail
        .split_inclusive('\n')
        .take(CONTEXT_LINES)
        .map(str::len)
        .sum();
    let rest = &tail[context..];
    CommonLines {
        length: rest.len(),
        lines: count(rest),
    }
}

/// Splits off the bytes that are compared, in whole lines where there are any.
fn first_part(text: &str) -> (&str, &str) {
    if text.len() <= MAX_COMPARED_BYTES {
        return (text, "");
    }
    let end = text.floor_char_boundary(MAX_COMPARED_BYTES);
    text.split_at(text[..end].rfind('\n').map_or(end, |line| line + 1))
}

/// The beginning of a line, and how many bytes are not shown.
fn cut(line: &str) -> String {
    let Some((end, _)) = line.char_indices().nth(MAX_LINE_CHARS) else {
        return line.to_owned();
    };
    format!(
        "{} [… {} bytes are not shown here …]",
        &line[..end],
        line.len() - end
    )
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
    fn only_differing_cells_are_returned() {
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
        let (diffs, _) = difference(&old, &new);
        let places: Vec<_> = diffs.iter().map(|cell| (cell.before, cell.after)).collect();
        assert_eq!(
            places,
            [(Some(1), None), (None, Some(1)), (Some(2), Some(2))]
        );
        assert_eq!(diffs[0].lines, [LineDiff::Removed("y".into())]);
        assert_eq!(diffs[1].lines, [LineDiff::Added("new".into())]);
        assert!(diffs[2].lines.is_empty() && diffs[2].outputs_changed);
        assert!(!diffs[2].details_changed);
        assert_eq!(diffs[1].kind, "code");
        assert!(difference(&new, &new).0.is_empty());
    }

    #[test]
    fn an_added_or_removed_empty_cell_is_a_difference() {
        let none = notebook(&json!([]));
        let one = notebook(&json!([code("a", "", "")]));
        assert_eq!(difference(&none, &one).0.len(), 1);
        assert_eq!(difference(&one, &none).0.len(), 1);
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let old: String = (0..30).map(|n| format!("{n}\n")).collect();
        let new = old.replace("15\n", "fifteen\n");
        let diffs = lines(&old, &new, Instant::now() + DIFF_TIMEOUT);
        assert_eq!(diffs.first(), Some(&LineDiff::Skipped(12)));
        assert_eq!(diffs[4], LineDiff::Removed("15".into()));
        assert_eq!(diffs[5], LineDiff::Added("fifteen".into()));
        assert_eq!(diffs.last(), Some(&LineDiff::Skipped(11)));
        let endless: String = (0..5_000).map(|n| format!("{n}\n")).collect();
        let diffs = lines("", &endless, Instant::now() + DIFF_TIMEOUT);
        assert_eq!(diffs.len(), MAX_CELL_DIFF_LINES + 1);
        assert_eq!(diffs.last(), Some(&LineDiff::Skipped(4_000)));
    }

    #[test]
    fn a_difference_is_bounded() {
        let length = |(cells, _): &(Vec<CellDiff>, usize)| serde_json::to_vec(cells).unwrap().len();
        let long = |line: &str| line.repeat(8_000_000 / line.len());
        for line in [
            "x",
            "x\n",
            "\n",
            "é x y\n",
            &"x".repeat(1990),
            &"<\n".repeat(900),
        ] {
            let one = notebook(&json!([code("a", &long(line), "")]));
            let other = notebook(&json!([code("a", &format!("y\n{}", long(line)), "")]));
            let none = notebook(&json!([]));
            for (old, new) in [(&none, &one), (&one, &none), (&one, &other)] {
                let diffs = difference(old, new);
                assert_eq!(diffs.0.len(), 1);
                assert!(length(&diffs) < 3 * MAX_DIFF_BYTES, "{}", length(&diffs));
            }
        }
        let many: Vec<Value> = (0..3_000)
            .map(|n| code(&n.to_string(), &"z\n".repeat(1_000), "1"))
            .collect();
        let diffs = difference(&notebook(&json!([])), &notebook(&many.into()));
        assert_eq!((diffs.0.len(), diffs.1), (MAX_DIFF_CELLS, 2_000));
        assert!(length(&diffs) < 3 * MAX_DIFF_BYTES, "{}", length(&diffs));
        assert_eq!(diffs.0[999].lines, [LineDiff::Skipped(1_000)]);
    }

    #[test]
    fn a_change_far_into_a_long_text_is_found() {
        let old: String = (0..300_000).map(|n| format!("{n}\n")).collect();
        let new = old.replace("\n200000\n", "\nhere\n");
        let diffs = lines(&old, &new, Instant::now() + DIFF_TIMEOUT);
        let expected = [
            LineDiff::Skipped(199_997),
            LineDiff::Same("199997".into()),
            LineDiff::Same("199998".into()),
            LineDiff::Same("199999".into()),
            LineDiff::Removed("200000".into()),
            LineDiff::Added("here".into()),
            LineDiff::Same("200001".into()),
            LineDiff::Same("200002".into()),
            LineDiff::Same("200003".into()),
            LineDiff::Skipped(99_996),
        ];
        assert_eq!(diffs, expected);
        let diffs = lines("", &"x".repeat(5_000), Instant::now() + DIFF_TIMEOUT);
        let [LineDiff::Added(line)] = &*diffs else {
            panic!("{diffs:?}");
        };
        assert!(line.ends_with("x [… 3000 bytes are not shown here …]"));
    }
}
