//! Everyone's answers to one cell of the handout, read in the history and drawn for the page.
//!
//! The thread of the insight says where they are ([`super::places`]); reading and drawing them is
//! done on the thread of whoever asks.

use std::collections::BTreeSet;

use analytics::{
    exercise::{AnswerGroup, CellAnswer, CellOutcome, Common, Exercise, groups},
    signature::Names,
};
use shared::{
    exercise::{ExerciseAnswer, ExerciseGroup, ExerciseKind, ExerciseResponse},
    notebook::{Cell, Notebook},
    prepare,
    prepared::{CellContent, CodeCell, PreparedCell, SafeHtml},
    render::{self, Options},
    sanitize::Ammonia,
    standalone::summary,
};

use tokio_util::sync::CancellationToken;

use super::{
    InsightError,
    places::{ExercisePlaces, PlacesInCopy},
};
use crate::{
    class::CopyId,
    history::{HistoryStore, line_difference},
    lanes::PersonLanes,
};

/// Bytes of an answer's source that are compared with the handout.
const MAX_SOURCE_BYTES: usize = 256 * 1024;
/// Bytes of the lines by which an answer differs from the handout.
const MAX_CHANGES_BYTES: usize = 32 * 1024;
/// Bytes of the HTML of all answers; of further ones only the names are told.
const MAX_HTML_BYTES: usize = 24 << 20;

/// One person's answer, with what is shown of it.
struct ReadAnswer {
    user: String,
    is_guess: bool,
    source: String,
    code: SafeHtml,
    /// Only of the first answer with this outcome: the others show the same.
    shown: SafeHtml,
}

/// What was read so far, as far as it bounds what is kept of further answers.
struct Reading {
    outcomes: BTreeSet<CellOutcome>,
    left: usize,
}

impl Reading {
    /// The HTML, unless there is no room for it.
    fn fitting(&mut self, html: SafeHtml) -> SafeHtml {
        match self.left.checked_sub(html.as_str().len()) {
            Some(left) => {
                self.left = left;
                html
            }
            None => SafeHtml::default(),
        }
    }
}

/// The answers at these places of the notebook `filename`; `None` when they are no longer wanted.
pub(super) fn read(
    filename: &str,
    places: ExercisePlaces,
    history: &dyn HistoryStore,
    lanes: &PersonLanes,
    unwanted: &CancellationToken,
) -> Result<Option<ExerciseResponse>, InsightError> {
    let mut language = String::new();
    let (mut answers, mut read) = (Vec::new(), Vec::new());
    let mut reading = Reading {
        outcomes: BTreeSet::new(),
        left: MAX_HTML_BYTES,
    };
    for copy in &places.copies {
        if unwanted.is_cancelled() {
            return Ok(None);
        }
        let key = CopyId {
            filename: filename.to_owned(),
            user: copy.user.clone(),
        };
        let length = history.length(&key, copy.version)?;
        let _turn = lanes.turn(length.unwrap_or(0));
        // A version may have been removed since, and so may the copy.
        let Some(bytes) = history.bytes(&key, copy.version)? else {
            continue;
        };
        let Ok(parsed) = Notebook::parse(&bytes) else {
            continue;
        };
        let notebook = parsed.notebook;
        if language.is_empty() {
            notebook.language().clone_into(&mut language);
        }
        let (answer, shown) = answer(&notebook, copy, &places.stub, &mut reading);
        answers.push(answer);
        read.push(shown);
    }
    // Cells with an error may come from any cell of the handout, or from none.
    let compared_with = places.anchor.map(|_| &*places.stub);
    let groups = groups(&answers).into_iter();
    let draw = |group| draw_group(&group, &answers, &read, compared_with, &mut reading);
    let groups = groups.map(draw).collect();
    Ok(Some(ExerciseResponse {
        now_ms: 0,
        as_of_ms: places.as_of_ms,
        catching_up: places.catching_up,
        title: places.title,
        anchor: places.anchor.map(|anchor| anchor.0),
        column: places.column,
        before: places.before,
        after: places.after,
        stub: match places.anchor {
            Some(_) => stub(places.stub, language),
            None => SafeHtml::default(),
        },
        groups,
    }))
}

fn answer(
    notebook: &Notebook,
    copy: &PlacesInCopy,
    stub: &str,
    reading: &mut Reading,
) -> (CellAnswer, ReadAnswer) {
    let cells: Vec<&Cell> = copy
        .cells
        .iter()
        .filter_map(|at| notebook.cells().get(*at))
        .collect();
    let exercise = Exercise {
        stub,
        language: notebook.language(),
    };
    let names = Names::of(&[&*copy.user]);
    let sources: Vec<String> = cells.iter().map(|cell| cell.source()).collect();
    let answer = exercise.answer(&cells, copy.is_untouched, &names);
    let has_source = !matches!(
        answer.outcome,
        CellOutcome::Untouched | CellOutcome::Missing
    );
    let shows = matches!(
        answer.outcome,
        CellOutcome::Shown(_) | CellOutcome::Failed(_)
    );
    let is_first = shows && reading.outcomes.insert(answer.outcome.clone());
    let (mut code, mut shown) = (SafeHtml::default(), SafeHtml::default());
    if has_source {
        let cells = prepare::chosen(notebook, &copy.cells, &Ammonia);
        code = reading.fitting(html(&cells, &copy.user, AnswerPart::Source));
        if is_first {
            shown = reading.fitting(html(&cells, &copy.user, AnswerPart::Outputs));
        }
    }
    let mut source = sources.join("\n\n");
    source.truncate(source.floor_char_boundary(MAX_SOURCE_BYTES));
    source.shrink_to_fit();
    let read = ReadAnswer {
        user: copy.user.clone(),
        is_guess: copy.is_guess,
        source,
        code,
        shown,
    };
    (answer, read)
}

fn draw_group(
    group: &AnswerGroup,
    answers: &[CellAnswer],
    read: &[ReadAnswer],
    compared_with: Option<&str>,
    reading: &mut Reading,
) -> ExerciseGroup {
    let outcome = &answers[group.stacks[0][0]].outcome;
    // What one person alone has can be named.
    let is_one = group.stacks.iter().flatten().count() == 1;
    let named = Common::CellOutcome(outcome.clone());
    let (kind, title) = kind_and_title(if is_one { &named } else { &group.common }, outcome);
    let of_group = |at: &usize| read[*at].user.clone();
    let is_shown_once = matches!(
        group.common,
        Common::CellOutcome(CellOutcome::Shown(_) | CellOutcome::Failed(_))
    );
    let has_answers = !matches!(kind, ExerciseKind::Untouched | ExerciseKind::Missing);
    let drawn = group.stacks.iter().filter(|_| has_answers);
    let drawn = drawn.map(|stack| {
        let first = &read[stack[0]];
        let changes = compared_with.map(|stub| {
            let lines = line_difference(stub, &first.source, MAX_CHANGES_BYTES);
            render::line_changes(&lines)
        });
        ExerciseAnswer {
            people: stack.iter().map(of_group).collect(),
            is_guess: first.is_guess,
            code: first.code.clone(),
            changes: reading.fitting(changes.unwrap_or_default()),
            shown: match is_shown_once {
                true => SafeHtml::default(),
                false => first.shown.clone(),
            },
        }
    });
    let answers: Vec<ExerciseAnswer> = drawn.collect();
    let members = || group.stacks.iter().flatten();
    let shown = members().map(|at| &read[*at].shown);
    let shown = shown.filter(|_| is_shown_once);
    ExerciseGroup {
        kind,
        title,
        people: members().map(of_group).collect(),
        answers,
        shown: shown
            .max_by_key(|html| html.as_str().len())
            .cloned()
            .unwrap_or_default(),
    }
}

fn kind_and_title(common: &Common, outcome: &CellOutcome) -> (ExerciseKind, String) {
    let (kind, words) = match (common, outcome) {
        (Common::OtherErrors, _) => (ExerciseKind::Error, "Other errors"),
        (Common::OtherResults, _) => (ExerciseKind::Output, "Other results"),
        (_, CellOutcome::Failed(signature)) => return (ExerciseKind::Error, signature.to_string()),
        (_, CellOutcome::Shown(print)) => return (ExerciseKind::Output, print.words.clone()),
        (_, CellOutcome::Silent) => (ExerciseKind::NoOutput, "No output"),
        (_, CellOutcome::NotRun) => (ExerciseKind::NotRun, "Not run"),
        (_, CellOutcome::Untouched) => (ExerciseKind::Untouched, "Untouched"),
        (_, CellOutcome::Missing) => (ExerciseKind::Missing, "No such cell"),
    };
    (kind, words.to_owned())
}

/// A part of a code cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnswerPart {
    Source,
    Outputs,
}

/// One part of somebody's cells; the other is left out.
fn html(cells: &[PreparedCell], user: &str, part: AnswerPart) -> SafeHtml {
    let cells = cells.iter().cloned().map(|mut cell| {
        if let CellContent::Code(code) = &mut cell.content {
            match part {
                AnswerPart::Source => code.outputs.clear(),
                AnswerPart::Outputs => code.source.clear(),
            }
        }
        cell
    });
    let sign = if part == AnswerPart::Source { "s" } else { "o" };
    let options = Options {
        id_prefix: format!("{}{sign}-", summary::id_prefix(user)),
        ..Options::default()
    };
    render::cells(&cells.collect::<Vec<_>>(), &options)
}

/// The handout's cell.
fn stub(source: String, language: String) -> SafeHtml {
    let code = CodeCell {
        execution_count: None,
        source,
        language,
        outputs: Vec::new(),
        source_hidden: false,
        outputs_hidden: false,
        scrolled: false,
    };
    let cell = PreparedCell {
        index: 0,
        tags: Vec::new(),
        content: CellContent::Code(code),
    };
    let options = Options {
        id_prefix: "stub-".to_owned(),
        ..Options::default()
    };
    render::cells(&[cell], &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_all_answers_is_bounded_and_a_result_is_kept_once() {
        let text = "x".repeat(300_000);
        let mut reading = Reading {
            outcomes: BTreeSet::new(),
            left: 1_000_000,
        };
        let mut kept = Vec::new();
        for person in 0..20 {
            let printed = format!("{} {text}", person % 10);
            let json = serde_json::json!({"nbformat": 4, "cells": [{"cell_type": "code",
                "source": "print(x)", "execution_count": 1, "metadata": {}, "outputs": [
                {"output_type": "stream", "name": "stdout", "text": printed}]}]});
            let parsed = Notebook::parse(json.to_string().as_bytes()).unwrap();
            let copy = PlacesInCopy {
                user: format!("p{person}"),
                version: 1,
                cells: vec![0],
                is_guess: false,
                is_untouched: false,
            };
            let (_, read) = answer(&parsed.notebook, &copy, "", &mut reading);
            assert!(read.code.as_str().contains("print"), "{person}");
            kept.push(read.shown.as_str().len());
        }
        assert!(kept.iter().sum::<usize>() <= 1_000_000, "{kept:?}");
        assert!(
            kept[0] > 0 && kept[10..].iter().all(|len| *len == 0),
            "{kept:?}"
        );
    }
}
