//! What the cells of a page cost together, and what becomes of those it has no room for.

use super::{Budget, Cost, weigh};
use crate::prepared::{CellContent, PreparedCell};

/// So many cells are shown of a notebook; what says nothing costs something, too.
pub(crate) const MAX_SHOWN_CELLS: usize = 5000;

/// Adds up the cells of a page.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    left: Cost,
}

impl Ledger {
    pub(crate) fn new(budget: &Budget) -> Self {
        Self { left: budget.all }
    }

    /// Whether a cell of this cost is shown whole; if so, there is less left.
    pub(crate) fn take(&mut self, cost: Cost) -> bool {
        let fits = cost.beyond(self.left).is_none();
        if fits {
            self.left = self.left.minus(cost);
        }
        fits
    }
}

/// `cell` on a page that has no room left for it.
pub(crate) fn reduced(cell: PreparedCell) -> PreparedCell {
    PreparedCell {
        content: weigh::reduced(cell.content),
        ..cell
    }
}

/// What stands for the cells from the one at `index` on, of which there are `more`; `None`
/// when there are none.
pub(crate) fn more_cells(index: usize, more: usize) -> Option<PreparedCell> {
    (more > 0).then(|| PreparedCell {
        index,
        tags: Vec::new(),
        content: CellContent::Unknown {
            note: format!(
                "{more} more cells are not shown here: up to {MAX_SHOWN_CELLS} are. The notebook itself \
                 has them."
            ),
            text: String::new(),
        },
    })
}
