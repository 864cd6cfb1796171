//! What a classroom says, as the service sends it, with the words of a place.

use std::collections::BTreeMap;

use shared::{
    help::{TicketCell, TicketError},
    insight::{
        ErrorPlace, HandoutOrigin, InsightGroup, InsightResponse, LaneEntry, LaneReason,
        PaceSpread, PaceStrip, PaceStripColumn, PersonProgress, ReasonKind,
    },
};

use crate::{
    attention::{Reason, ShortlistEntry},
    classroom::Classroom,
    groups::ErrorGroup,
    handout::{Anchor, AnchorCell, AnchoredHandout},
    lineage::Confidence,
    pace::{Pace, PaceColumn},
    state::CellState,
};

/// What is said of a cell that is in no handout.
const OWN_CELLS: &str = "cells of their own";
/// What is said of one such cell.
const OWN_CELL: &str = "a cell of their own";
/// What is said of a cell that the newest handout has no longer.
const OLDER_CELL: &str = "a cell of an older handout";

/// What is known at `as_of_ms`.
#[must_use]
pub fn of(classroom: &Classroom, origin: HandoutOrigin, as_of_ms: i64) -> InsightResponse {
    let labels = classroom.handout().map(labels).unwrap_or_default();
    let (lane, more) = classroom.shortlist().shown();
    let groups = classroom.error_groups(as_of_ms).into_iter();
    let pace = classroom.pace(as_of_ms);
    let columns = pace.as_ref().map_or(&[][..], |pace| &pace.columns[..]);
    let people = classroom.people().map(|(user, progress)| PersonProgress {
        user: user.to_owned(),
        furthest: columns
            .iter()
            .rposition(|column| progress.anchor(column.anchor).state != CellState::NotReached),
        cells: columns
            .iter()
            .map(|column| letter(progress.anchor(column.anchor).state))
            .collect(),
        has_asked: classroom.has_asked(user),
        error: progress
            .current_error(as_of_ms)
            .map(|episode| episode.signature.id()),
        helped_ms: classroom.shortlist().helped_ms(user),
    });
    InsightResponse {
        now_ms: 0,
        as_of_ms,
        catching_up: false,
        lane: lane.into_iter().map(lane_entry).collect(),
        more,
        groups: groups.map(|group| error_group(group, &labels)).collect(),
        people: people.collect(),
        pace: pace.map(|pace| strip(pace, origin)),
    }
}

/// The error that somebody is at.
#[must_use]
pub fn error(classroom: &Classroom, user: &str, now_ms: i64) -> Option<TicketError> {
    let episode = classroom.progress(user)?.current_error(now_ms)?;
    Some(TicketError {
        signature: episode.signature.id(),
        title: episode.signature.to_string(),
    })
}

/// The cell at this place of somebody's copy, in words of the handout as far as it is from there.
#[must_use]
pub fn cell(classroom: &Classroom, user: &str, at: usize) -> TicketCell {
    let own = || TicketCell {
        anchor: None,
        label: OWN_CELL.to_owned(),
    };
    let Some(handout) = classroom.handout() else {
        return own();
    };
    let tracked = classroom
        .progress(user)
        .and_then(|progress| progress.lineage.cells().get(at));
    let descents = tracked.into_iter().flat_map(|cell| &cell.descents);
    let mut sure = descents.filter(|descent| descent.confidence > Confidence::Guess);
    let Some(cell) = sure.find_map(|descent| handout.cell(descent.anchor)) else {
        return own();
    };
    let label = match labels(handout).remove(&cell.anchor) {
        Some(label) => label,
        None if !cell.is_current => OLDER_CELL.to_owned(),
        None => match &cell.heading {
            Some(heading) => format!("{heading}, text"),
            None => "text".to_owned(),
        },
    };
    TicketCell {
        anchor: Some(cell.anchor.0),
        label,
    }
}

/// The letter of a state, which [`PersonProgress`] lists.
#[must_use]
pub fn letter(state: CellState) -> char {
    match state {
        CellState::Done => 'd',
        CellState::Ran => 'r',
        CellState::Failed => 'f',
        CellState::Edited => 'e',
        CellState::NotReached => 'n',
    }
}

fn lane_entry(entry: &ShortlistEntry) -> LaneEntry {
    let reasons = entry.reasons.iter().map(|reason| LaneReason {
        kind: kind(reason),
        words: reason.to_string(),
    });
    LaneEntry {
        user: entry.name.clone(),
        entered_ms: entry.entered_ms,
        reasons: reasons.collect(),
        solved_ms: entry.solved_ms,
        asked_ms: entry.asked_ms,
    }
}

fn kind(reason: &Reason) -> ReasonKind {
    match reason {
        Reason::Asked { .. } => ReasonKind::Asked,
        Reason::SameError { .. } => ReasonKind::SameError,
        Reason::Failing { .. } => ReasonKind::Failing,
        Reason::ManyRuns { .. } => ReasonKind::ManyRuns,
        Reason::Reruns { .. } => ReasonKind::Reruns,
        Reason::Behind { .. } => ReasonKind::Behind,
        Reason::Silent { .. } => ReasonKind::Silent,
        Reason::NotBegun => ReasonKind::NotBegun,
    }
}

fn error_group(group: ErrorGroup, labels: &BTreeMap<Anchor, String>) -> InsightGroup {
    let places = group.places.into_iter().map(|(anchor, count)| {
        let label = match anchor {
            None => OWN_CELLS,
            Some(anchor) => labels.get(&anchor).map_or(OLDER_CELL, |label| label),
        };
        ErrorPlace {
            anchor: anchor.map(|anchor| anchor.0),
            label: label.to_owned(),
            count,
        }
    });
    InsightGroup {
        signature: group.signature.id(),
        title: group.signature.to_string(),
        places: places.collect(),
        people: group.people,
        solved: group.solved,
        median_solved_ms: group.median_solved_ms,
    }
}

fn strip(pace: Pace, handout: HandoutOrigin) -> PaceStrip {
    PaceStrip {
        handout,
        columns: pace.columns.into_iter().map(column).collect(),
        active: pace.active,
        furthest: pace
            .furthest
            .map(|[a_tenth, half, nine_tenths]| PaceSpread {
                a_tenth,
                half,
                nine_tenths,
            }),
        instructor: pace.instructor,
    }
}

fn column(column: PaceColumn) -> PaceStripColumn {
    let people = |state| {
        let place = CellState::ALL.iter().position(|known| *known == state);
        place.map_or(0, |place| column.people[place])
    };
    PaceStripColumn {
        done: people(CellState::Done),
        ran: people(CellState::Ran),
        failed: people(CellState::Failed),
        edited: people(CellState::Edited),
        not_reached: people(CellState::NotReached),
        anchor: column.anchor.0,
        heading: column.heading,
        is_exercise: column.is_exercise,
        most_have_done: column.most_have_done,
        nearly_all_in_ms: column.nearly_all_in_ms,
    }
}

/// The code cells of a handout in words: the heading above, and of several below it which one.
#[must_use]
pub fn labels(handout: &AnchoredHandout) -> BTreeMap<Anchor, String> {
    let cells: Vec<&AnchorCell> = handout.code_cells().collect();
    let below = cells.chunk_by(|one, next| one.heading == next.heading);
    let mut labels = BTreeMap::new();
    for below in below {
        for (at, cell) in below.iter().enumerate() {
            let label = match &cell.heading {
                None => format!("cell {}", at + 1),
                Some(heading) if below.len() == 1 => heading.clone(),
                Some(heading) => format!("{heading}, cell {}", at + 1),
            };
            labels.insert(cell.anchor, label);
        }
    }
    labels
}
