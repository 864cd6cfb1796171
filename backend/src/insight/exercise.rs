//! Everyone's answers to one cell of the handout, read in the history and drawn for the page.
//!
//! The thread of the insight says where they are ([`super::places`]); reading and drawing them is
//! done on the thread of whoever asks.

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

use super::{
    InsightError,
    places::{ExercisePlaces, PlacesInCopy},
};
use crate::{
    class::CopyId,
    history::{HistoryStore, line_difference},
    lanes::PersonLanes,
};

/// Bytes of the lines by which an answer differs from the handout.
const MAX_CHANGES_BYTES: usize = 32 * 1024;
/// Bytes of the HTML of all answers; of further ones only the names are told.
const MAX_HTML_BYTES: usize = 24 << 20;

/// One person's answer, with what is shown of it.
struct ReadAnswer {
    user: String,
    is_guess: bool,
    source: String,
    cells: Vec<PreparedCell>,
}

/// The answers at these places of the notebook `filename`.
pub(super) fn read(
    filename: &str,
    places: ExercisePlaces,
    history: &dyn HistoryStore,
    lanes: &PersonLanes,
) -> Result<ExerciseResponse, InsightError> {
    let mut language = String::new();
    let (mut answers, mut read) = (Vec::new(), Vec::new());
    for copy in &places.copies {
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
        let (answer, shown) = answer(&notebook, copy, &places.stub);
        answers.push(answer);
        read.push(shown);
    }
    let mut left = MAX_HTML_BYTES;
    // Cells with an error may come from any cell of the handout, or from none.
    let compared_with = places.anchor.map(|_| &*places.stub);
    let groups = groups(&answers).into_iter();
    let draw = |group| draw_group(&group, &answers, &read, compared_with, &mut left);
    let groups = groups.map(draw).collect();
    Ok(ExerciseResponse {
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
    })
}

fn answer(notebook: &Notebook, copy: &PlacesInCopy, stub: &str) -> (CellAnswer, ReadAnswer) {
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
    let read = ReadAnswer {
        user: copy.user.clone(),
        is_guess: copy.is_guess,
        source: sources.join("\n\n"),
        cells: prepare::chosen(notebook, &copy.cells, &Ammonia),
    };
    (exercise.answer(&cells, copy.is_untouched, &names), read)
}

fn draw_group(
    group: &AnswerGroup,
    answers: &[CellAnswer],
    read: &[ReadAnswer],
    compared_with: Option<&str>,
    left: &mut usize,
) -> ExerciseGroup {
    let outcome = &answers[group.stacks[0][0]].outcome;
    let (kind, title) = kind_and_title(&group.common, outcome);
    let of_group = |at: &usize| read[*at].user.clone();
    let is_shown_once = matches!(
        group.common,
        Common::CellOutcome(CellOutcome::Shown(_) | CellOutcome::Failed(_))
    );
    let first = &read[group.stacks[0][0]];
    let nothing = matches!(kind, ExerciseKind::Untouched | ExerciseKind::Missing);
    let shows = !nothing && kind != ExerciseKind::NotRun;
    let drawn = group.stacks.iter().filter(|_| !nothing);
    let drawn = drawn.map(|stack| {
        let first = &read[stack[0]];
        let changes = |stub| {
            let lines = line_difference(stub, &first.source, MAX_CHANGES_BYTES);
            render::line_changes(&lines)
        };
        let mut answer = ExerciseAnswer {
            people: stack.iter().map(of_group).collect(),
            is_guess: first.is_guess,
            code: first.html(AnswerPart::Source),
            changes: compared_with.map(changes).unwrap_or_default(),
            shown: match shows && !is_shown_once {
                true => first.html(AnswerPart::Outputs),
                false => SafeHtml::default(),
            },
        };
        let parts = [&answer.code, &answer.changes, &answer.shown];
        let size = parts.iter().map(|html| html.as_str().len()).sum();
        if left.checked_sub(size).map(|rest| *left = rest).is_none() {
            answer.code = SafeHtml::default();
            answer.changes = SafeHtml::default();
            answer.shown = SafeHtml::default();
        }
        answer
    });
    ExerciseGroup {
        kind,
        title,
        people: group.stacks.iter().flatten().map(of_group).collect(),
        answers: drawn.collect(),
        shown: match is_shown_once {
            true => first.html(AnswerPart::Outputs),
            false => SafeHtml::default(),
        },
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
        (_, CellOutcome::Missing) => (ExerciseKind::Missing, "Cell removed"),
    };
    (kind, words.to_owned())
}

/// A part of a code cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnswerPart {
    Source,
    Outputs,
}

impl ReadAnswer {
    /// One part of the cells; the other is left out.
    fn html(&self, part: AnswerPart) -> SafeHtml {
        let cells = self.cells.iter().cloned().map(|mut cell| {
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
            id_prefix: format!("{}{sign}-", summary::id_prefix(&self.user)),
            ..Options::default()
        };
        render::cells(&cells.collect::<Vec<_>>(), &options)
    }
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
