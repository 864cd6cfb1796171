//! Adds up the costs of a page's cells, and reduces the cells for which it has no room.

use super::{Budget, Cost, weigh};
use crate::prepared::{CellContent, PreparedCell};

/// The most cells of a notebook that are shown, because even an empty cell costs something.
pub(crate) const MAX_SHOWN_CELLS: usize = 5000;

/// What is left of a page's budget.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    left: Cost,
}

impl Ledger {
    pub(crate) fn new(budget: &Budget) -> Self {
        Self { left: budget.all }
    }

    /// Whether a cell of this cost is shown whole; if so, its cost is taken from the budget.
    pub(crate) fn take(&mut self, cost: Cost) -> bool {
        let fits = cost.beyond(self.left).is_none();
        if fits {
            self.left = self.left.minus(cost);
        }
        fits
    }
}

/// `cell` as it is shown on a page that has no room for it.
pub(crate) fn reduced(cell: PreparedCell) -> PreparedCell {
    PreparedCell {
        content: weigh::reduced(cell.content),
        ..cell
    }
}

/// The cell in place of the `more` cells from `index` on; `None` when there are none.
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
