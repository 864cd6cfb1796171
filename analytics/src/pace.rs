//! The pace of a class: how many have done which cell of the handout.

use crate::{
    handout::{Anchor, AnchoredHandout},
    progress::Progress,
    state::CellState,
};

/// Whoever has saved within this time is at work.
pub const ACTIVE_MS: i64 = 10 * 60_000;
/// The share of people by which an exercise is taken for done, and from which on the time of the
/// others is estimated.
const MOST: f32 = 0.8;
const HALF: f32 = 0.5;
/// Below so many times of others, no estimate is made.
const MIN_TIMES: usize = 5;
/// The share of people an estimate is for.
const NEARLY_ALL: f32 = 0.9;

/// One cell of the handout in the strip.
#[derive(Clone, Debug, PartialEq)]
pub struct PaceColumn {
    /// The cell.
    pub anchor: Anchor,
    /// Its place in the handout, from 0, among code cells.
    pub at: usize,
    /// Whether it is an exercise.
    pub is_exercise: bool,
    /// The heading above it.
    pub heading: Option<String>,
    /// How many people are in each state, in the order of [`CellState::ALL`].
    pub people: [usize; 5],
    /// Whether four of five have done it.
    pub most_have_done: bool,
    /// In how many milliseconds nine of ten will have done it, once half have; `None` when it is
    /// too early to say.
    pub nearly_all_in_ms: Option<i64>,
}

/// The pace over the handout.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// A column for each code cell, in order.
    pub columns: Vec<PaceColumn>,
    /// People who are at work.
    pub active: usize,
    /// The places of the furthest done cells: of a tenth, of half and of nine tenths of the people.
    pub furthest: Option<[usize; 3]>,
    /// The place of the cell that the instructor has run last.
    pub instructor: Option<usize>,
}

impl Pace {
    /// The pace of the people who are at work at `now_ms`.
    #[must_use]
    pub fn of<'a>(
        handout: &AnchoredHandout,
        people: impl Iterator<Item = &'a Progress>,
        instructor: Option<&Progress>,
        now_ms: i64,
    ) -> Self {
        let active: Vec<&Progress> = people
            .filter(|progress| progress.is_active(now_ms, ACTIVE_MS))
            .collect();
        let columns: Vec<PaceColumn> = handout
            .code_cells()
            .enumerate()
            .map(|(at, cell)| {
                let mut people = [0; 5];
                for progress in &active {
                    let state = progress.anchor(cell.anchor).state;
                    people[CellState::ALL
                        .iter()
                        .position(|known| *known == state)
                        .unwrap_or(4)] += 1;
                }
                PaceColumn {
                    anchor: cell.anchor,
                    at,
                    is_exercise: cell.is_exercise,
                    heading: cell.heading.clone(),
                    people,
                    most_have_done: !active.is_empty()
                        && people[0] as f32 >= MOST * active.len() as f32,
                    nearly_all_in_ms: nearly_all_in_ms(cell.anchor, &active, now_ms),
                }
            })
            .collect();
        let anchors: Vec<Anchor> = columns.iter().map(|column| column.anchor).collect();
        let mut furthest: Vec<usize> = active
            .iter()
            .filter_map(|progress| furthest_done(progress, &anchors))
            .collect();
        furthest.sort_unstable();
        let part = |tenths: usize| furthest.get(furthest.len() * tenths / 10).copied();
        Self {
            furthest: part(1)
                .zip(part(5))
                .zip(part(9))
                .map(|((low, half), high)| [low, half, high]),
            instructor: instructor.and_then(|progress| last_run(progress, &anchors)),
            active: active.len(),
            columns,
        }
    }
}

/// The furthest cell that somebody has done.
pub(crate) fn furthest_done(progress: &Progress, anchors: &[Anchor]) -> Option<usize> {
    anchors
        .iter()
        .rposition(|anchor| progress.anchor(*anchor).state == CellState::Done)
}

/// The cell of the handout that came into its state last.
fn last_run(progress: &Progress, anchors: &[Anchor]) -> Option<usize> {
    let reached = anchors.iter().enumerate().filter_map(|(at, anchor)| {
        let own = progress.anchor(*anchor);
        (own.state != CellState::NotReached).then_some((own.since_ms, at))
    });
    reached.max().map(|(_, at)| at)
}

/// How long it takes until nine of ten have done a cell, by the times that others have taken.
fn nearly_all_in_ms(anchor: Anchor, active: &[&Progress], now_ms: i64) -> Option<i64> {
    let own: Vec<_> = active
        .iter()
        .map(|progress| progress.anchor(anchor))
        .collect();
    let mut taken: Vec<i64> = own
        .iter()
        .filter(|own| own.done_ms.is_some())
        .map(|own| own.worked_ms)
        .collect();
    let needed = (NEARLY_ALL * active.len() as f32).ceil() as usize;
    if taken.len() < MIN_TIMES
        || (taken.len() as f32) < HALF * active.len() as f32
        || taken.len() >= needed
    {
        return None;
    }
    taken.sort_unstable();
    // Whoever is at it needs what the slower half of the others has taken, less their own time.
    let typical = taken[taken.len() * 3 / 4];
    let left = own.iter().filter(|own| own.done_ms.is_none());
    let mut left: Vec<i64> = left
        .map(|own| (typical - own.worked_ms.min(now_ms)).max(0))
        .collect();
    left.sort_unstable();
    left.get(needed - taken.len() - 1).copied()
}

#[cfg(test)]
mod tests;
