//! A notebook as JupyterLab changes it, with the truth about each cell.
//!
//! Ids behave as JupyterLab's: the last piece of a split keeps the id, a merge has a new one, what is
//! cut and pasted keeps it for code alone, what is copied has a new one.

use analytics::state::CellState;
use serde_json::{Value, json};

use crate::{
    class::{Failing, Ids},
    random::Random,
};

#[derive(Clone, Debug)]
pub(crate) struct LabCell {
    pub(crate) is_code: bool,
    id: u64,
    pub(crate) source: String,
    count: Option<u32>,
    outputs: Vec<Value>,
    /// The cells of the handout that it was made of.
    pub(crate) origins: Vec<usize>,
    pub(crate) state: CellState,
    was_run: bool,
    /// The error that is there.
    failing: Option<Failing>,
}

/// A cell of the handout.
#[derive(Clone, Debug)]
pub(crate) struct GivenCell {
    pub(crate) is_code: bool,
    pub(crate) is_exercise: bool,
    pub(crate) source: String,
}

/// How a run ends.
#[derive(Clone, Debug)]
pub(crate) enum RunResult {
    Silent,
    Printed(String),
    Failed { name: String, value: String },
}

pub(crate) struct Lab<'a> {
    pub(crate) cells: Vec<LabCell>,
    handout: &'a [GivenCell],
    language: &'a str,
    ids: Ids,
    next_id: u64,
    kernel_count: u32,
    /// Runs in all kernels.
    runs: u64,
    pub(crate) is_dirty: bool,
    /// The states of cells of the handout that are gone.
    gone: Vec<CellState>,
    cut: Option<LabCell>,
}

impl<'a> Lab<'a> {
    pub(crate) fn open(
        handout: &'a [GivenCell],
        language: &'a str,
        ids: Ids,
        participant: usize,
    ) -> Self {
        let own = (participant as u64 + 1) << 32;
        let cells = handout.iter().enumerate().map(|(at, cell)| LabCell {
            is_code: cell.is_code,
            id: at as u64 | if ids == Ids::Kept { 0 } else { own },
            source: cell.source.clone(),
            count: None,
            outputs: Vec::new(),
            origins: vec![at],
            state: CellState::NotReached,
            was_run: false,
            failing: None,
        });
        Self {
            cells: cells.collect(),
            handout,
            language,
            ids,
            next_id: own | 0x1_0000,
            kernel_count: 0,
            runs: 0,
            is_dirty: true,
            gone: vec![CellState::NotReached; handout.len()],
            cut: None,
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Where the cell of the handout is now.
    pub(crate) fn place_of(&self, origin: usize) -> Option<usize> {
        self.cells
            .iter()
            .position(|cell| cell.origins.contains(&origin))
    }

    pub(crate) fn edit(&mut self, at: usize, source: String) {
        let handed_out = self.is_handed_out(at, &source);
        let cell = &mut self.cells[at];
        if cell.source == source {
            return;
        }
        cell.source = source;
        self.is_dirty = true;
        cell.state = match cell.state {
            CellState::NotReached | CellState::Ran if !handed_out => CellState::Edited,
            CellState::Edited if handed_out && !cell.was_run => CellState::NotReached,
            state => state,
        };
    }

    fn is_handed_out(&self, at: usize, source: &str) -> bool {
        let origins = &self.cells[at].origins;
        origins
            .first()
            .is_some_and(|origin| self.handout[*origin].source.trim() == source.trim())
    }

    pub(crate) fn run(&mut self, at: usize, result: &RunResult) {
        self.run_as(at, result, false);
    }

    /// Runs all cells, without changing any.
    pub(crate) fn run_all(&mut self, result: impl Fn(&LabCell) -> RunResult) {
        let all: Vec<usize> = (0..self.cells.len())
            .filter(|at| self.cells[*at].is_code)
            .collect();
        for at in all {
            let result = result(&self.cells[at]);
            self.run_as(at, &result, true);
            // A run of all ends at the first error.
            if matches!(result, RunResult::Failed { .. }) {
                return;
            }
        }
    }

    fn run_as(&mut self, at: usize, result: &RunResult, is_all: bool) {
        if !self.cells[at].is_code || self.cells[at].source.trim().is_empty() {
            return;
        }
        self.kernel_count += 1;
        self.runs += 1;
        let run = self.runs;
        let count = self.kernel_count;
        let is_own = !self.is_handed_out(at, &self.cells[at].source);
        let cell = &mut self.cells[at];
        let is_exercise = cell
            .origins
            .iter()
            .any(|origin| self.handout[*origin].is_exercise);
        cell.count = Some(count);
        cell.was_run = true;
        self.is_dirty = true;
        cell.outputs = result.outputs(count);
        cell.failing = result.mistake().map(|mistake| Failing { run, mistake });
        cell.state = match result {
            RunResult::Failed { .. } => CellState::Failed,
            _ if is_exercise && is_own => CellState::Done,
            _ if !is_exercise && !is_all => CellState::Done,
            _ if cell.state == CellState::Done => CellState::Done,
            _ => CellState::Ran,
        };
    }

    pub(crate) fn restart(&mut self, clears: bool) {
        self.kernel_count = 0;
        if clears {
            for cell in &mut self.cells {
                cell.count = None;
                cell.outputs.clear();
                cell.failing = None;
            }
            self.is_dirty = true;
        }
    }

    pub(crate) fn insert(&mut self, at: usize, is_code: bool, source: String) {
        let id = self.new_id();
        let cell = LabCell {
            is_code,
            id,
            source,
            count: None,
            outputs: Vec::new(),
            origins: Vec::new(),
            state: CellState::NotReached,
            was_run: false,
            failing: None,
        };
        self.cells.insert(at, cell);
        self.is_dirty = true;
    }

    pub(crate) fn delete(&mut self, at: usize) -> LabCell {
        let cell = self.cells.remove(at);
        for origin in &cell.origins {
            self.gone[*origin] = cell.state;
        }
        self.is_dirty = true;
        cell
    }

    /// A gesture of JupyterLab that changes which cells there are.
    pub(crate) fn gesture(&mut self, random: &mut Random) {
        // What was cut is pasted before anything else is done.
        if let Some(mut cell) = self.cut.take() {
            let at = random.below(self.cells.len() + 1);
            if !cell.is_code {
                cell.id = self.new_id();
            }
            self.cells.insert(at, cell);
            self.is_dirty = true;
            return;
        }
        if self.cells.len() < 3 {
            return;
        }
        let at = random.below(self.cells.len());
        match random.below(16) {
            0..=3 => self.split(at, random),
            4..=5 => self.merge(at),
            6 => {
                let cell = self.delete(at);
                self.cut = Some(cell);
            }
            7 => self.copy(at),
            8..=9 => self.move_by(at, random),
            10 if random.chance(0.5) => {
                self.delete(at);
            }
            11 => self.change_kind(at),
            _ => {
                let note = format!("# my note {}", random.below(1000));
                self.insert(at, random.chance(0.7), note);
            }
        }
    }

    fn split(&mut self, at: usize, random: &mut Random) {
        let source = self.cells[at].source.clone();
        let lines: Vec<&str> = source.lines().collect();
        if lines.len() < 2 || self.cells[at].origins.len() > 1 {
            return;
        }
        let cut = 1 + random.below(lines.len() - 1);
        let [first, last] = [lines[..cut].join("\n"), lines[cut..].join("\n")];
        if first.trim().is_empty() || last.trim().is_empty() {
            return;
        }
        let mut piece = self.cells[at].clone();
        piece.id = self.new_id();
        piece.source = first;
        piece.count = None;
        piece.outputs.clear();
        piece.failing = None;
        self.cells[at].source = last;
        self.cells.insert(at, piece);
        self.is_dirty = true;
    }

    fn merge(&mut self, at: usize) {
        let Some(next) = self.cells.get(at + 1).cloned() else {
            return;
        };
        let is_blank = |cell: &LabCell| cell.source.trim().is_empty();
        if next.is_code != self.cells[at].is_code || is_blank(&next) || is_blank(&self.cells[at]) {
            return;
        }
        let id = self.new_id();
        let cell = &mut self.cells[at];
        cell.source = format!("{}\n\n{}", cell.source, next.source);
        cell.id = id;
        cell.count = None;
        cell.outputs.clear();
        cell.failing = None;
        cell.was_run |= next.was_run;
        cell.origins.extend(next.origins);
        cell.origins.dedup();
        cell.state = merged(cell.state, next.state);
        self.cells.remove(at + 1);
        self.is_dirty = true;
    }

    fn copy(&mut self, at: usize) {
        let mut copy = self.cells[at].clone();
        copy.id = self.new_id();
        copy.origins.clear();
        self.cells.insert(at + 1, copy);
        self.is_dirty = true;
    }

    fn move_by(&mut self, at: usize, random: &mut Random) {
        let cell = self.cells.remove(at);
        let near = (at + random.below(5))
            .saturating_sub(2)
            .min(self.cells.len());
        self.cells.insert(near, cell);
        self.is_dirty = true;
    }

    /// JupyterLab deletes the cell and inserts one of the other kind.
    fn change_kind(&mut self, at: usize) {
        let is_own = self.cells[at].origins.is_empty();
        if !is_own {
            return;
        }
        let id = self.new_id();
        let cell = &mut self.cells[at];
        cell.is_code = !cell.is_code;
        cell.id = id;
        cell.count = None;
        cell.outputs.clear();
        cell.failing = None;
        self.is_dirty = true;
    }

    /// The error that was run last, of those that are there.
    pub(crate) fn failing(&self) -> Option<Failing> {
        let failing = self.cells.iter().filter_map(|cell| cell.failing.as_ref());
        failing.max_by_key(|failing| failing.run).cloned()
    }

    /// The true state of each cell of the handout.
    pub(crate) fn states(&self) -> Vec<CellState> {
        (0..self.handout.len())
            .map(|origin| self.state_of(origin))
            .collect()
    }

    fn state_of(&self, origin: usize) -> CellState {
        let pieces = self
            .cells
            .iter()
            .filter(|cell| cell.origins.contains(&origin));
        let pieces: Vec<CellState> = pieces.map(|cell| cell.state).collect();
        match &*pieces {
            [] => self.gone[origin],
            [first, rest @ ..] => rest.iter().fold(*first, |all, piece| merged(all, *piece)),
        }
    }

    /// The file as it is saved.
    pub(crate) fn json(&self) -> String {
        let cells: Vec<Value> = self.cells.iter().map(|cell| self.cell_json(cell)).collect();
        let minor = if self.ids == Ids::None { 4 } else { 5 };
        let notebook = json!({
            "cells": cells,
            "metadata": {"language_info": {"name": self.language}},
            "nbformat": 4,
            "nbformat_minor": minor,
        });
        notebook.to_string()
    }

    fn cell_json(&self, cell: &LabCell) -> Value {
        let mut json = json!({"cell_type": if cell.is_code { "code" } else { "markdown" }, "metadata": {}, "source": cell.source});
        if self.ids != Ids::None {
            json["id"] = format!("{:x}", cell.id).into();
        }
        if cell.is_code {
            json["execution_count"] = cell.count.into();
            json["outputs"] = cell.outputs.clone().into();
        }
        json
    }
}

/// The state of two pieces together.
fn merged(a: CellState, b: CellState) -> CellState {
    use CellState::{Done, Edited, Failed, NotReached, Ran};
    match (a, b) {
        (a, b) if a == b => a,
        (Failed, _) | (_, Failed) => Failed,
        (Done | Ran, Done | Ran) => Ran,
        (NotReached, NotReached) => NotReached,
        _ => Edited,
    }
}

impl RunResult {
    /// The mistake of a run that has failed: what its error says, without the call, the file that a
    /// kernel makes of a cell, and somebody's data.
    fn mistake(&self) -> Option<String> {
        let Self::Failed { name, value } = self else {
            return None;
        };
        let message = value.split_once("): ").map_or(&**value, |(_, after)| after);
        let message = message.split(" (").next().unwrap_or(message);
        let message = match message.split_once("to float:") {
            Some((before, _)) => before,
            None => message,
        };
        Some(format!("{name} {}", message.trim()))
    }

    fn outputs(&self, count: u32) -> Vec<Value> {
        match self {
            Self::Silent => Vec::new(),
            Self::Printed(text) => {
                vec![json!({"output_type": "stream", "name": "stdout", "text": text})]
            }
            Self::Failed { name, value } => {
                let traceback = format!(
                    "Cell \u{1b}[0;32mIn[{count}], line 1\u{1b}[0m\n----> 1 x\n\u{1b}[0;31m{name}\u{1b}[0m: {value}"
                );
                vec![
                    json!({"output_type": "error", "ename": name, "evalue": value, "traceback": [traceback]}),
                ]
            }
        }
    }
}

/// The handout as a file.
pub(crate) fn handout_json(handout: &[GivenCell], language: &str, ids: Ids) -> String {
    let ids = if ids == Ids::Kept {
        Ids::Kept
    } else {
        Ids::None
    };
    Lab::open(handout, language, ids, usize::MAX >> 33).json()
}
