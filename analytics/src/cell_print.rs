//! What is kept of a cell to know it again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    similarity::Features,
    snapshot::{CellSnapshot, Kind},
};

/// What a cell is known by: hashes alone, and nothing of its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CellPrint {
    pub(crate) kind: Kind,
    pub(crate) id: Option<u64>,
    pub(crate) text: u64,
    pub(crate) is_blank: bool,
    pub(crate) features: Features,
}

impl CellPrint {
    pub(crate) fn of(cell: &CellSnapshot) -> Self {
        Self::with(cell, cell.features())
    }

    fn with(cell: &CellSnapshot, features: Features) -> Self {
        Self {
            kind: cell.kind,
            id: cell.id,
            text: cell.text,
            is_blank: cell.is_blank(),
            features,
        }
    }

    /// Whether both are of one kind and have one text.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.kind == other.kind && self.text == other.text
    }
}

/// The prints of a new version. Most of its cells have a text of the version before, whose features
/// are known.
pub(crate) fn arrivals(cells: &[CellSnapshot], before: &[&CellPrint]) -> Vec<CellPrint> {
    let known: HashMap<u64, &CellPrint> = before.iter().map(|print| (print.text, *print)).collect();
    let print = |cell: &CellSnapshot| match known.get(&cell.text) {
        Some(print) => CellPrint::with(cell, print.features.clone()),
        None => CellPrint::of(cell),
    };
    cells.iter().map(print).collect()
}
