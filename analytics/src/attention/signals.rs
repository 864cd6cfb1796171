//! What of somebody's saves says that they are stuck, each with its reason in words.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    episode::Episode,
    handout::AnchoredHandout,
    progress::{Progress, RUNS_KEPT_MS, mark_of},
    signature::Signature,
};

const MINUTE_MS: i64 = 60_000;
/// Whoever has saved within this time is in class.
const PRESENT_MS: i64 = 10 * MINUTE_MS;
/// An error after which nothing is saved so long was given up, or is being read.
const SILENT_MS: i64 = 4 * MINUTE_MS;
const SILENT_WEIGHT: f32 = 0.5;
/// How long somebody is taken to be at an error after their last save.
const READING_MS: i64 = 3 * MINUTE_MS;
/// Runs of one cell from which on they say something, whether they fail or not.
const MANY_RUNS: usize = 4;
/// Half of the class has begun so long before whoever has not is told.
const BEGUN_MS: i64 = 5 * MINUTE_MS;
/// From so many people, and this share, on, an error is the class's.
const CLASS_PEOPLE: usize = 5;
const CLASS_SHARE: f32 = 0.3;
/// Below so many people at work nobody is behind.
const MIN_PEOPLE: usize = 5;
/// How far behind the median somebody is told to be.
const MIN_BEHIND: usize = 3;

/// Why somebody may need someone, with the numbers to be said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    /// They have asked.
    Asked {
        /// How long ago.
        minutes: i64,
    },
    /// The same error again and again, or one that stays.
    SameError {
        /// The error.
        error: Signature,
        /// Runs that ended in it.
        runs: u32,
        /// Since when the cell fails.
        minutes: i64,
    },
    /// One error after another.
    Failing {
        /// Failed runs of the cell in the last minutes.
        runs: usize,
    },
    /// One cell is run again and again, whether it fails or not.
    ManyRuns {
        /// Runs of it in the last minutes.
        runs: usize,
    },
    /// A cell is run again and again as it is.
    Reruns {
        /// Runs with the same text.
        runs: u32,
    },
    /// Cells that half of the class has done, and they have not.
    Behind {
        /// How many.
        cells: usize,
    },
    /// An error, and nothing since.
    Silent {
        /// Minutes since the last save.
        minutes: i64,
    },
    /// Nothing of the handout was run, when half of the class has begun.
    NotBegun,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { minutes: ..=0 } => f.write_str("asked for help just now"),
            Self::Asked { minutes } => write!(f, "asked for help {minutes} min ago"),
            Self::SameError {
                error,
                runs,
                minutes,
            } => {
                match runs {
                    1 => write!(f, "{error}")?,
                    _ => write!(f, "same {error} {runs} runs")?,
                }
                match minutes {
                    ..=0 => Ok(()),
                    _ => write!(f, ", {minutes} min"),
                }
            }
            Self::Failing { runs } => write!(f, "{runs} failed runs of one cell in 6 min"),
            Self::ManyRuns { runs } => write!(f, "{runs} runs of one cell in 6 min"),
            Self::Reruns { runs } => write!(f, "{runs} runs with nothing changed"),
            Self::Behind { cells } => write!(f, "{cells} cells behind half of the class"),
            Self::Silent { minutes } => write!(f, "nothing saved since the error, {minutes} min"),
            Self::NotBegun => f.write_str("nothing run yet"),
        }
    }
}

/// What is known of the class, to which one person is compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassView {
    /// People at work.
    pub active: usize,
    /// The median of the cells they have reached.
    median_reached: usize,
    /// When half of them had run a cell.
    half_begun_ms: Option<i64>,
    /// Marks of errors, with the number of people.
    errors: BTreeMap<u64, usize>,
}

impl ClassView {
    /// The class at `now_ms`.
    pub fn of<'a>(people: impl Iterator<Item = &'a Progress>, now_ms: i64) -> Self {
        let active: Vec<&Progress> = people
            .filter(|progress| progress.is_active(now_ms, PRESENT_MS))
            .collect();
        let mut reached: Vec<usize> = active.iter().map(|progress| progress.reached()).collect();
        reached.sort_unstable();
        let mut begun: Vec<i64> = active
            .iter()
            .filter_map(|progress| progress.first_run_ms)
            .collect();
        begun.sort_unstable();
        let mut errors = BTreeMap::new();
        for progress in &active {
            let open = progress
                .open_episodes()
                .iter()
                .filter(|episode| episode.is_alive(now_ms));
            let mut marks: Vec<u64> = open.map(mark_of).collect();
            marks.sort_unstable();
            marks.dedup();
            for mark in marks {
                *errors.entry(mark).or_insert(0) += 1;
            }
        }
        Self {
            active: active.len(),
            median_reached: reached.get(reached.len() / 2).copied().unwrap_or(0),
            half_begun_ms: begun
                .get(active.len().div_ceil(2).saturating_sub(1))
                .copied(),
            errors,
        }
    }

    /// Whether so many have an error that it is the class's and not one person's.
    fn is_of_class(&self, episode: &Episode) -> bool {
        let people = self.errors.get(&mark_of(episode)).copied().unwrap_or(0);
        people >= CLASS_PEOPLE && people as f32 >= CLASS_SHARE * self.active as f32
    }
}

/// Why somebody may need someone, the strongest reason first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attention {
    /// The reasons.
    pub reasons: Vec<Reason>,
    /// Orders people; never shown.
    pub(crate) weight: f32,
    /// The error that they are at.
    pub(crate) error: Option<u64>,
}

impl Attention {
    /// What somebody's copy says at `now_ms`.
    #[must_use]
    pub fn of(
        progress: &Progress,
        class: &ClassView,
        handout: Option<&AnchoredHandout>,
        now_ms: i64,
    ) -> Self {
        let mut found: Vec<(f32, Reason)> = Vec::new();
        let episode = progress.current_error(now_ms);
        if let Some(episode) = episode {
            let share = if class.is_of_class(episode) { 0.5 } else { 1.0 };
            error_signals(progress, episode, now_ms, &mut found);
            for (weight, _) in &mut found {
                *weight *= share;
            }
        }
        if let Some(runs) = runs_of_one_cell(progress, now_ms) {
            let weight = (0.3 * (runs - MANY_RUNS + 1) as f32).min(1.5);
            found.push((weight, Reason::ManyRuns { runs }));
        }
        if handout.is_some() && progress.is_active(now_ms, PRESENT_MS) {
            class_signals(progress, class, episode.is_some(), now_ms, &mut found);
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self {
            weight: found.iter().map(|(weight, _)| weight).sum(),
            reasons: found.into_iter().map(|(_, reason)| reason).collect(),
            error: episode.map(mark_of),
        }
    }

    /// What orders people. It is nothing to show: the reasons are.
    #[must_use]
    pub fn weight(&self) -> f32 {
        self.weight
    }
}

fn error_signals(
    progress: &Progress,
    episode: &Episode,
    now_ms: i64,
    found: &mut Vec<(f32, Reason)>,
) {
    let age_ms = now_ms - episode.failing_since_ms;
    // Who has left with an error does not need someone more and more.
    let last_ms = progress
        .saves_ms
        .map_or(now_ms, |(_, last)| last + READING_MS)
        .min(now_ms);
    let at_work_ms = last_ms - episode.failing_since_ms;
    let by_age = (at_work_ms as f32 / (2 * MINUTE_MS) as f32).min(3.0);
    let by_runs = (episode.runs as f32 - 1.0).min(3.0);
    let (error, runs) = (episode.signature.clone(), episode.runs);
    let minutes = age_ms / MINUTE_MS;
    found.push((
        by_age + by_runs,
        Reason::SameError {
            error,
            runs,
            minutes,
        },
    ));
    let recent = progress
        .runs()
        .filter(|run| now_ms - run.at_ms <= RUNS_KEPT_MS);
    let failed = recent
        .filter(|run| run.key == episode.key && run.error.is_some())
        .count();
    if failed > 1 {
        let weight = (0.5 * (failed as f32 - 1.0)).min(2.0);
        found.push((weight, Reason::Failing { runs: failed }));
    }
    if episode.reruns >= 2 {
        let weight = if episode.reruns >= 5 { 1.5 } else { 0.5 };
        found.push((
            weight,
            Reason::Reruns {
                runs: episode.reruns + 1,
            },
        ));
    }
    let silent_ms = progress.saves_ms.map_or(0, |(_, last)| now_ms - last);
    if silent_ms >= SILENT_MS {
        found.push((
            SILENT_WEIGHT,
            Reason::Silent {
                minutes: silent_ms / MINUTE_MS,
            },
        ));
    }
}

/// How often the cell that was run last was run in the last minutes, when that is often.
fn runs_of_one_cell(progress: &Progress, now_ms: i64) -> Option<usize> {
    let recent = progress
        .runs()
        .filter(|run| now_ms - run.at_ms <= RUNS_KEPT_MS);
    let key = progress.runs().next_back()?.key;
    let runs = recent.filter(|run| run.key == key).count();
    (runs >= MANY_RUNS).then_some(runs)
}

fn class_signals(
    progress: &Progress,
    class: &ClassView,
    has_error: bool,
    now_ms: i64,
    found: &mut Vec<(f32, Reason)>,
) {
    if class.active < MIN_PEOPLE {
        return;
    }
    let behind = class.median_reached.saturating_sub(progress.reached());
    if behind >= MIN_BEHIND {
        let factor = if has_error { 0.5 } else { 0.25 };
        let weight = (behind as f32 / 3.0).min(2.0) * factor;
        found.push((weight, Reason::Behind { cells: behind }));
    }
    let is_late = class
        .half_begun_ms
        .is_some_and(|at_ms| now_ms - at_ms >= BEGUN_MS);
    if is_late && progress.first_run_ms.is_none() {
        found.push((1.0, Reason::NotBegun));
    }
}

#[cfg(test)]
mod tests;
