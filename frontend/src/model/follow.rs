//! Which cell of the followed notebook is the newest.

use shared::prepared::{CellContent, PreparedCell};

/// The index, in the newer version, of the last cell that was changed or added between two
/// versions; `None` when no such cell shows anything.
pub fn newest(before: &[PreparedCell], after: &[PreparedCell]) -> Option<usize> {
    let same = |(a, b): &(&PreparedCell, &PreparedCell)| a.content == b.content;
    let head = before.iter().zip(after).take_while(same).count();
    // An inserted cell moves the cells after it, but does not change them.
    let (before, rest) = (&before[head..], &after[head..]);
    let tail = before.iter().rev().zip(rest.iter().rev());
    let changed = &rest[..rest.len() - tail.take_while(same).count()];
    Some(head + changed.iter().rposition(shows_something)?)
}

/// The index of the newest cell when there is no earlier version: the cell that was run last, or
/// the last one.
pub fn newest_in_first_version(cells: &[PreparedCell]) -> Option<usize> {
    let count = |cell: &PreparedCell| match &cell.content {
        CellContent::Code(code) => code.execution_count,
        _ => None,
    };
    let counted = cells.iter().enumerate();
    let run = counted.filter_map(|(at, cell)| Some((count(cell)?, at)));
    let last = || cells.iter().rposition(shows_something);
    run.max().map(|(_, at)| at).or_else(last)
}

/// Whether a cell is not empty: JupyterLab adds an empty cell after the one that is run.
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
    fn the_newest_cell_is_the_last_changed_one() {
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
    fn the_newest_cell_of_a_first_version_was_run_last() {
        let mut run = cells(&["a", "b", "c"]);
        assert_eq!(newest_in_first_version(&run), Some(2));
        assert_eq!(newest_in_first_version(&cells(&["a", ""])), Some(0));
        assert_eq!(newest_in_first_version(&[]), None);
        for (cell, count) in run.iter_mut().zip([Some(1), Some(7), None]) {
            if let CellContent::Code(code) = &mut cell.content {
                code.execution_count = count;
            }
        }
        assert_eq!(newest_in_first_version(&run), Some(1));
    }
}
