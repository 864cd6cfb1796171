//! Displays with an id, which the same cell or another one may update later.

use std::collections::{HashMap, HashSet};

use crate::notebook::{Cell, MimeBundle, Notebook, Output};

/// The most outputs of a cell that are shown, because even an empty output takes memory and
/// room on the page.
const MAX_CELL_OUTPUTS: usize = 1_000;
/// The same in a notebook of more than [`MANY_OUTPUTS`].
const MAX_CELL_OUTPUTS_OF_MANY: usize = 20;
const MANY_OUTPUTS: usize = 20_000;

/// The most outputs that are shown of each cell of `notebook`.
pub(crate) fn max_cell_outputs(notebook: &Notebook) -> usize {
    let cells = notebook.cells().iter();
    let count: usize = cells.map(Cell::output_count).sum();
    if count > MANY_OUTPUTS {
        MAX_CELL_OUTPUTS_OF_MANY
    } else {
        MAX_CELL_OUTPUTS
    }
}

/// What all outputs of a notebook share: their limit, and the displays that have an id.
#[derive(Default)]
pub(super) struct Displays<'a> {
    /// The ids of the displays that are no updates.
    shown: HashSet<&'a str>,
    /// The most outputs that are shown of a cell.
    pub(super) max_cell_outputs: usize,
    /// The last update of each id.
    updates: HashMap<&'a str, MimeBundle<'a>>,
}

impl<'a> Displays<'a> {
    /// The displays of `notebook`.
    pub(super) fn of(notebook: &'a Notebook) -> Self {
        let mut displays = Self {
            max_cell_outputs: max_cell_outputs(notebook),
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

    /// The last update of `bundle`, or `bundle` itself; `None` when it is an update of another
    /// display.
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
