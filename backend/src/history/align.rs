//! Which cell of one version is which of another.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use shared::notebook::{Cell, Notebook};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// After this the shortest difference is no longer looked for, only some difference.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// A cell in brief: enough to find it again and to tell whether it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    id: Option<u64>,
    content: u64,
}

/// The cells of a version in brief.
pub(super) type Outline = Vec<Mark>;

/// A step through two versions at once: the places of a cell in the older and the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Both(usize, usize),
    Removed(usize),
    Added(usize),
}

/// How many cells differ between two versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those only the newer has.
    pub added: usize,
    /// Those that both have, with something changed.
    pub changed: usize,
    /// Those only the older has.
    pub removed: usize,
}

pub(super) fn outline(notebook: &Notebook) -> Outline {
    notebook.cells().iter().map(mark).collect()
}

/// A cell in brief.
pub(super) fn mark(cell: &Cell) -> Mark {
    // Without the id: that is the other half of the mark.
    let json = cell.json();
    let mut hasher = DefaultHasher::new();
    if json.is_object() {
        for field in json.entries().filter(|(name, _)| *name != "id") {
            field.hash(&mut hasher);
        }
    } else {
        json.hash(&mut hasher);
    }
    Mark {
        id: cell.id().map(hash),
        content: hasher.finish(),
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Goes through both in order. Cells are the same by their id; in notebooks without ids,
/// and where no id is in both, by what is in them, and of those between two that are the
/// same the first is taken for the first, and so on.
pub(super) fn align(old: &[Mark], new: &[Mark]) -> Vec<Step> {
    let by_id = ids_tell(old, new);
    let key = |mark: &Mark| match mark.id {
        Some(id) if by_id => id,
        _ => mark.content,
    };
    let (old, new): (Vec<u64>, Vec<u64>) =
        (old.iter().map(key).collect(), new.iter().map(key).collect());
    let deadline = Instant::now() + PATIENCE;
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
        steps.extend(both.map(|(old, new)| Step::Both(old, new)));
        steps.extend(old.skip(pairs).map(Step::Removed));
        steps.extend(new.skip(pairs).map(Step::Added));
    }
    steps
}

fn ids_tell(old: &[Mark], new: &[Mark]) -> bool {
    let old: HashSet<u64> = old.iter().filter_map(|mark| mark.id).collect();
    new.iter()
        .any(|mark| mark.id.is_some_and(|id| old.contains(&id)))
}

pub(super) fn count(old: &[Mark], new: &[Mark]) -> Counts {
    let mut counts = Counts::default();
    for step in align(old, new) {
        match step {
            Step::Both(before, after) if old[before].content != new[after].content => {
                counts.changed += 1;
            }
            Step::Both(..) => {}
            Step::Removed(_) => counts.removed += 1,
            Step::Added(_) => counts.added += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(cells: &[(&str, &str)]) -> Outline {
        let mark = |(id, content): &(&str, &str)| Mark {
            id: (!id.is_empty()).then(|| hash(id)),
            content: hash(content),
        };
        cells.iter().map(mark).collect()
    }

    #[test]
    fn an_id_is_followed_through_a_change() {
        let old = marks(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let new = marks(&[("a", "1"), ("x", "9"), ("b", "changed")]);
        let steps = align(&old, &new);
        let expected = [
            Step::Both(0, 0),
            Step::Added(1),
            Step::Both(1, 2),
            Step::Removed(2),
        ];
        assert_eq!(steps, expected);
        let counts = Counts {
            added: 1,
            changed: 1,
            removed: 1,
        };
        assert_eq!(count(&old, &new), counts);
    }

    #[test]
    fn without_ids_the_content_tells_and_then_the_place() {
        let old = marks(&[("", "1"), ("", "2"), ("", "3")]);
        let new = marks(&[("", "1"), ("", "two"), ("", "3"), ("", "4")]);
        let steps = align(&old, &new);
        let expected = [
            Step::Both(0, 0),
            Step::Both(1, 1),
            Step::Both(2, 2),
            Step::Added(3),
        ];
        assert_eq!(steps, expected);
        // Ids that were all given anew say nothing.
        let renamed = marks(&[("p", "1"), ("q", "2"), ("r", "3")]);
        let old = marks(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(count(&old, &renamed), Counts::default());
    }
}
