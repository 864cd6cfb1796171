//! Notebook cells to [`crate::prepared`] ones: what is done once, natively.
//!
//! Here the richest form of each output is chosen, HTML is sanitised, images are
//! checked and progress bars are folded to what a terminal would show at the end.
//! What is deliberately not here: making HTML of it, which [`crate::render`] does in
//! both targets.

mod cut;
mod displays;
mod frame;
pub(crate) mod image;
mod json;
pub(crate) mod link;
mod markdown;
mod maths;
pub(crate) mod outputs;
pub(crate) mod place;
mod rich;
mod terminal;

pub use frame::frame_document;

use std::borrow::Cow;

use displays::Displays;

use crate::{
    notebook::{Cell, CellKind, Notebook},
    prepared::{Code, Content, Markdown, PreparedCell, SafeHtml},
};

/// A cell shows this many tags, of this many characters each.
const MAX_TAGS: usize = 20;
const MAX_TAG: usize = 50;

/// Turns untrusted HTML into HTML that is safe to put into a page.
pub trait Sanitizer {
    /// The harmless part of `html`, a fragment for the inside of an element.
    ///
    /// ```
    /// use shared::{prepare::Sanitizer, sanitize::Ammonia};
    ///
    /// let safe = Ammonia.sanitize("<b onclick=x()>bold</b><script>y()</script>");
    /// assert_eq!(safe.as_str(), "<b>bold</b>");
    /// ```
    fn sanitize(&self, html: &str) -> SafeHtml;
}

/// Prepares every cell of `notebook`, `first_index` being the place of its first
/// cell in the notebook it was cut from.
///
/// Never fails, and takes a time that the size explains: what is too large to be shown
/// (512 KiB of text, 8 MiB of HTML or of an image) is cut or named in a note.
///
/// ```
/// use shared::{notebook::Notebook, prepare, prepared::Content, sanitize::Ammonia};
///
/// let json = br#"{"cells": [{"cell_type": "markdown", "source": "one"},
///                           {"cell_type": "raw", "source": "two"}]}"#;
/// let tail = Notebook::parse(json)?.notebook.tail(1);
/// let cells = prepare::cells(&tail, 1, &Ammonia);
/// assert_eq!(cells[0].index, 1);
/// assert_eq!(cells[0].content, Content::Raw("two".to_owned()));
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn cells(
    notebook: &Notebook,
    first_index: usize,
    sanitizer: &impl Sanitizer,
) -> Vec<PreparedCell> {
    let preparation = Preparation::new(notebook, first_index, sanitizer);
    let cells = notebook.cells().iter().enumerate();
    cells.map(|(at, cell)| preparation.cell(at, cell)).collect()
}

/// Prepares Markdown that is in no notebook, as a cell of it would be.
///
/// ```
/// use shared::{prepare, render, sanitize::Ammonia};
///
/// let prepared = prepare::prose("*Coffee* <script>x()</script>", &Ammonia);
/// let html = render::markdown(&prepared, &render::Options::default());
/// assert!(html.contains("<em>Coffee</em>") && !html.contains("script"));
/// ```
pub fn prose(source: &str, sanitizer: &impl Sanitizer) -> Markdown {
    markdown::cell(&cut::text(source.to_owned()), None, sanitizer)
}

/// What the cells of one notebook have in common.
pub(crate) struct Preparation<'a, S> {
    language: &'a str,
    displays: Displays<'a>,
    first_index: usize,
    sanitizer: &'a S,
}

impl<'a, S: Sanitizer> Preparation<'a, S> {
    pub(crate) fn new(notebook: &'a Notebook, first_index: usize, sanitizer: &'a S) -> Self {
        Self {
            language: notebook.language(),
            displays: Displays::of(notebook),
            first_index,
            sanitizer,
        }
    }

    /// The cell at `at` of the notebook, which is `cell`.
    pub(crate) fn cell(&self, at: usize, cell: &Cell) -> PreparedCell {
        PreparedCell {
            index: self.first_index + at,
            tags: tags(cell),
            content: content(cell, self.language, &self.displays, self.sanitizer),
        }
    }
}

fn tags(cell: &Cell) -> Vec<String> {
    let short = |tag: Cow<'_, str>| tag.chars().take(MAX_TAG).collect();
    cell.tags().take(MAX_TAGS).map(short).collect()
}

fn content(
    cell: &Cell,
    language: &str,
    displays: &Displays<'_>,
    sanitizer: &impl Sanitizer,
) -> Content {
    match cell.kind() {
        CellKind::Code => Content::Code(code(cell, language, displays, sanitizer)),
        CellKind::Markdown => Content::Markdown(markdown::cell(
            &cut::text(cell.source()),
            cell.attachments(),
            sanitizer,
        )),
        CellKind::Heading(level) => {
            let line = cut::text(cell.source()).replace('\n', " ");
            let source = format!("{} {line}", "#".repeat(usize::from(level)));
            Content::Markdown(markdown::cell(&source, None, sanitizer))
        }
        CellKind::Raw => Content::Raw(cut::text(cell.source())),
        CellKind::Unknown(note) => Content::Unknown {
            note: cut::name(&note),
            text: cut::text(
                Some(cell.source())
                    .filter(|source| !source.is_empty())
                    .unwrap_or_else(|| cell.json().json().to_owned()),
            ),
        },
    }
}

fn code(cell: &Cell, language: &str, displays: &Displays<'_>, sanitizer: &impl Sanitizer) -> Code {
    let hidden = |part: &str| cell.flag(Some("jupyter"), part);
    Code {
        execution_count: cell.execution_count(),
        source: cut::text(cell.source()),
        language: cut::name(cell.language().unwrap_or(language)),
        outputs: outputs::all(cell, displays, sanitizer),
        source_hidden: hidden("source_hidden") || cell.tags().any(|tag| tag == "hide-input"),
        outputs_hidden: hidden("outputs_hidden")
            || cell.flag(None, "collapsed")
            || cell.tags().any(|tag| tag == "hide-output"),
        scrolled: cell.flag(None, "scrolled"),
    }
}
