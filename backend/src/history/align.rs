//! Finds the cells of one version in another.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use shared::notebook::{Cell, Notebook};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// After this time any difference will do, not only the shortest.
pub(super) const DIFF_TIMEOUT: Duration = Duration::from_millis(200);

/// Hashes of a cell: by these it is found again, and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellHash {
    id: Option<u64>,
    content: u64,
}

/// The hashes of a version's cells, in order.
pub(super) type CellHashes = Vec<CellHash>;

/// A step through two versions at once, with the index of a cell in the older and in the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlignmentStep {
    Both(usize, usize),
    Removed(usize),
    Added(usize),
}

/// How many cells differ between two versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellChanges {
    /// Cells that only the newer version has.
    pub added: usize,
    /// Cells that both versions have, with different content.
    pub changed: usize,
    /// Cells that only the older version has.
    pub removed: usize,
}

pub(super) fn cell_hashes(notebook: &Notebook) -> CellHashes {
    notebook.cells().iter().map(cell_hash).collect()
}

/// The hashes of a cell.
pub(super) fn cell_hash(cell: &Cell) -> CellHash {
    // Without the id, which has a hash of its own.
    let json = cell.json();
    let mut hasher = DefaultHasher::new();
    if json.is_object() {
        for field in json.entries().filter(|(name, _)| *name != "id") {
            field.hash(&mut hasher);
        }
    } else {
        json.hash(&mut hasher);
    }
    CellHash {
        id: cell.id().map(hash),
        content: hasher.finish(),
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Goes through both versions in order. Cells are matched by id; in notebooks without ids, and when
/// no id is in both, by content, and equal cells in their order.
pub(super) fn align(old: &[CellHash], new: &[CellHash]) -> Vec<AlignmentStep> {
    let by_id = share_ids(old, new);
    let key = |cell_hash: &CellHash| match cell_hash.id {
        Some(id) if by_id => id,
        _ => cell_hash.content,
    };
    let (old, new): (Vec<u64>, Vec<u64>) =
        (old.iter().map(key).collect(), new.iter().map(key).collect());
    let deadline = Instant::now() + DIFF_TIMEOUT;
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(deadline));
    let mut steps = Vec::new();
    for op in ops {
        let (old, new) = (op.old_range(), op.new_range());
        let pairs = match op {
            DiffOp::Equal { len, .. } => len,
            DiffOp::Replace { .. } if !by_id => old.len().min(new.len()),
            _ => 0,
        };
        let both = old.clone().zip(new.clone()).take(pairs);
        steps.extend(both.map(|(old, new)| AlignmentStep::Both(old, new)));
        steps.extend(old.skip(pairs).map(AlignmentStep::Removed));
        steps.extend(new.skip(pairs).map(AlignmentStep::Added));
    }
    steps
}

fn share_ids(old: &[CellHash], new: &[CellHash]) -> bool {
    let old: HashSet<u64> = old.iter().filter_map(|cell_hash| cell_hash.id).collect();
    new.iter()
        .any(|cell_hash| cell_hash.id.is_some_and(|id| old.contains(&id)))
}

pub(super) fn count_changes(old: &[CellHash], new: &[CellHash]) -> CellChanges {
    let mut counts = CellChanges::default();
    for step in align(old, new) {
        match step {
            AlignmentStep::Both(before, after) if old[before].content != new[after].content => {
                counts.changed += 1;
            }
            AlignmentStep::Both(..) => {}
            AlignmentStep::Removed(_) => counts.removed += 1,
            AlignmentStep::Added(_) => counts.added += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(cells: &[(&str, &str)]) -> CellHashes {
        let cell_hash = |(id, content): &(&str, &str)| CellHash {
            id: (!id.is_empty()).then(|| hash(id)),
            content: hash(content),
        };
        cells.iter().map(cell_hash).collect()
    }

    #[test]
    fn a_cell_is_matched_by_id_through_a_change() {
        let old = hashes(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let new = hashes(&[("a", "1"), ("x", "9"), ("b", "changed")]);
        let steps = align(&old, &new);
        let expected = [
            AlignmentStep::Both(0, 0),
            AlignmentStep::Added(1),
            AlignmentStep::Both(1, 2),
            AlignmentStep::Removed(2),
        ];
        assert_eq!(steps, expected);
        let counts = CellChanges {
            added: 1,
            changed: 1,
            removed: 1,
        };
        assert_eq!(count_changes(&old, &new), counts);
    }

    #[test]
    fn cells_without_ids_are_matched_by_content_and_then_in_order() {
        let old = hashes(&[("", "1"), ("", "2"), ("", "3")]);
        let new = hashes(&[("", "1"), ("", "two"), ("", "3"), ("", "4")]);
        let steps = align(&old, &new);
        let expected = [
            AlignmentStep::Both(0, 0),
            AlignmentStep::Both(1, 1),
            AlignmentStep::Both(2, 2),
            AlignmentStep::Added(3),
        ];
        assert_eq!(steps, expected);
        // New ids for all cells match no cell.
        let renamed = hashes(&[("p", "1"), ("q", "2"), ("r", "3")]);
        let old = hashes(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(count_changes(&old, &renamed), CellChanges::default());
    }
}
