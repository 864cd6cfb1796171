//! A simulated class: what everyone saved, and what was true at that time.

use analytics::state::CellState;

/// What somebody was doing, which no file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Working,
    /// Does not know how to go on.
    Stuck,
    Thinking,
    Away,
    Finished,
}

/// A save, and the truth about it.
pub struct Save {
    pub at_ms: i64,
    pub participant: usize,
    pub json: String,
    /// For each cell, the cells of the handout that it was made of.
    pub origins: Vec<Vec<usize>>,
    /// The state of each cell of the handout.
    pub states: Vec<CellState>,
    /// The error that was run last, of those that are there.
    pub failing: Option<Failing>,
}

/// A mistake, and the run that showed it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The number of the run, over all kernels.
    pub run: u64,
    pub mistake: String,
}

/// From when on somebody was in a mood.
#[derive(Clone, Copy)]
pub struct MoodChange {
    pub at_ms: i64,
    pub mood: Mood,
}

/// Everyone's saves, and the truth.
pub struct SimulatedClass {
    pub handout: String,
    /// In the order of their times.
    pub saves: Vec<Save>,
    /// For each participant.
    pub moods: Vec<Vec<MoodChange>>,
    pub end_ms: i64,
}

impl SimulatedClass {
    /// What somebody was doing, and since when.
    pub fn mood(&self, participant: usize, at_ms: i64) -> MoodChange {
        let before = self.moods[participant].iter().rev();
        let now = before.copied().find(|change| change.at_ms <= at_ms);
        now.unwrap_or(MoodChange {
            at_ms: 0,
            mood: Mood::Away,
        })
    }
}

/// What is varied between classes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub seed: u64,
    pub participants: usize,
    pub minutes: i64,
    /// How probable an error is in a run that is not the first attempt of somebody who is stuck.
    pub slip_rate: f64,
    /// How long somebody is stuck on average.
    pub stuck_minutes: f64,
    /// How often cells are split, merged, moved and the like: gestures a minute.
    pub gestures: f64,
    pub ids: Ids,
}

/// What ids the files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// The handout's, in everyone's copy.
    Kept,
    /// Each participant's own, as JupyterLab makes them for a handout without ids.
    Own,
    /// None, as a shared document of an older format is saved.
    None,
}
