//! The markup that cells and outputs share: Markdown, text and notes; and the state of the page
//! so far.

use std::borrow::Cow;

use super::{Options, anchor, escape, text};
use crate::prepared::Markdown;

/// Begins the wrapper of a table in Markdown, which scrolls.
const TABLE_START: &str = "<div class=\"nb-table\">";

/// The state that a rendering carries from cell to cell.
pub(super) struct RenderContext<'a> {
    pub(super) options: &'a Options,
    pub(super) ids: anchor::AnchorIds,
    /// The index of the cell in its notebook, from 0.
    pub(super) cell: usize,
}

/// Appends Markdown in its wrapper to `out`.
pub(super) fn push_markdown(
    out: &mut String,
    markdown: &Markdown,
    context: &mut RenderContext<'_>,
) {
    let (class, html) = match markdown {
        Markdown::Written(html) => ("nb-md", html),
        Markdown::Html(html) => ("nb-md nb-html", html),
    };
    let focus = context.options.focus();
    let html = html.as_str();
    out.push_str("<div class=\"");
    out.push_str(class);
    out.push('"');
    if class.contains("nb-html") && html.contains("<table") {
        out.push_str(focus);
    }
    out.push('>');
    let html = match focus.is_empty() {
        false if html.contains(TABLE_START) => {
            let start = TABLE_START.trim_end_matches('>');
            Cow::Owned(html.replace(TABLE_START, &format!("{start}{focus}>")))
        }
        _ => Cow::Borrowed(html),
    };
    anchor::push_fragment(out, &html, &mut context.ids);
    out.push_str("</div>");
}

/// Appends terminal text, with its colours, to `out`.
pub(super) fn push_text(out: &mut String, text: &str) {
    text::push(out, "nb-text", "", text);
}

/// Appends a note on something that cannot be shown to `out`.
pub(super) fn push_note(out: &mut String, note: &str) {
    out.push_str("<p class=\"nb-note\">");
    escape::push(out, note);
    out.push_str("</p>");
}
