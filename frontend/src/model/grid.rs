//! Moving through the tiles by keyboard.

/// A step from one tile to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the one before.
    Previous,
    /// To the one after.
    Next,
    /// One row up.
    Up,
    /// One row down.
    Down,
}

impl Step {
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

/// Where a step leads from tile `at` among `count` tiles in rows of `columns`; the
/// first tile when none has the focus, and nowhere beyond the edges.
pub fn target(at: Option<usize>, step: Step, count: usize, columns: usize) -> Option<usize> {
    if count == 0 {
        return None;
    }
    let Some(at) = at.filter(|at| *at < count) else {
        return Some(0);
    };
    let columns = columns.max(1);
    let to = match step {
        Step::Previous => at.checked_sub(1)?,
        Step::Next => at + 1,
        Step::Up => at.checked_sub(columns)?,
        // The last row may be short: its last tile is below every tile of the row above.
        Step::Down if at / columns < (count - 1) / columns => (at + columns).min(count - 1),
        Step::Down => return None,
    };
    (to < count).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stay_inside() {
        assert_eq!(target(Some(0), Step::Previous, 7, 3), None);
        assert_eq!(target(Some(6), Step::Next, 7, 3), None);
        assert_eq!(target(Some(1), Step::Up, 7, 3), None);
        assert_eq!(target(Some(6), Step::Down, 7, 3), None);
        assert_eq!(target(None, Step::Next, 0, 3), None);
    }

    #[test]
    fn down_into_a_short_last_row_lands_on_its_last_tile() {
        assert_eq!(target(Some(1), Step::Down, 7, 3), Some(4));
        assert_eq!(target(Some(5), Step::Down, 7, 3), Some(6));
        assert_eq!(target(Some(6), Step::Up, 7, 3), Some(3));
    }

    #[test]
    fn the_first_step_goes_to_the_first_tile() {
        assert_eq!(target(None, Step::Down, 7, 3), Some(0));
        assert_eq!(target(Some(99), Step::Next, 7, 3), Some(0));
    }
}
