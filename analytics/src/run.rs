//! A run of a cell, as two saves show it.

use serde::{Deserialize, Serialize};

use crate::{lineage::CellKey, signature::Signature};

/// A run of a code cell that is seen in a save. Of several runs between two saves only the last is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When the save was, in milliseconds since 1970.
    pub at_ms: i64,
    /// The cell.
    pub key: CellKey,
    /// The error that it ended in.
    pub error: Option<Signature>,
    /// Whether the text is that of the run before.
    pub is_rerun: bool,
}

/// What the last version shows of a cell's runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) count: Option<u32>,
    pub(crate) outputs: Option<u64>,
    /// The text of the newest version, and of the last run.
    pub(crate) text: u64,
    pub(crate) run_text: Option<u64>,
    pub(crate) state: crate::state::CellState,
}
