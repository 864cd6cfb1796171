//! The section that one participant's copy adds to a summary.

use std::{fmt, sync::Arc};

use serde_json::json;
use shared::{
    incremental::RenderedCells,
    notebook::{self, Notebook},
    render::{Options, escape},
    standalone::summary::{ParticipantSummary, id_prefix},
};

use super::layout;
use crate::{class::NotebookContent, text::percent_encoded, time};

/// The end of a participant's notebook in both forms of the summary, or the card that says why it
/// is missing. It holds texts only, because there are hundreds.
///
/// A clone shares the texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SummarySection {
    pub(super) saved_at_ms: i64,
    /// Whether there is an export, perhaps of an older version.
    pub(super) has_export: bool,
    pub(super) ends_in_error: bool,
    /// Why the notebook cannot be read, for people to read.
    pub(super) problem: Option<String>,
    /// The copy is a second name of a file that is built under its first name.
    pub(super) is_second_name: bool,
    total_cells: usize,
    shown_cells: usize,
    texts: Arc<SectionTexts>,
}

/// The section in both forms.
#[derive(Debug, PartialEq)]
struct SectionTexts {
    html: Box<str>,
    pieces: RenderedCells,
    json: notebook::MergePart,
}

impl SummarySection {
    /// The section of a readable notebook; `before` is the section of its version before.
    pub(super) fn of(
        user: &str,
        saved_at_ms: i64,
        content: &NotebookContent,
        before: Option<&Self>,
    ) -> Self {
        let end = content.end();
        let options = Options {
            id_prefix: id_prefix(user),
            ..Options::default()
        };
        let before = before.map(|section| &*section.texts);
        let html_before = before.map(|texts| (&texts.pieces, &*texts.html));
        let (html, pieces) = content
            .prepared_end()
            .render(&end.tail, &options, html_before);
        Self {
            saved_at_ms,
            has_export: true,
            ends_in_error: end.ends_in_error,
            problem: None,
            is_second_name: false,
            total_cells: end.total_cells,
            shown_cells: end.tail.len(),
            texts: Arc::new(SectionTexts {
                // Copied, because the text itself has spare capacity, and this one is kept.
                html: (*html).into(),
                pieces,
                json: notebook::MergePart::of(user, &end.tail, before.map(|texts| &texts.json)),
            }),
        }
    }

    /// The card of a notebook that cannot be read.
    pub(super) fn broken(user: &str, saved_at_ms: i64, problem: &str, has_export: bool) -> Self {
        Self {
            saved_at_ms,
            has_export,
            ends_in_error: false,
            problem: Some(problem.to_owned()),
            is_second_name: false,
            total_cells: 0,
            shown_cells: 0,
            texts: Arc::new(SectionTexts {
                html: Box::default(),
                pieces: RenderedCells::default(),
                json: notebook::MergePart::of(user, &card(CANNOT_BE_READ, problem), None),
            }),
        }
    }

    /// A section that gives the reason why a readable notebook is not shown.
    pub(super) fn with_reason(
        user: &str,
        saved_at_ms: i64,
        total_cells: usize,
        reason: &str,
    ) -> Self {
        let html = format!("<p class=\"nb-note\">{}</p>\n", escape::text(reason));
        Self {
            saved_at_ms,
            has_export: false,
            ends_in_error: false,
            problem: None,
            is_second_name: false,
            total_cells,
            shown_cells: 0,
            texts: Arc::new(SectionTexts {
                html: html.into(),
                pieces: RenderedCells::default(),
                json: notebook::MergePart::of(user, &card(NOT_SHOWN, reason), None),
            }),
        }
    }

    /// The same, of a copy that is a second name.
    pub(super) fn second_name(self) -> Self {
        Self {
            is_second_name: true,
            ..self
        }
    }

    /// The same, with or without an export.
    pub(super) fn exported(&self, has_export: bool) -> Self {
        Self {
            has_export,
            ..self.clone()
        }
    }

    /// Size in both forms, in bytes.
    pub(super) fn size(&self) -> u64 {
        let mut json = CountingWriter(0);
        notebook::MergePart::merge([&self.texts.json], &mut json).expect("counting cannot fail");
        (self.texts.html.len() + json.0) as u64
    }

    pub(super) fn total_cells(&self) -> usize {
        self.total_cells
    }

    /// Number of cells that were rendered for this section.
    #[cfg(test)]
    pub(super) fn rendered_anew(&self) -> usize {
        self.texts.pieces.anew()
    }

    pub(super) fn html(&self) -> &str {
        &self.texts.html
    }

    pub(super) fn json(&self) -> &notebook::MergePart {
        &self.texts.json
    }
}

/// Counts the bytes that are written.
struct CountingWriter(usize);

impl fmt::Write for CountingWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

const CANNOT_BE_READ: &str = "This notebook cannot be read.";
const NOT_SHOWN: &str = "The last cells of this notebook are not here.";

/// A notebook with one cell that says `problem` and the reason.
fn card(problem: &str, reason: &str) -> Notebook {
    let reason = plain_markdown(reason);
    let cell = json!({
        "cell_type": "markdown", "id": "problem", "metadata": {},
        "source": [format!("> **{problem}** {reason}")],
    });
    let card = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let parsed = Notebook::parse(card.to_string().as_bytes());
    parsed.expect("it was just made").notebook
}

/// Escapes `text`, so that Markdown shows it unchanged.
fn plain_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A participant's line in the table of contents. It owns the texts that the entry borrows.
pub(super) struct ContentsLine<'a> {
    user: &'a str,
    section: &'a SummarySection,
    href: String,
    saved: String,
    saved_text: String,
}

impl<'a> ContentsLine<'a> {
    pub(super) fn of(user: &'a str, section: &'a SummarySection) -> Self {
        let name = layout::name(user);
        Self {
            user,
            section,
            // Begins with `./`, because a name may look like a scheme.
            href: format!("./{}{}", percent_encoded(&name), layout::HTML),
            saved: time::iso(section.saved_at_ms),
            saved_text: time::for_people(section.saved_at_ms),
        }
    }

    pub(super) fn entry(&self) -> ParticipantSummary<'_> {
        ParticipantSummary {
            user: self.user,
            href: self.section.has_export.then_some(&*self.href),
            saved: &self.saved,
            saved_text: &self.saved_text,
            total_cells: self.section.total_cells,
            shown_cells: self.section.shown_cells,
            problem: self.section.problem.as_deref(),
            ends_in_error: self.section.ends_in_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::TailLimits;

    fn content(sources: &[&str]) -> NotebookContent {
        let cell = |source: &&str| json!({"cell_type": "markdown", "source": source});
        let cells: Vec<_> = sources.iter().map(cell).collect();
        let json = json!({"nbformat": 4, "cells": cells}).to_string();
        NotebookContent::parse(json.into_bytes().into(), TailLimits::default(), None).unwrap()
    }

    #[test]
    fn only_changed_cells_are_rendered() {
        let section = |sources: &[&str], before: Option<&SummarySection>| {
            SummarySection::of("ana", 0, &content(sources), before)
        };
        let first = section(&["# a", "b", "c"], None);
        assert_eq!(first.rendered_anew(), 3);
        let second = section(&["# a", "B", "c"], Some(&first));
        assert_eq!(second.rendered_anew(), 1);
        let third = section(&["# a", "B", "c", "d"], Some(&second));
        assert_eq!(third.rendered_anew(), 1);
        assert_eq!(third.html(), section(&["# a", "B", "c", "d"], None).html());
    }

    #[test]
    fn a_problem_is_escaped_in_its_card() {
        let card = card(CANNOT_BE_READ, "<b>*x*\n# [y](z)</b>");
        let source = card.cells()[0].source();
        assert!(
            source.ends_with(r"\<b\>\*x\* \# \[y\]\(z\)\<\/b\>"),
            "{source}"
        );
    }
}
