//! How a cell that differs between two versions is told of.

use shared::wire::CellDiff;

/// What happened to the cell, in a word.
pub fn verdict(cell: &CellDiff) -> &'static str {
    match (cell.before, cell.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

/// Where it is: `Cell 4 · code`, `Cell 4, was 3 · code`; counted from 1, as people do.
pub fn place(cell: &CellDiff) -> String {
    let place = match (cell.before, cell.after) {
        (Some(before), Some(after)) if before != after => {
            format!("Cell {}, was {}", after + 1, before + 1)
        }
        (_, Some(at)) | (Some(at), None) => format!("Cell {}", at + 1),
        (None, None) => "Cell".to_owned(),
    };
    format!("{place} · {}", cell.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_by_its_place() {
        let told = |before, after| {
            let cell = CellDiff {
                before,
                after,
                kind: "code".into(),
                lines: Vec::new(),
                outputs_changed: false,
                details_changed: false,
            };
            format!("{}: {}", place(&cell), verdict(&cell))
        };
        assert_eq!(told(None, Some(3)), "Cell 4 · code: added");
        assert_eq!(told(Some(3), None), "Cell 4 · code: removed");
        assert_eq!(told(Some(3), Some(3)), "Cell 4 · code: changed");
        assert_eq!(told(Some(2), Some(3)), "Cell 4, was 3 · code: changed");
    }
}
