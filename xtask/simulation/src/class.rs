//! A simulated class: what everyone saved, and what was true at that time.

use analytics::state::CellState;

/// What somebody was doing, which no file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Working,
    /// Does not know how to go on.
    Stuck,
    Thinking,
    Away,
    Finished,
}

/// A save, and the truth about it.
pub(crate) struct Save {
    pub(crate) at_ms: i64,
    pub(crate) participant: usize,
    pub(crate) json: String,
    /// For each cell, the cells of the handout that it was made of.
    pub(crate) origins: Vec<Vec<usize>>,
    /// The state of each cell of the handout.
    pub(crate) states: Vec<CellState>,
}

/// From when on somebody was in a mood.
#[derive(Clone, Copy)]
pub(crate) struct MoodChange {
    pub(crate) at_ms: i64,
    pub(crate) mood: Mood,
}

pub(crate) struct SimulatedClass {
    pub(crate) handout: String,
    /// In the order of their times.
    pub(crate) saves: Vec<Save>,
    /// For each participant.
    pub(crate) moods: Vec<Vec<MoodChange>>,
    pub(crate) end_ms: i64,
}

impl SimulatedClass {
    /// What somebody was doing, and since when.
    pub(crate) fn mood(&self, participant: usize, at_ms: i64) -> MoodChange {
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
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) participants: usize,
    pub(crate) minutes: i64,
    /// How probable an error is in a run that is not the first attempt of somebody who is stuck.
    pub(crate) slip_rate: f64,
    /// How long somebody is stuck on average.
    pub(crate) stuck_minutes: f64,
    /// How often cells are split, merged, moved and the like: gestures a minute.
    pub(crate) gestures: f64,
    pub(crate) ids: Ids,
}

/// What ids the files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The handout's, in everyone's copy.
    Kept,
    /// Each participant's own, as JupyterLab makes them for a handout without ids.
    Own,
    /// None, as a shared document of an older format is saved.
    None,
}
