//! Where everyone has a cell of the handout, or an error: names of versions and places in them,
//! nothing of what is there.

use std::collections::BTreeMap;

use analytics::{
    answer::labels, classroom::Classroom, handout::Anchor, lineage::Confidence, progress::Progress,
    state::CellState,
};
use shared::exercise::ExerciseLink;

/// What is looked at across everyone.
#[derive(Clone, Debug)]
pub enum ExerciseChoice {
    /// A cell of the handout.
    Anchor(u32),
    /// The cells with this error, by its signature.
    Error(String),
}

/// Where everyone has it.
pub(super) struct ExercisePlaces {
    pub(super) as_of_ms: i64,
    pub(super) catching_up: bool,
    pub(super) title: String,
    pub(super) anchor: Option<Anchor>,
    /// Which of the handout's code cells it is, from 0.
    pub(super) column: Option<usize>,
    pub(super) before: Option<ExerciseLink>,
    pub(super) after: Option<ExerciseLink>,
    pub(super) stub: String,
    pub(super) copies: Vec<PlacesInCopy>,
}

/// Where one person has it.
pub(super) struct PlacesInCopy {
    pub(super) user: String,
    pub(super) version: i64,
    /// Its cells by their places in that version; none when they are gone.
    pub(super) cells: Vec<usize>,
    pub(super) is_guess: bool,
    pub(super) is_untouched: bool,
}

/// Where everyone has it in these versions; `None` when there is no such cell, or nobody has that
/// error.
pub(super) fn of(
    classroom: &Classroom,
    versions: &BTreeMap<String, i64>,
    choice: &ExerciseChoice,
    as_of_ms: i64,
) -> Option<ExercisePlaces> {
    let copies = classroom
        .people()
        .filter_map(|(user, progress)| Some((user, progress, *versions.get(user)?)));
    match choice {
        ExerciseChoice::Anchor(anchor) => {
            let handout = classroom.handout()?;
            let anchor = Anchor(*anchor);
            let labels = labels(handout);
            let cells: Vec<Anchor> = handout.code_cells().map(|cell| cell.anchor).collect();
            let column = cells.iter().position(|cell| *cell == anchor)?;
            let link = |at: Option<usize>| {
                let anchor = *cells.get(at?)?;
                let label = labels.get(&anchor).cloned().unwrap_or_default();
                Some(ExerciseLink {
                    anchor: anchor.0,
                    label,
                })
            };
            let copies = copies.map(|(user, progress, version)| {
                let found = progress.cells_of(anchor);
                PlacesInCopy {
                    user: user.to_owned(),
                    version,
                    is_guess: found.iter().all(|(_, sure)| *sure == Confidence::Guess),
                    cells: found.into_iter().map(|(at, _)| at).collect(),
                    is_untouched: progress.anchor(anchor).state == CellState::NotReached,
                }
            });
            Some(ExercisePlaces {
                as_of_ms,
                catching_up: false,
                title: labels.get(&anchor).cloned().unwrap_or_default(),
                anchor: Some(anchor),
                column: Some(column),
                before: link(column.checked_sub(1)),
                after: link(Some(column + 1)),
                stub: String::new(),
                copies: copies.collect(),
            })
        }
        ExerciseChoice::Error(signature) => {
            let mut title = None;
            let mut with_error = Vec::new();
            for (user, progress, version) in copies {
                let cells = failing_cells(progress, signature, as_of_ms, &mut title);
                if !cells.is_empty() {
                    with_error.push(PlacesInCopy {
                        user: user.to_owned(),
                        version,
                        cells,
                        is_guess: false,
                        is_untouched: false,
                    });
                }
            }
            Some(ExercisePlaces {
                as_of_ms,
                catching_up: false,
                title: title?,
                anchor: None,
                column: None,
                before: None,
                after: None,
                stub: String::new(),
                copies: with_error,
            })
        }
    }
}

/// The cells that have this error now; notes what it is in words.
fn failing_cells(
    progress: &Progress,
    signature: &str,
    now_ms: i64,
    title: &mut Option<String>,
) -> Vec<usize> {
    let open = progress.open_episodes().iter();
    let alive = open.filter(|episode| episode.is_alive(now_ms));
    let mut cells = Vec::new();
    for episode in alive.filter(|episode| episode.signature.id() == signature) {
        title.get_or_insert_with(|| episode.signature.to_string());
        cells.extend(progress.place_of(episode.key));
    }
    cells.sort_unstable();
    cells
}
