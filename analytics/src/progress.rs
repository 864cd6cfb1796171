//! What one participant has come to in one copy: runs, errors, and the state of each cell.
//!
//! It is a function of the copy's versions and their times. So it can be kept as it is, or made
//! again from the history.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    episode::{Ending, Episode},
    handout::{Anchor, AnchorCell, AnchoredHandout},
    hash::mix,
    lineage::{CellKey, Confidence, Lineage, Origin},
    run::{Run, RunRecord},
    snapshot::{CellSnapshot, Kind, Snapshot},
    state::CellState,
};

/// The version of what is kept: another one is made again from the history.
pub const STATE_VERSION: u32 = 1;
/// How far back runs are kept, and how many.
pub const RUNS_KEPT_MS: i64 = 6 * 60_000;
const MAX_RUNS: usize = 120;
/// Runs between two saves that no cell shows, which are taken for those of the cell that was run.
const MAX_HIDDEN_RUNS: u32 = 5;
/// Errors of one copy that are kept after their end, and that it has at one time.
const MAX_ENDED_EPISODES: usize = 64;
const MAX_OPEN_EPISODES: usize = 64;
/// So many cells of the handout run in one save, one after the other and none edited, are a run of
/// all.
const MIN_RUN_ALL: usize = 5;
/// An error so soon after a run that succeeded belongs to those before it.
const RELAPSE_MS: i64 = 2 * 60_000;
/// Longer gaps between two saves are no time at work.
const MAX_WORK_GAP_MS: i64 = 60_000;

/// How a participant is doing in one copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// [`STATE_VERSION`], when it was made.
    pub version: u32,
    /// The cells.
    pub lineage: Lineage,
    runs_by_cell: BTreeMap<CellKey, RunRecord>,
    anchors: BTreeMap<Anchor, AnchorProgress>,
    runs: VecDeque<Run>,
    open: Vec<Episode>,
    ended: VecDeque<Episode>,
    top_count: u32,
    /// Kernels so far, but for the first.
    pub restarts: u32,
    /// The first and the last save, in milliseconds since 1970.
    pub saves_ms: Option<(i64, i64)>,
    /// The first save that showed a run.
    pub first_run_ms: Option<i64>,
}

/// How far somebody is with one cell of the handout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnchorProgress {
    /// Its state.
    pub state: CellState,
    /// When it came to be in this state.
    pub since_ms: i64,
    /// When it was done first.
    pub done_ms: Option<i64>,
    /// Time at work on it, at least.
    pub worked_ms: i64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            version: STATE_VERSION,
            lineage: Lineage::default(),
            runs_by_cell: BTreeMap::new(),
            anchors: BTreeMap::new(),
            runs: VecDeque::new(),
            open: Vec::new(),
            ended: VecDeque::new(),
            top_count: 0,
            restarts: 0,
            saves_ms: None,
            first_run_ms: None,
        }
    }
}

/// What a save has shown of one cell.
struct Seen {
    was_edited: bool,
    /// The outcome, when it was run.
    run: Option<RunOutcome>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RunOutcome {
    Succeeded,
    Failed,
    /// Stopped on purpose, or still running.
    Unknown,
}

impl Progress {
    /// Notes a version that was saved at `at_ms`. Saves come in the order of their times.
    pub fn note(&mut self, at_ms: i64, snapshot: &Snapshot, handout: Option<&AnchoredHandout>) {
        let is_birth = self.saves_ms.is_none();
        let gap_ms = self.saves_ms.map_or(0, |(_, last)| at_ms - last);
        self.saves_ms = Some((self.saves_ms.map_or(at_ms, |(first, _)| first), at_ms));
        let origins = self.lineage.follow_with_origins(snapshot, handout);
        let hidden_runs = self.note_counts(snapshot);
        // What was run before the first save may have been anything.
        let hidden_runs = if is_birth { 0 } else { hidden_runs };
        let mut touched = Vec::new();
        let run_all = self.is_run_all(snapshot, &origins, is_birth, handout);
        for (at, cell) in snapshot.cells.iter().enumerate() {
            if cell.kind != Kind::Code {
                continue;
            }
            let origin = self.handout_cell(at, handout);
            let seen = self.see(at, cell, &origins[at], is_birth, origin);
            if let Some(outcome) = seen.run {
                let hidden = if touched.is_empty() { hidden_runs } else { 0 };
                self.note_run(at_ms, at, cell, outcome, hidden, origin);
            }
            self.change_state(at, cell, &seen, run_all, origin);
            if seen.was_edited || seen.run.is_some() {
                touched.push(at);
            }
        }
        self.forget_removed(at_ms);
        self.note_anchors(at_ms, &touched, gap_ms);
        while self
            .runs
            .front()
            .is_some_and(|run| run.at_ms < at_ms - RUNS_KEPT_MS)
            || self.runs.len() > MAX_RUNS
        {
            self.runs.pop_front();
        }
    }

    /// The runs of the last minutes, oldest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter()
    }

    /// The errors that are there now.
    #[must_use]
    pub fn open_episodes(&self) -> &[Episode] {
        &self.open
    }

    /// The error that they are at: of those that are there and were run lately, the last.
    #[must_use]
    pub fn current_error(&self, now_ms: i64) -> Option<&Episode> {
        let alive = self.open.iter().filter(|episode| episode.is_alive(now_ms));
        alive.max_by_key(|episode| (episode.last_run_ms, episode.key))
    }

    /// Errors that have ended, oldest first.
    pub fn ended_episodes(&self) -> impl Iterator<Item = &Episode> {
        self.ended.iter()
    }

    /// How far a cell of the handout is.
    #[must_use]
    pub fn anchor(&self, anchor: Anchor) -> AnchorProgress {
        self.anchors.get(&anchor).copied().unwrap_or_default()
    }

    /// The cells of the newest version that come from one of the handout, by their places, with how
    /// sure that is. Where some are more than a guess, guesses are left out.
    pub fn cells_of(&self, anchor: Anchor) -> Vec<(usize, Confidence)> {
        let mut found = Vec::new();
        for (at, cell) in self.lineage.cells().iter().enumerate() {
            let descent = cell.descents.iter().find(|it| it.anchor == anchor);
            found.extend(descent.map(|descent| (at, descent.confidence)));
        }
        if found
            .iter()
            .any(|(_, confidence)| *confidence > Confidence::Guess)
        {
            found.retain(|(_, confidence)| *confidence > Confidence::Guess);
        }
        found
    }

    /// The place of a cell in the newest version.
    #[must_use]
    pub fn place_of(&self, key: CellKey) -> Option<usize> {
        self.lineage.cells().iter().position(|cell| cell.key == key)
    }

    /// The state of a cell of the copy.
    #[must_use]
    pub fn state(&self, key: CellKey) -> CellState {
        self.runs_by_cell
            .get(&key)
            .map_or(CellState::NotReached, |record| record.state)
    }

    /// Cells of the handout that were run or done, whatever their order.
    #[must_use]
    pub fn reached(&self) -> usize {
        let reached =
            |anchor: &&AnchorProgress| matches!(anchor.state, CellState::Ran | CellState::Done);
        self.anchors.values().filter(reached).count()
    }

    /// Whether the copy was saved within so many milliseconds before `now_ms`.
    pub(crate) fn is_active(&self, now_ms: i64, within_ms: i64) -> bool {
        self.saves_ms
            .is_some_and(|(_, last)| now_ms - last <= within_ms)
    }

    /// The cell of the handout that a cell of the copy comes from, unless that is a guess.
    fn handout_cell<'a>(
        &self,
        at: usize,
        handout: Option<&'a AnchoredHandout>,
    ) -> Option<&'a AnchorCell> {
        let descents = self.lineage.cells().get(at)?.descents.iter();
        let sure = descents.filter(|descent| descent.confidence > Confidence::Guess);
        sure.filter_map(|descent| handout?.cell(descent.anchor))
            .find(|cell| cell.is_code())
    }

    /// Notes the highest execution count; returns the runs that no cell shows, because another run
    /// came before the save.
    fn note_counts(&mut self, snapshot: &Snapshot) -> u32 {
        let top = snapshot.top_count();
        let new = snapshot
            .cells
            .iter()
            .filter_map(|cell| cell.count)
            .filter(|count| *count > self.top_count);
        let hidden = top
            .saturating_sub(self.top_count)
            .saturating_sub(new.count() as u32);
        // Only a lower count of a cell that was run again shows a new kernel: cells with high counts
        // may have been removed.
        let restarted = top < self.top_count && self.counts_fell(snapshot);
        self.restarts += u32::from(restarted);
        if top > self.top_count || restarted {
            self.top_count = top;
        }
        if restarted {
            0
        } else {
            hidden.min(MAX_HIDDEN_RUNS)
        }
    }

    fn counts_fell(&self, snapshot: &Snapshot) -> bool {
        let both = self.lineage.cells().iter().zip(&snapshot.cells);
        both.filter_map(|(tracked, cell)| Some((self.runs_by_cell.get(&tracked.key)?, cell)))
            .any(|(record, cell)| {
                cell.count
                    .is_some_and(|count| record.count.is_some_and(|before| count < before))
            })
    }

    /// Whether the whole notebook was run at once: then each run says little.
    fn is_run_all(
        &self,
        snapshot: &Snapshot,
        origins: &[Origin],
        is_birth: bool,
        handout: Option<&AnchoredHandout>,
    ) -> bool {
        let mut counts = Vec::new();
        for (at, cell) in snapshot.cells.iter().enumerate() {
            let record = self.runs_by_cell.get(&self.lineage.cells()[at].key);
            let is_same = record.is_some_and(|record| record.count == cell.count);
            let Some(count) = cell.count.filter(|_| cell.kind == Kind::Code && !is_same) else {
                continue;
            };
            let origin = self.handout_cell(at, handout);
            let as_handed_out =
                is_birth && origin.is_some_and(|origin| is_as_handed_out(cell, origin));
            let text = record.map_or(cell.text, |record| record.text);
            if text != cell.text && origins[at] == Origin::Kept {
                return false;
            }
            if origin.is_some() && !as_handed_out {
                counts.push(count);
            }
        }
        counts.len() >= MIN_RUN_ALL && counts.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// Compares a cell with the version before.
    fn see(
        &mut self,
        at: usize,
        cell: &CellSnapshot,
        origin: &Origin,
        is_birth: bool,
        handout: Option<&AnchorCell>,
    ) -> Seen {
        let key = self.lineage.cells()[at].key;
        if let Origin::Piece(whole) = origin
            && let Some(whole) = self.runs_by_cell.get(whole)
        {
            // A piece is as far as the whole was; that it was cut is no edit.
            let record = RunRecord {
                text: cell.text,
                count: cell.count,
                outputs: cell.outputs,
                ..whole.clone()
            };
            self.runs_by_cell.insert(key, record);
            return Seen {
                was_edited: false,
                run: None,
            };
        }
        let is_new = !self.runs_by_cell.contains_key(&key);
        let record = self.runs_by_cell.entry(key).or_default();
        let handed_out = handout.map(|cell| cell.print.text);
        let before = match is_new {
            true => handed_out.unwrap_or(cell.text),
            false => record.text,
        };
        // That it was cut in two, or put together, is no edit.
        let was_edited = before != cell.text && *origin != Origin::Recut;
        let as_handed_out =
            is_birth && handout.is_some_and(|handout| is_as_handed_out(cell, handout));
        let shows_new = cell.count != record.count || cell.outputs != record.outputs;
        let was_run =
            shows_new && !as_handed_out && (cell.count.is_some() || cell.outputs.is_some());
        let continues = !is_new && cell.count == record.count && cell.outputs.is_none();
        record.text = cell.text;
        record.count = cell.count;
        record.outputs = cell.outputs;
        let run = (was_run && !continues).then(|| outcome(cell, handout));
        Seen { was_edited, run }
    }

    fn note_run(
        &mut self,
        at_ms: i64,
        at: usize,
        cell: &CellSnapshot,
        outcome: RunOutcome,
        hidden: u32,
        handout: Option<&AnchorCell>,
    ) {
        self.first_run_ms.get_or_insert(at_ms);
        let key = self.lineage.cells()[at].key;
        let record = self.runs_by_cell.entry(key).or_default();
        let is_rerun = record.run_text == Some(cell.text);
        record.run_text = Some(cell.text);
        let open = self.open.iter().position(|episode| episode.key == key);
        let error = cell.error.clone().filter(|_| outcome == RunOutcome::Failed);
        if outcome != RunOutcome::Unknown {
            self.runs.push_back(Run {
                at_ms,
                key,
                error: error.clone(),
                is_rerun,
            });
        }
        let Some(signature) = error else {
            if let Some(open) = open.filter(|_| outcome == RunOutcome::Succeeded) {
                self.end(open, at_ms, Ending::Solved);
            }
            return;
        };
        let mut failing_since_ms = self.relapsed_since(key, at_ms).unwrap_or(at_ms);
        if let Some(open) = open {
            let episode = &mut self.open[open];
            if episode.signature == signature {
                episode.last_run_ms = at_ms;
                episode.runs = episode.runs.saturating_add(1 + hidden);
                episode.reruns += u32::from(is_rerun);
                return;
            }
            failing_since_ms = episode.failing_since_ms;
            self.end(open, at_ms, Ending::Other);
        }
        if self.open.len() == MAX_OPEN_EPISODES {
            self.open.remove(0);
        }
        self.open.push(Episode {
            signature,
            key,
            place: handout.map(|cell| cell.anchor),
            begun_ms: at_ms,
            failing_since_ms,
            last_run_ms: at_ms,
            runs: 1,
            reruns: 0,
            ended: None,
        });
    }

    /// Since when a cell has failed that ran once in between: that solved nothing.
    fn relapsed_since(&self, key: CellKey, at_ms: i64) -> Option<i64> {
        let last = self.ended.iter().rev().find(|episode| episode.key == key)?;
        let (ended_ms, _) = last.ended?;
        (at_ms - ended_ms <= RELAPSE_MS).then_some(last.failing_since_ms)
    }

    fn end(&mut self, open: usize, at_ms: i64, ending: Ending) {
        let mut episode = self.open.remove(open);
        episode.ended = Some((at_ms, ending));
        self.ended.push_back(episode);
        if self.ended.len() > MAX_ENDED_EPISODES {
            self.ended.pop_front();
        }
    }

    fn change_state(
        &mut self,
        at: usize,
        cell: &CellSnapshot,
        seen: &Seen,
        run_all: bool,
        handout: Option<&AnchorCell>,
    ) {
        let key = self.lineage.cells()[at].key;
        let record = self.runs_by_cell.entry(key).or_default();
        let is_own = handout.is_none_or(|handout| handout.print.text != cell.text);
        let is_exercise = handout.is_some_and(|handout| handout.is_exercise);
        record.state = match (record.state, seen.run) {
            (_, Some(RunOutcome::Failed)) => CellState::Failed,
            // A blank exercise that is run is as it was.
            (before, Some(RunOutcome::Succeeded)) if cell.is_blank() => before,
            (before, Some(RunOutcome::Succeeded)) => match (is_exercise, is_own, run_all) {
                (true, true, _) | (false, _, false) => CellState::Done,
                _ if before == CellState::Done => CellState::Done,
                _ => CellState::Ran,
            },
            (CellState::NotReached | CellState::Ran, _) if seen.was_edited && is_own => {
                CellState::Edited
            }
            (CellState::Edited, _) if !is_own && record.run_text.is_none() => CellState::NotReached,
            (before, _) => before,
        };
    }

    /// Ends the errors of cells that are gone, and forgets what was run there.
    fn forget_removed(&mut self, at_ms: i64) {
        let cells: std::collections::BTreeSet<CellKey> =
            self.lineage.cells().iter().map(|cell| cell.key).collect();
        let gone = |episode: &Episode| !cells.contains(&episode.key);
        while let Some(open) = self.open.iter().position(gone) {
            self.end(open, at_ms, Ending::Removed);
        }
        // A removed cell may come back, with its counts.
        let lineage = &self.lineage;
        self.runs_by_cell
            .retain(|key, _| cells.contains(key) || lineage.may_come_back(*key));
    }

    /// The state of each cell of the handout, of all that comes from it. One that was removed keeps
    /// the state that it had.
    fn note_anchors(&mut self, at_ms: i64, touched: &[usize], gap_ms: i64) {
        let mut pieces: BTreeMap<Anchor, (Vec<CellState>, bool)> = BTreeMap::new();
        for (at, cell) in self.lineage.cells().iter().enumerate() {
            let Some(record) = self.runs_by_cell.get(&cell.key) else {
                continue;
            };
            for descent in cell
                .descents
                .iter()
                .filter(|descent| descent.confidence > Confidence::Guess)
            {
                let (states, is_touched) = pieces.entry(descent.anchor).or_default();
                states.push(record.state);
                *is_touched |= touched.contains(&at);
            }
        }
        for (anchor, (states, is_touched)) in pieces {
            let own = self.anchors.entry(anchor).or_default();
            let state = CellState::of_pieces(&states);
            if own.state != state {
                own.state = state;
                own.since_ms = at_ms;
            }
            if state == CellState::Done && own.done_ms.is_none() {
                own.done_ms = Some(at_ms);
            }
            if is_touched && gap_ms <= MAX_WORK_GAP_MS {
                own.worked_ms += gap_ms;
            }
        }
    }
}

/// Whether a cell shows the run that the handout came with.
fn is_as_handed_out(cell: &CellSnapshot, handout: &AnchorCell) -> bool {
    handout.outputs == cell.outputs && handout.count == cell.count
}

/// How a run ended. An error that the handout expects is none.
fn outcome(cell: &CellSnapshot, handout: Option<&AnchorCell>) -> RunOutcome {
    match &cell.error {
        Some(error) if error.is_interruption() => RunOutcome::Unknown,
        Some(_) if cell.may_fail => RunOutcome::Succeeded,
        Some(error) if handout.is_some_and(|handout| handout.error.as_ref() == Some(error)) => {
            RunOutcome::Succeeded
        }
        Some(_) => RunOutcome::Failed,
        // While a cell runs, its count is not there yet.
        None if cell.count.is_none() => RunOutcome::Unknown,
        None => RunOutcome::Succeeded,
    }
}

/// The hash of an error and its place.
pub(crate) fn mark_of(episode: &Episode) -> u64 {
    mix(
        episode.signature.mark(),
        episode.place.map_or(0, |place| u64::from(place.0) + 1),
    )
}

#[cfg(test)]
mod tests;
