//! Displays that were updated later, from the same cell or from another.

use std::collections::{HashMap, HashSet};

use crate::notebook::{Cell, MimeBundle, Notebook, Output};

/// So many outputs of a cell are shown, or fewer where the notebook has very many of them: each
/// takes a frame, in memory and on the page, whatever there is in it.
const MAX_CELL_OUTPUTS: usize = 1_000;
const MAX_CELL_OUTPUTS_OF_MANY: usize = 20;
const MANY_OUTPUTS: usize = 20_000;

/// How many outputs are shown of each cell of `notebook`.
pub(crate) fn max_cell_outputs(notebook: &Notebook) -> usize {
    let cells = notebook.cells().iter();
    let count: usize = cells.map(Cell::output_count).sum();
    if count > MANY_OUTPUTS {
        MAX_CELL_OUTPUTS_OF_MANY
    } else {
        MAX_CELL_OUTPUTS
    }
}

/// What the outputs of a notebook have in common, above all the displays that have an id.
#[derive(Default)]
pub(super) struct Displays<'a> {
    /// What was displayed under an id before any update.
    shown: HashSet<&'a str>,
    /// How many outputs are shown of a cell.
    pub(super) most: usize,
    /// The last update of each id.
    updates: HashMap<&'a str, MimeBundle<'a>>,
}

impl<'a> Displays<'a> {
    /// Those of `notebook`.
    pub(super) fn of(notebook: &'a Notebook) -> Self {
        let mut displays = Self {
            most: max_cell_outputs(notebook),
            ..Self::default()
        };
        let cells = notebook.cells().iter();
        let named = cells.filter(|cell| cell.has_named_display());
        for output in named.flat_map(|cell| cell.outputs()) {
            let Output::Bundle(bundle) = output else {
                continue;
            };
            match bundle.display_id {
                Some(id) if bundle.is_update => drop(displays.updates.insert(id, bundle)),
                Some(id) => drop(displays.shown.insert(id)),
                None => {}
            }
        }
        displays
    }

    /// What `bundle` shows in the end; `None` when it is an update of what is shown
    /// elsewhere.
    pub(super) fn newest(&self, bundle: MimeBundle<'a>) -> Option<MimeBundle<'a>> {
        let Some(id) = bundle.display_id else {
            return Some(bundle);
        };
        if bundle.is_update {
            return (!self.shown.contains(id)).then_some(bundle);
        }
        Some(self.updates.get(id).cloned().unwrap_or(bundle))
    }
}
