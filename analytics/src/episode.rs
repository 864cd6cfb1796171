//! An episode: somebody has an error in a cell, from its first run to its end.

use serde::{Deserialize, Serialize};

use crate::{handout::Anchor, lineage::CellKey, signature::Signature};

/// An error lives so long without a run.
pub(crate) const QUIET_MS: i64 = 15 * 60_000;

/// How an episode has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// A run of the cell succeeded.
    Solved,
    /// The cell failed with another error.
    Other,
    /// The cell was removed.
    Removed,
}

/// An error that somebody has, or had, in a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The error.
    pub signature: Signature,
    /// The cell.
    pub key: CellKey,
    /// The cell of the handout that it comes from; `None` for a cell of their own.
    pub place: Option<Anchor>,
    /// The save that showed the error first.
    pub begun_ms: i64,
    /// Since when the cell has failed, with this or other errors.
    pub failing_since_ms: i64,
    /// The save of the last run.
    pub last_run_ms: i64,
    /// Runs that ended in this error.
    pub runs: u32,
    /// Runs of them with the text of the run before.
    pub reruns: u32,
    /// When and how it ended.
    pub ended: Option<(i64, Ending)>,
}

impl Episode {
    /// Whether somebody still is at the error.
    #[must_use]
    pub fn is_alive(&self, now_ms: i64) -> bool {
        self.ended.is_none() && now_ms - self.last_run_ms <= QUIET_MS
    }

    /// How long it took until a run succeeded.
    #[must_use]
    pub fn solved_after_ms(&self) -> Option<i64> {
        match self.ended {
            Some((at_ms, Ending::Solved)) => Some(at_ms - self.begun_ms),
            _ => None,
        }
    }
}
