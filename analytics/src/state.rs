//! How far a participant is with a cell of the handout.

use serde::{Deserialize, Serialize};

/// What has become of a code cell of the handout, in one copy.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum CellState {
    /// As in the handout, and not run.
    #[default]
    NotReached,
    /// Changed, and not run since.
    Edited,
    /// Its last run ended in an error.
    Failed,
    /// Run without an error, but that says little: an exercise as it was handed out, or a whole
    /// notebook that was run at once.
    Ran,
    /// Run without an error; an exercise with a text of their own. It stays done while it is edited
    /// again, until a run fails.
    Done,
}

impl CellState {
    /// All of them, from what is done to what is not reached.
    pub const ALL: [Self; 5] = [
        Self::Done,
        Self::Ran,
        Self::Failed,
        Self::Edited,
        Self::NotReached,
    ];

    /// The state in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReached => "not reached",
            Self::Edited => "edited",
            Self::Failed => "failed",
            Self::Ran => "run",
            Self::Done => "done",
        }
    }

    /// The state of a cell that is in several pieces now: one that failed is what counts, and it is
    /// done when all of it is.
    pub(crate) fn of_pieces(pieces: &[Self]) -> Self {
        let all = |states: &[Self]| pieces.iter().all(|piece| states.contains(piece));
        if pieces.contains(&Self::Failed) {
            Self::Failed
        } else if all(&[Self::NotReached]) {
            Self::NotReached
        } else if all(&[Self::Done]) {
            Self::Done
        } else if all(&[Self::Done, Self::Ran]) {
            Self::Ran
        } else {
            Self::Edited
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CellState::{self, Done, Edited, Failed, NotReached, Ran};

    #[test]
    fn pieces_are_done_when_all_are() {
        let of = CellState::of_pieces;
        assert_eq!(of(&[]), NotReached);
        assert_eq!(of(&[Done, Done]), Done);
        assert_eq!(of(&[Done, Ran]), Ran);
        assert_eq!(of(&[Done, Failed]), Failed);
        assert_eq!(of(&[Done, NotReached]), Edited);
        assert_eq!(of(&[NotReached, NotReached]), NotReached);
        assert_eq!(of(&[Edited]), Edited);
    }
}
