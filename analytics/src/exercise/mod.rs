//! One cell of the handout across everyone: the same errors and the same results together, and what
//! is alike side by side.
//!
//! Programs are not sorted into kinds: of an open exercise everyone's program is another. What
//! groups is what came of it, the error or the output; within a group what is the same but for
//! names and comments is stacked, and neighbours are alike.
//!
//! * `normal_form.rs`: when two sources are the same
//! * `output_print.rs`: when two outputs are
//!
//! Nothing here is kept: it is made when somebody asks.

mod normal_form;
mod output_print;

use std::{cmp::Reverse, collections::BTreeMap};

use shared::notebook::Cell;

pub use output_print::OutputPrint;

use self::normal_form::{given_names, normal_form};
use crate::{
    signature::{Names, Signature},
    similarity::Features,
    snapshot::failure_of,
};

/// A result of one person is no group.
const MIN_PEOPLE: usize = 2;
/// Stacks of one group that are put beside what is like them; further ones follow as they come.
const MAX_ORDERED: usize = 1_000;

/// What has come of somebody's cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellOutcome {
    /// Its last run has failed.
    Failed(Signature),
    /// It shows this.
    Shown(OutputPrint),
    /// It was run and shows nothing.
    Silent,
    /// It was changed and not run.
    NotRun,
    /// It is as it was handed out.
    Untouched,
    /// They have no such cell any more.
    Missing,
}

/// Somebody's answer to an exercise.
#[derive(Clone, Debug)]
pub struct CellAnswer {
    /// What has come of it.
    pub outcome: CellOutcome,
    form: u64,
    features: Features,
}

/// The exercise that answers belong to.
pub struct Exercise<'a> {
    /// The text of the handout's cell.
    pub stub: &'a str,
    /// The language of the notebooks.
    pub language: &'a str,
}

impl Exercise<'_> {
    /// The answer in these cells of one copy. `is_untouched` says that they are as they were handed
    /// out; `names` are those of the owner.
    #[must_use]
    pub fn answer(&self, cells: &[&Cell], is_untouched: bool, names: &Names) -> CellAnswer {
        let sources: Vec<String> = cells.iter().map(|cell| cell.source()).collect();
        let source = sources.join("\n");
        let failed = cells
            .iter()
            .find_map(|cell| failure_of(cell, self.language));
        let outcome = match failed {
            _ if cells.is_empty() => CellOutcome::Missing,
            _ if is_untouched => CellOutcome::Untouched,
            Some(failure) => CellOutcome::Failed(Signature::of(&failure, names)),
            None => match OutputPrint::of(cells) {
                Some(print) => CellOutcome::Shown(print),
                None if cells.iter().any(|cell| cell.execution_count().is_some()) => {
                    CellOutcome::Silent
                }
                None if source.trim() == self.stub.trim() => CellOutcome::Untouched,
                None => CellOutcome::NotRun,
            },
        };
        let given = given_names(self.stub, self.language);
        CellAnswer {
            outcome,
            form: normal_form(&source, self.language, &given),
            features: Features::of(&source),
        }
    }
}

/// What the answers of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Common {
    /// What has come of all of them.
    CellOutcome(CellOutcome),
    /// Each shows something that nobody else shows.
    OtherResults,
    /// Each has an error that nobody else has.
    OtherErrors,
}

/// Answers of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerGroup {
    /// What they have in common.
    pub common: Common,
    /// The answers by their places in the list, those that are the same in one stack; what is next
    /// to each other is alike.
    pub stacks: Vec<Vec<usize>>,
}

impl AnswerGroup {
    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stacks.iter().map(Vec::len).sum()
    }

    /// Whether there is none; no group that is made is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }
}

/// Puts answers together: errors, then results, those of most people first, then what was not run.
#[must_use]
pub fn groups(answers: &[CellAnswer]) -> Vec<AnswerGroup> {
    let mut by_outcome: BTreeMap<(u8, u64), Vec<usize>> = BTreeMap::new();
    for (at, answer) in answers.iter().enumerate() {
        by_outcome.entry(key(&answer.outcome)).or_default().push(at);
    }
    let mut groups: Vec<(u8, AnswerGroup)> = Vec::new();
    let (mut errors, mut results) = (Vec::new(), Vec::new());
    for ((rank, _), members) in by_outcome {
        let outcome = &answers[members[0]].outcome;
        match (outcome, members.len() < MIN_PEOPLE) {
            (CellOutcome::Failed(_), true) => errors.extend(members),
            (CellOutcome::Shown(_), true) => results.extend(members),
            _ => {
                let common = Common::CellOutcome(outcome.clone());
                groups.push((rank, group(common, &members, answers)));
            }
        }
    }
    groups.sort_by_key(|(rank, group)| (*rank, Reverse(group.len())));
    for (common, members, rank) in [
        (Common::OtherResults, results, SHOWN),
        (Common::OtherErrors, errors, FAILED),
    ] {
        if !members.is_empty() {
            let place = groups.partition_point(|(before, _)| *before <= rank);
            groups.insert(place, (rank, group(common, &members, answers)));
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

const FAILED: u8 = 0;
const SHOWN: u8 = 1;

/// What is the same for answers of one group, which are in order of its first part.
fn key(outcome: &CellOutcome) -> (u8, u64) {
    match outcome {
        CellOutcome::Failed(signature) => (FAILED, signature.mark()),
        CellOutcome::Shown(print) => (SHOWN, print.mark),
        CellOutcome::Silent => (2, 0),
        CellOutcome::NotRun => (3, 0),
        CellOutcome::Untouched => (4, 0),
        CellOutcome::Missing => (5, 0),
    }
}

fn group(common: Common, members: &[usize], answers: &[CellAnswer]) -> AnswerGroup {
    let mut stacks: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
    for at in members {
        let answer = &answers[*at];
        // Of those that share nothing, each has something of its own to be seen.
        let own = match common {
            Common::CellOutcome(_) => 0,
            Common::OtherResults | Common::OtherErrors => key(&answer.outcome).1,
        };
        stacks.entry((answer.form, own)).or_default().push(*at);
    }
    let mut stacks: Vec<Vec<usize>> = stacks.into_values().collect();
    // As the list has it, whatever the hashes are.
    stacks.sort_by_key(|stack| stack[0]);
    AnswerGroup {
        common,
        stacks: neighbours_alike(stacks, answers),
    }
}

/// Begins with what is most like all the others, and goes on with what is most like the last.
fn neighbours_alike(mut stacks: Vec<Vec<usize>>, answers: &[CellAnswer]) -> Vec<Vec<usize>> {
    let rest = stacks.split_off(stacks.len().min(MAX_ORDERED));
    let alike = |one: &[usize], other: &[usize]| {
        let [one, other] = [one, other].map(|stack| &answers[stack[0]].features);
        one.similarity(other) + other.similarity(one)
    };
    let sum = |stack: &[usize]| -> f32 {
        let people = stacks.iter().map(|it| alike(stack, it) * it.len() as f32);
        people.sum()
    };
    let mut first = (0, f32::MIN);
    for (at, stack) in stacks.iter().enumerate() {
        let sum = sum(stack);
        if sum > first.1 {
            first = (at, sum);
        }
    }
    let mut ordered = Vec::with_capacity(stacks.len() + rest.len());
    let mut next = (!stacks.is_empty()).then_some(first.0);
    while let Some(at) = next {
        let stack = stacks.remove(at);
        let mut best = None;
        for (at, other) in stacks.iter().enumerate() {
            let similarity = alike(&stack, other);
            if best.is_none_or(|(_, most)| similarity > most) {
                best = Some((at, similarity));
            }
        }
        ordered.push(stack);
        next = best.map(|(at, _)| at);
    }
    ordered.extend(rest);
    ordered
}

#[cfg(test)]
mod tests;
