//! Which cell of a notebook that is followed is the newest.

use shared::prepared::{CellContent, PreparedCell};

/// The cell that was changed, or added, last between two versions, by its place in the
/// newer; `None` when no cell was that shows anything.
pub fn newest(before: &[PreparedCell], after: &[PreparedCell]) -> Option<usize> {
    let same = |(a, b): &(&PreparedCell, &PreparedCell)| a.content == b.content;
    let head = before.iter().zip(after).take_while(same).count();
    // A cell that was put between others moves those after it, and changes none of them.
    let (before, rest) = (&before[head..], &after[head..]);
    let tail = before.iter().rev().zip(rest.iter().rev());
    let changed = &rest[..rest.len() - tail.take_while(same).count()];
    Some(head + changed.iter().rposition(shows_something)?)
}

/// The cell that is the newest in a version with none before it: the one that was run last,
/// or the last.
pub fn newest_of(cells: &[PreparedCell]) -> Option<usize> {
    let count = |cell: &PreparedCell| match &cell.content {
        CellContent::Code(code) => code.execution_count,
        _ => None,
    };
    let counted = cells.iter().enumerate();
    let run = counted.filter_map(|(at, cell)| Some((count(cell)?, at)));
    let last = || cells.iter().rposition(shows_something);
    run.max().map(|(_, at)| at).or_else(last)
}

/// JupyterLab puts an empty cell after the one that is run.
fn shows_something(cell: &PreparedCell) -> bool {
    match &cell.content {
        CellContent::Code(code) => !code.source.is_empty() || !code.outputs.is_empty(),
        CellContent::Raw(text) => !text.is_empty(),
        CellContent::Markdown(_) | CellContent::Unknown { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use shared::prepared::CodeCell;

    use super::*;

    fn cells(sources: &[&str]) -> Vec<PreparedCell> {
        let cell = |(index, source): (usize, &&str)| PreparedCell {
            index,
            tags: Vec::new(),
            content: CellContent::Code(CodeCell {
                source: (*source).to_owned(),
                ..CodeCell::default()
            }),
        };
        sources.iter().enumerate().map(cell).collect()
    }

    #[test]
    fn the_newest_is_the_last_that_changed() {
        let newest = |before: &[&str], after: &[&str]| newest(&cells(before), &cells(after));
        assert_eq!(newest(&["a", "b"], &["a", "b", "c"]), Some(2));
        assert_eq!(newest(&["a", "b", "c"], &["a", "B", "c"]), Some(1));
        assert_eq!(newest(&["a", "c"], &["a", "b", "c"]), Some(1));
        assert_eq!(newest(&["a", "a"], &["a", "a", "a"]), Some(2));
        assert_eq!(
            newest(&["a"], &["b", "c", ""]),
            Some(1),
            "not the empty one"
        );
        for nothing_new in [&["a", "b"][..], &["a"], &["b"], &["a", "b", ""], &[]] {
            assert_eq!(newest(&["a", "b"], nothing_new), None, "{nothing_new:?}");
        }
    }

    #[test]
    fn at_first_it_is_the_one_that_was_run_last() {
        let mut run = cells(&["a", "b", "c"]);
        assert_eq!(newest_of(&run), Some(2));
        assert_eq!(newest_of(&cells(&["a", ""])), Some(0));
        assert_eq!(newest_of(&[]), None);
        for (cell, count) in run.iter_mut().zip([Some(1), Some(7), None]) {
            if let CellContent::Code(code) = &mut cell.content {
                code.execution_count = count;
            }
        }
        assert_eq!(newest_of(&run), Some(1));
    }
}
