//! Keyboard navigation among the tiles, and the size of squares that fill a screen.

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

/// The side of a square of the densest wall, in pixels: large enough for a finger, and no larger
/// than a name needs.
const SQUARE_PX: std::ops::RangeInclusive<u32> = 44..=160;

/// The height of a line across the wall, with the gap below it, in pixels.
const HEADING_PX: u32 = 36;

/// The largest side with which the squares of all `groups` stand in rows on `width` by `height`
/// pixels, `gap` apart, below a heading each where there are several. Where not even small ones fit,
/// the page scrolls.
pub fn square_side(groups: &[u32], [width, height]: [u32; 2], gap: u32) -> u32 {
    let headings = match groups {
        [_] => 0,
        _ => u32::try_from(groups.len()).unwrap_or_default() * HEADING_PX,
    };
    let fits = |side: &u32| {
        let columns = ((width + gap) / (side + gap)).max(1);
        let rows: u32 = groups.iter().map(|count| count.div_ceil(columns)).sum();
        rows * (side + gap) + headings <= height + gap
    };
    SQUARE_PX.rev().find(fits).unwrap_or(*SQUARE_PX.start())
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
    fn squares_fill_the_screen() {
        // Three hundred on a full-HD screen, below the bar.
        let side = square_side(&[300], [1_896, 1_010], 4);
        assert!((70..90).contains(&side), "{side}");
        let columns = 1_900 / (side + 4);
        assert!(columns * (1_014 / (side + 4)) >= 300);
        // Groups take a line each, and end rows.
        assert!(square_side(&[49, 200, 51], [1_896, 1_010], 4) < side);
        assert_eq!(square_side(&[3], [1_900, 1_000], 4), 160);
        assert_eq!(square_side(&[300], [390, 700], 4), 44);
        assert_eq!(square_side(&[1], [0, 0], 4), 44);
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
