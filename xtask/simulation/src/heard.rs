//! What a service has answered, against the truth.

use std::collections::HashMap;

use analytics::answer::letter;
use anyhow::Context;
use serde_json::Value;
use shared::insight::InsightResponse;

use crate::{
    class::SimulatedClass,
    measure,
    table::{Hits, Table},
};

/// An error that was run longer ago is none that somebody has now, by what the service promises.
const LATELY_MS: i64 = 15 * 60_000;

/// Answers of a service, compared with the truth.
pub struct HeardScores {
    /// The code cells of the handout.
    code: Vec<usize>,
    states: (usize, usize),
    /// Pairs of people who have the same error.
    errors: Hits,
}

/// What is true of somebody at an answer.
#[derive(Clone)]
pub struct Truth {
    /// Their newest save in the answer.
    pub save: usize,
    /// When their error was run last.
    pub failed_ms: i64,
}

impl HeardScores {
    /// Nothing heard yet of this class.
    ///
    /// # Errors
    /// When the handout is no notebook.
    pub fn of(class: &SimulatedClass) -> anyhow::Result<Self> {
        let handout: Value = serde_json::from_str(&class.handout)?;
        let cells = handout["cells"].as_array().context("it has cells")?;
        let code = cells.iter().enumerate();
        let code = code.filter(|(_, cell)| cell["cell_type"] == "code");
        Ok(Self {
            code: code.map(|(at, _)| at).collect(),
            states: (0, 0),
            errors: Hits::default(),
        })
    }

    /// Compares an answer; `truths` is what is true of each participant who has saved.
    pub fn add(
        &mut self,
        answer: &InsightResponse,
        class: &SimulatedClass,
        truths: &[Option<Truth>],
    ) {
        let people: HashMap<&str, _> = answer.people.iter().map(|it| (&*it.user, it)).collect();
        let mut errors: Vec<(Option<&str>, Option<&str>)> = Vec::new();
        for (participant, truth) in truths.iter().enumerate() {
            let Some(truth) = truth else { continue };
            let save = &class.saves[truth.save];
            let heard = people.get(&*name(participant));
            let mut letters = heard.map_or("", |it| &it.cells).chars();
            for cell in &self.code {
                let is_same = letters.next() == Some(letter(save.states[*cell]));
                self.states.0 += usize::from(is_same);
                self.states.1 += 1;
            }
            let is_there = answer.as_of_ms - truth.failed_ms <= LATELY_MS;
            let mistake = save.failing.as_ref().filter(|_| is_there);
            errors.push((
                mistake.map(|failing| &*failing.mistake),
                heard.and_then(|it| it.error.as_deref()),
            ));
        }
        for (at, (is, found)) in errors.iter().enumerate() {
            for (other_is, other_found) in &errors[at + 1..] {
                let (same, same_found) = (
                    is.is_some() && is == other_is,
                    found.is_some() && found == other_found,
                );
                self.errors.there += usize::from(same);
                self.errors.found += usize::from(same_found);
                self.errors.right += usize::from(same && same_found);
            }
        }
    }

    /// Adds the rows of a class.
    pub fn print(&self, class_name: &str, table: &mut Table) {
        let (right, all) = self.states;
        table.push(
            class_name,
            "states of cells in the answers",
            format!("{:.4}", right as f64 / all.max(1) as f64),
            "0.98",
        );
        table.push(
            class_name,
            "who has the same error, pairs: precision / recall",
            self.errors.to_string(),
            "",
        );
    }
}

/// A participant's name.
#[must_use]
pub fn name(participant: usize) -> String {
    measure::name(participant)
}
