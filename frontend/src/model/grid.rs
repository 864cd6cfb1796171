//! Keyboard navigation among the tiles.

/// A step from one tile to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridStep {
    /// To the previous tile.
    Previous,
    /// To the next tile.
    Next,
    /// One row up.
    Up,
    /// One row down.
    Down,
}

impl GridStep {
    /// The step that a key of `KeyboardEvent.key` stands for.
    pub fn from_key(key: &str) -> Option<Self> {
        match key {
            "k" | "ArrowLeft" => Some(Self::Previous),
            "j" | "ArrowRight" => Some(Self::Next),
            "ArrowUp" => Some(Self::Up),
            "ArrowDown" => Some(Self::Down),
            _ => None,
        }
    }
}

/// The tile that a step reaches from tile `at`, among `count` tiles in rows of `columns`; the first
/// tile when no tile has the focus, `None` beyond the edges.
pub fn target(at: Option<usize>, step: GridStep, count: usize, columns: usize) -> Option<usize> {
    if count == 0 {
        return None;
    }
    let Some(at) = at.filter(|at| *at < count) else {
        return Some(0);
    };
    let columns = columns.max(1);
    let to = match step {
        GridStep::Previous => at.checked_sub(1)?,
        GridStep::Next => at + 1,
        GridStep::Up => at.checked_sub(columns)?,
        // The last row may be short: its last tile is below every tile of the row above.
        GridStep::Down if at / columns < (count - 1) / columns => (at + columns).min(count - 1),
        GridStep::Down => return None,
    };
    (to < count).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_never_leaves_the_grid() {
        assert_eq!(target(Some(0), GridStep::Previous, 7, 3), None);
        assert_eq!(target(Some(6), GridStep::Next, 7, 3), None);
        assert_eq!(target(Some(1), GridStep::Up, 7, 3), None);
        assert_eq!(target(Some(6), GridStep::Down, 7, 3), None);
        assert_eq!(target(None, GridStep::Next, 0, 3), None);
    }

    #[test]
    fn a_step_down_into_a_short_row_lands_on_its_last_tile() {
        assert_eq!(target(Some(1), GridStep::Down, 7, 3), Some(4));
        assert_eq!(target(Some(5), GridStep::Down, 7, 3), Some(6));
        assert_eq!(target(Some(6), GridStep::Up, 7, 3), Some(3));
    }

    #[test]
    fn the_first_step_goes_to_the_first_tile() {
        assert_eq!(target(None, GridStep::Down, 7, 3), Some(0));
        assert_eq!(target(Some(99), GridStep::Next, 7, 3), Some(0));
    }
}
