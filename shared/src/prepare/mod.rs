//! Prepares the cells of a notebook: makes [`crate::prepared`] cells of them, once, natively.
//!
//! It chooses the richest form of each output, sanitises HTML, checks images, and folds progress
//! bars to what a terminal would show at the end. Deliberately not here: making HTML of
//! prepared cells, which [`crate::render`] does in both targets.

pub(crate) mod anchor;
pub(crate) mod budget;
pub(crate) mod css_colour;
pub(crate) mod css_size;
mod cut;
pub(crate) mod data_url;
pub(crate) mod displays;
mod drawing;
mod frame;
mod hidden;
pub(crate) mod image;
mod json;
mod language;
pub(crate) mod link;
mod markdown;
pub(crate) mod maths;
mod output_context;
mod outputs;
mod rich;
mod sanitizer;
pub(crate) mod style;
mod terminal;
mod widgets;

pub use frame::frame_document;
pub(crate) use maths::is_missing_command;
pub use sanitizer::Sanitizer;

use std::{borrow::Cow, cell::RefCell, rc::Rc};

use budget::{Budget, Cost, Ledger, MAX_SHOWN_CELLS, weigh};
use displays::Displays;

use crate::{
    notebook::{Cell, CellKind, Notebook, RawJson},
    prepared::{CellContent, CodeCell, Markdown, PreparedCell},
};

/// The most tags of a cell that are shown, and the most characters of each.
const MAX_TAGS: usize = 20;
const MAX_TAG_CHARS: usize = 50;

/// Prepares every cell of `notebook`; `first_index` is the index of its first cell in the
/// notebook that it was cut from.
///
/// It never fails, and takes a time proportional to the size: an output that is too large
/// (512 KiB of text, 8 MiB of HTML or of an image) or too much for a browser to draw (`budget`)
/// is cut or named in a note.
///
/// ```
/// use shared::{notebook::Notebook, prepare, prepared::CellContent, sanitize::Ammonia};
///
/// let json = br#"{"cells": [{"cell_type": "markdown", "source": "one"},
///                           {"cell_type": "raw", "source": "two"}]}"#;
/// let tail = Notebook::parse(json)?.notebook.tail(1);
/// let cells = prepare::cells(&tail, 1, &Ammonia);
/// assert_eq!(cells[0].index, 1);
/// assert_eq!(cells[0].content, CellContent::Raw("two".to_owned()));
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn cells(
    notebook: &Notebook,
    first_index: usize,
    sanitizer: &impl Sanitizer,
) -> Vec<PreparedCell> {
    let preparation = Preparation::new(notebook, first_index, sanitizer, &budget::PAGE_BUDGET);
    let mut ledger = Ledger::new(&budget::PAGE_BUDGET);
    let cells = notebook.cells().iter().enumerate().take(MAX_SHOWN_CELLS);
    let shown = cells.map(|(at, cell)| {
        let (cell, cost) = preparation.cell(at, cell);
        if ledger.take(cost) {
            cell
        } else {
            budget::reduced(cell)
        }
    });
    let more = notebook.len().saturating_sub(MAX_SHOWN_CELLS);
    shown
        .chain(budget::more_cells(first_index + MAX_SHOWN_CELLS, more))
        .collect()
}

/// Prepares some cells of `notebook`, by their places, within the budget of a tile, because a page
/// shows those of hundreds of people. Places that it does not have are left out.
///
/// ```
/// use shared::{notebook::Notebook, prepare, sanitize::Ammonia};
///
/// let json = br#"{"cells": [{"source": "1"}, {"source": "2"}, {"source": "3"}]}"#;
/// let notebook = Notebook::parse(json)?.notebook;
/// let chosen = prepare::chosen(&notebook, &[2, 9], &Ammonia);
/// assert_eq!(chosen, prepare::cells(&notebook, 0, &Ammonia)[2..]);
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn chosen(
    notebook: &Notebook,
    places: &[usize],
    sanitizer: &impl Sanitizer,
) -> Vec<PreparedCell> {
    let preparation = Preparation::new(notebook, 0, sanitizer, &budget::TILE_BUDGET);
    let mut ledger = Ledger::new(&budget::TILE_BUDGET);
    let cells = places
        .iter()
        .filter_map(|at| Some((*at, notebook.cells().get(*at)?)));
    let cells = cells.take(MAX_SHOWN_CELLS).map(|(at, cell)| {
        let (cell, cost) = preparation.cell(at, cell);
        match ledger.take(cost) {
            true => cell,
            false => budget::reduced(cell),
        }
    });
    cells.collect()
}

/// Prepares Markdown that is not in a notebook, in the same way as a Markdown cell.
///
/// ```
/// use shared::{prepare, render, sanitize::Ammonia};
///
/// let prepared = prepare::prose("*Coffee* <script>x()</script>", &Ammonia);
/// let html = render::markdown(&prepared, &render::Options::default()).into_string();
/// assert!(html.contains("<em>Coffee</em>") && !html.contains("script"));
/// ```
pub fn prose(source: &str, sanitizer: &impl Sanitizer) -> Markdown {
    prose_of(
        &cut::text(source.to_owned()),
        None,
        &Rc::default(),
        sanitizer,
        &budget::PAGE_BUDGET,
    )
    .0
}

/// Markdown as HTML within `budget`, and its cost.
fn prose_of(
    source: &str,
    attachments: Option<RawJson<'_>>,
    definitions: &Rc<maths::TexDefinitions>,
    sanitizer: &impl Sanitizer,
    budget: &Budget,
) -> (Markdown, Cost) {
    let extracted = maths::of_markdown(source, definitions);
    let mut prose = markdown::cell(source, attachments, &extracted, sanitizer);
    let mut cost = weigh::markdown(&prose);
    if let Some(much) = cost.beyond(budget.output) {
        prose = weigh::prose(source, much, budget.output);
        cost = weigh::markdown(&prose);
    }
    (prose, cost)
}

/// Prepares the cells of one notebook, with what they share.
pub(crate) struct Preparation<'a, S> {
    language: &'a str,
    displays: Displays<'a>,
    definitions: maths::NotebookDefinitions<'a>,
    widgets: widgets::state::Widgets<'a>,
    first_index: usize,
    sanitizer: &'a S,
    budget: &'static Budget,
}

impl<'a, S: Sanitizer> Preparation<'a, S> {
    pub(crate) fn new(
        notebook: &'a Notebook,
        first_index: usize,
        sanitizer: &'a S,
        budget: &'static Budget,
    ) -> Self {
        Self {
            language: notebook.language(),
            displays: Displays::of(notebook),
            definitions: maths::NotebookDefinitions::new(notebook),
            widgets: widgets::state::Widgets::of(notebook),
            first_index,
            sanitizer,
            budget,
        }
    }

    /// Prepares `cell`, which is at `at` in the notebook; returns its cost, too.
    pub(crate) fn cell(&self, at: usize, cell: &Cell) -> (PreparedCell, Cost) {
        let (content, cost) = self.content(at, cell);
        let tags = tags(cell);
        let cell = PreparedCell {
            index: self.first_index + at,
            tags,
            content,
        };
        (cell, cost.plus(Cost::NOTE))
    }
}

impl<S: Sanitizer> Preparation<'_, S> {
    fn content(&self, at: usize, cell: &Cell) -> (CellContent, Cost) {
        let budget = self.budget;
        match cell.kind() {
            CellKind::Code => {
                let (code, cost) = self.code(at, cell);
                (CellContent::Code(code), cost)
            }
            CellKind::Markdown => {
                let source = cut::text(cell.source());
                let (prose, cost) = self.prose(at, cell, &source);
                (CellContent::Markdown(prose), cost)
            }
            CellKind::Heading(level) => {
                let line = cut::text(cell.source()).replace('\n', " ");
                let source = format!("{} {line}", "#".repeat(usize::from(level)));
                let (prose, cost) = self.prose(at, cell, &source);
                (CellContent::Markdown(prose), cost)
            }
            CellKind::Raw => {
                let (text, cost) = plain(cell.source(), budget);
                (CellContent::Raw(text), cost)
            }
            CellKind::Unknown(note) => {
                let text = Some(cell.source())
                    .filter(|source| !source.is_empty())
                    .unwrap_or_else(|| cell.json().json().to_owned());
                let (text, cost) = plain(text, budget);
                let note = cut::name(&note);
                (CellContent::Unknown { note, text }, cost)
            }
        }
    }

    /// The Markdown of the cell at `at`, and its cost.
    fn prose(&self, at: usize, cell: &Cell, source: &str) -> (Markdown, Cost) {
        let definitions = self.definitions.before(at);
        let (prose, cost) = prose_of(
            source,
            cell.attachments(),
            &definitions,
            self.sanitizer,
            self.budget,
        );
        match hidden::FoldedParts::of(cell).source {
            true => (hidden::folded(prose), cost.plus(Cost::NOTE)),
            false => (prose, cost),
        }
    }

    fn code(&self, at: usize, cell: &Cell) -> (CodeCell, Cost) {
        let hidden = hidden::FoldedParts::of(cell);
        let language = cut::name(&language::of(cell, self.language));
        let (source, language, cost) = self.source(cut::text(cell.source()), language);
        let context = output_context::OutputContext {
            displays: &self.displays,
            widgets: &self.widgets,
            definitions: RefCell::new(self.definitions.before(at)),
            sanitizer: self.sanitizer,
            most: self.budget.output,
        };
        let (outputs, of_outputs) = outputs::all(cell, &context);
        let code = CodeCell {
            execution_count: cell.execution_count(),
            source,
            language,
            outputs,
            source_hidden: hidden.source,
            outputs_hidden: hidden.outputs,
            scrolled: cell.flag(None, "scrolled"),
        };
        (code, cost.plus(of_outputs))
    }

    /// The source and its language, and their cost. Where colours cost too much, the language is
    /// empty; where the source costs too much, it is cut.
    fn source(&self, source: String, language: String) -> (String, String, Cost) {
        let cost = weigh::source(&source, &language);
        if cost.beyond(self.budget.output).is_none() {
            return (source, language, cost);
        }
        let plain = String::new();
        let source = weigh::fitting(source, self.budget.output, |text| {
            weigh::source(text, &plain)
        });
        let cost = weigh::source(&source, &plain);
        (source, plain, cost)
    }
}

fn tags(cell: &Cell) -> Vec<String> {
    let short = |tag: Cow<'_, str>| tag.chars().take(MAX_TAG_CHARS).collect();
    cell.tags().take(MAX_TAGS).map(short).collect()
}

/// Plain text as far as it fits into `budget`, and its cost.
fn plain(text: String, budget: &Budget) -> (String, Cost) {
    let text = weigh::fitting(cut::text(text), budget.output, weigh::text);
    let cost = weigh::text(&text);
    (text, cost)
}
