//! What one participant adds to a summary.

use std::{fmt, sync::Arc};

use serde_json::json;
use shared::{
    incremental::Pieces,
    notebook::{self, Notebook},
    render::{Options, escape},
    standalone::summary::{Entry, id_prefix},
};

use super::layout;
use crate::{class::NotebookContent, text::percent_encoded, time};

/// The end of a participant's notebook as it stands in both forms of the summary, or the
/// card that says why it does not. Texts and nothing else, because there are hundreds.
///
/// A clone shares the texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) saved_at_ms: i64,
    /// There is an export, perhaps of an older version.
    pub(super) has_export: bool,
    pub(super) ends_in_error: bool,
    /// Why there is no notebook, in words.
    pub(super) problem: Option<String>,
    /// It is another name of a file that is built under its first name.
    pub(super) is_second_name: bool,
    total_cells: usize,
    shown_cells: usize,
    texts: Arc<Texts>,
}

/// What it adds to either form.
#[derive(Debug, PartialEq)]
struct Texts {
    html: Box<str>,
    pieces: Pieces,
    json: notebook::Part,
}

impl Part {
    /// The part of a notebook that can be read; `before` is what it was until now.
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
        let before = before.map(|part| &*part.texts);
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
            texts: Arc::new(Texts {
                // Not the text itself: it has room to grow, and this is kept.
                html: (*html).into(),
                pieces,
                json: notebook::Part::of(user, &end.tail, before.map(|texts| &texts.json)),
            }),
        }
    }

    /// The card of one that cannot.
    pub(super) fn broken(user: &str, saved_at_ms: i64, problem: &str, has_export: bool) -> Self {
        Self {
            saved_at_ms,
            has_export,
            ends_in_error: false,
            problem: Some(problem.to_owned()),
            is_second_name: false,
            total_cells: 0,
            shown_cells: 0,
            texts: Arc::new(Texts {
                html: Box::default(),
                pieces: Pieces::default(),
                json: notebook::Part::of(user, &card(CANNOT_BE_READ, problem), None),
            }),
        }
    }

    /// In place of a notebook that can be read and is not shown here, the reason.
    pub(super) fn told(user: &str, saved_at_ms: i64, total_cells: usize, reason: &str) -> Self {
        let html = format!("<p class=\"nb-note\">{}</p>\n", escape::text(reason));
        Self {
            saved_at_ms,
            has_export: false,
            ends_in_error: false,
            problem: None,
            is_second_name: false,
            total_cells,
            shown_cells: 0,
            texts: Arc::new(Texts {
                html: html.into(),
                pieces: Pieces::default(),
                json: notebook::Part::of(user, &card(NOT_SHOWN, reason), None),
            }),
        }
    }

    /// The same, as another name of a file that is built under its first.
    pub(super) fn second_name(self) -> Self {
        Self {
            is_second_name: true,
            ..self
        }
    }

    /// The same, and whether there is an export.
    pub(super) fn exported(&self, has_export: bool) -> Self {
        Self {
            has_export,
            ..self.clone()
        }
    }

    /// How many bytes it has in both forms.
    pub(super) fn size(&self) -> u64 {
        let mut json = Counted(0);
        notebook::Part::merge([&self.texts.json], &mut json).expect("counting cannot fail");
        (self.texts.html.len() + json.0) as u64
    }

    pub(super) fn total_cells(&self) -> usize {
        self.total_cells
    }

    /// How many cells had to be rendered for this.
    #[cfg(test)]
    pub(super) fn rendered_anew(&self) -> usize {
        self.texts.pieces.anew()
    }

    pub(super) fn html(&self) -> &str {
        &self.texts.html
    }

    pub(super) fn json(&self) -> &notebook::Part {
        &self.texts.json
    }
}

/// Counts what is written.
struct Counted(usize);

impl fmt::Write for Counted {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

const CANNOT_BE_READ: &str = "This notebook cannot be read.";
const NOT_SHOWN: &str = "The last cells of this notebook are not here.";

/// The notebook that stands for one that is not shown: `what` is, and why.
fn card(what: &str, reason: &str) -> Notebook {
    let reason = plain_markdown(reason);
    let cell = json!({
        "cell_type": "markdown", "id": "problem", "metadata": {},
        "source": [format!("> **{what}** {reason}")],
    });
    let card = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let parsed = Notebook::parse(card.to_string().as_bytes());
    parsed.expect("it was just made").notebook
}

/// `text` as Markdown that shows it as it is.
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

/// A participant's line in the table of contents, whose texts must live somewhere.
pub(super) struct Line<'a> {
    user: &'a str,
    part: &'a Part,
    href: String,
    saved: String,
    saved_text: String,
}

impl<'a> Line<'a> {
    pub(super) fn of(user: &'a str, part: &'a Part) -> Self {
        let name = layout::name(user);
        Self {
            user,
            part,
            // `./`, since a name may look like a scheme.
            href: format!("./{}{}", percent_encoded(&name), layout::HTML),
            saved: time::iso(part.saved_at_ms),
            saved_text: time::for_people(part.saved_at_ms),
        }
    }

    pub(super) fn entry(&self) -> Entry<'_> {
        Entry {
            user: self.user,
            href: self.part.has_export.then_some(&*self.href),
            saved: &self.saved,
            saved_text: &self.saved_text,
            total_cells: self.part.total_cells,
            shown_cells: self.part.shown_cells,
            problem: self.part.problem.as_deref(),
            ends_in_error: self.part.ends_in_error,
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
    fn only_what_changed_is_rendered() {
        let part =
            |sources: &[&str], before: Option<&Part>| Part::of("ana", 0, &content(sources), before);
        let first = part(&["# a", "b", "c"], None);
        assert_eq!(first.rendered_anew(), 3);
        let second = part(&["# a", "B", "c"], Some(&first));
        assert_eq!(second.rendered_anew(), 1);
        let third = part(&["# a", "B", "c", "d"], Some(&second));
        assert_eq!(third.rendered_anew(), 1);
        assert_eq!(third.html(), part(&["# a", "B", "c", "d"], None).html());
    }

    #[test]
    fn a_problem_is_shown_as_it_is() {
        let card = card(CANNOT_BE_READ, "<b>*x*\n# [y](z)</b>");
        let source = card.cells()[0].source();
        assert!(
            source.ends_with(r"\<b\>\*x\* \# \[y\]\(z\)\<\/b\>"),
            "{source}"
        );
    }
}
