//! The engine in process, as the service has it: what `GET /api/insight` would say.

use analytics::{
    attention::Reason, classroom::Classroom, groups::ErrorGroup, handout::AnchoredHandout,
    pace::Pace, signature::Names, snapshot::Snapshot, state::CellState,
};
use shared::insight::{
    ErrorPlace, HandoutOrigin, InsightGroup, InsightResponse, LaneEntry, LaneReason, PaceSpread,
    PaceStrip, PaceStripColumn, PersonProgress, ReasonKind,
};

/// A class at the instructor's own copy of a notebook.
pub struct Engine {
    room: Classroom,
    latest_ms: i64,
}

impl Engine {
    /// A class whose instructor has saved this handout.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn of_handout(at_ms: i64, instructor: &str, json: &str) -> anyhow::Result<Self> {
        let snapshot = read(instructor, json)?;
        let mut room = Classroom::new(Some(AnchoredHandout::of(&snapshot)));
        room.save_of_instructor(at_ms, &snapshot);
        Ok(Self {
            room,
            latest_ms: at_ms,
        })
    }

    /// Somebody saves.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn save(&mut self, at_ms: i64, user: &str, json: &str) -> anyhow::Result<()> {
        self.room.save(at_ms, user, &read(user, json)?);
        self.latest_ms = self.latest_ms.max(at_ms);
        Ok(())
    }

    /// Time has passed.
    pub fn advance(&mut self, now_ms: i64) {
        self.room.advance(now_ms);
    }

    /// What the saves say, in the service's words but for those that name a cell.
    #[must_use]
    pub fn answer(&self) -> InsightResponse {
        let as_of_ms = self.latest_ms.max(self.room.looked_ms().unwrap_or(0));
        let pace = self.room.pace(as_of_ms);
        let (lane, more) = self.room.shortlist().shown();
        let lane = lane.into_iter().map(|entry| LaneEntry {
            user: entry.name.clone(),
            entered_ms: entry.entered_ms,
            reasons: entry.reasons.iter().map(reason).collect(),
            solved_ms: entry.solved_ms,
            asked_ms: entry.asked_ms,
        });
        InsightResponse {
            now_ms: 0,
            as_of_ms,
            catching_up: false,
            lane: lane.collect(),
            more,
            groups: self
                .room
                .error_groups(as_of_ms)
                .into_iter()
                .map(group)
                .collect(),
            people: self.people(pace.as_ref(), as_of_ms),
            pace: pace.map(strip),
        }
    }

    fn people(&self, pace: Option<&Pace>, as_of_ms: i64) -> Vec<PersonProgress> {
        let columns = pace.map_or(&[][..], |pace| &pace.columns);
        let person = |(user, progress): (&str, &analytics::progress::Progress)| {
            let states = columns
                .iter()
                .map(|column| progress.anchor(column.anchor).state);
            let states: Vec<CellState> = states.collect();
            let error = progress.current_error(as_of_ms);
            PersonProgress {
                user: user.to_owned(),
                furthest: states
                    .iter()
                    .rposition(|state| *state != CellState::NotReached),
                cells: states.into_iter().map(letter).collect(),
                has_asked: self.room.has_asked(user),
                error: error.map(|episode| episode.signature.id()),
                helped_ms: self.room.shortlist().helped_ms(user),
            }
        };
        self.room.people().map(person).collect()
    }
}

/// An answer without the words that name a cell, and the clock of who was asked.
#[must_use]
pub fn comparable(mut answer: InsightResponse) -> InsightResponse {
    answer.now_ms = 0;
    let groups = answer.groups.iter_mut();
    for place in groups.flat_map(|group| group.places.iter_mut()) {
        place.label.clear();
    }
    answer
}

fn read(user: &str, json: &str) -> anyhow::Result<Snapshot> {
    Ok(Snapshot::read(
        json.as_bytes().to_vec(),
        &Names::of(&[user]),
    )?)
}

/// The letter that answers have for a state.
pub(crate) fn letter(state: CellState) -> char {
    match state {
        CellState::Done => 'd',
        CellState::Ran => 'r',
        CellState::Failed => 'f',
        CellState::Edited => 'e',
        CellState::NotReached => 'n',
    }
}

fn reason(reason: &Reason) -> LaneReason {
    let kind = match reason {
        Reason::Asked { .. } => ReasonKind::Asked,
        Reason::SameError { .. } => ReasonKind::SameError,
        Reason::Failing { .. } => ReasonKind::Failing,
        Reason::ManyRuns { .. } => ReasonKind::ManyRuns,
        Reason::Reruns { .. } => ReasonKind::Reruns,
        Reason::Behind { .. } => ReasonKind::Behind,
        Reason::Silent { .. } => ReasonKind::Silent,
        Reason::NotBegun => ReasonKind::NotBegun,
    };
    LaneReason {
        kind,
        words: reason.to_string(),
    }
}

fn group(group: ErrorGroup) -> InsightGroup {
    let places = group.places.iter().map(|(anchor, count)| ErrorPlace {
        anchor: anchor.map(|anchor| anchor.0),
        label: String::new(),
        count: *count,
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

fn strip(pace: Pace) -> PaceStrip {
    let spread = |[a_tenth, half, nine_tenths]: [usize; 3]| PaceSpread {
        a_tenth,
        half,
        nine_tenths,
    };
    let columns = pace.columns.into_iter().map(|column| {
        let in_state = |wanted| {
            let mut all = CellState::ALL.iter().zip(column.people);
            all.find(|(state, _)| **state == wanted)
                .map_or(0, |(_, people)| people)
        };
        PaceStripColumn {
            anchor: column.anchor.0,
            is_exercise: column.is_exercise,
            done: in_state(CellState::Done),
            ran: in_state(CellState::Ran),
            failed: in_state(CellState::Failed),
            edited: in_state(CellState::Edited),
            not_reached: in_state(CellState::NotReached),
            heading: column.heading,
            most_have_done: column.most_have_done,
            nearly_all_in_ms: column.nearly_all_in_ms,
        }
    });
    PaceStrip {
        handout: HandoutOrigin::Instructor,
        columns: columns.collect(),
        active: pace.active,
        furthest: pace.furthest.map(spread),
        instructor: pace.instructor,
    }
}
