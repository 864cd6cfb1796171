//! The markup of one cell: its frame, its prompt, its source and its outputs.

use super::{
    escape, highlight, output,
    parts::{RenderContext, push_markdown, push_note, push_text},
};
use crate::prepared::{CellContent, CodeCell, PreparedCell};

/// Appends one cell to `out`.
pub(super) fn push(out: &mut String, cell: &PreparedCell, context: &mut RenderContext<'_>) {
    let (class, name) = match &cell.content {
        CellContent::Code(_) => ("nb-code", "Code cell"),
        CellContent::Markdown(_) => ("nb-markdown", "Markdown cell"),
        CellContent::Raw(_) => ("nb-raw", "Raw cell"),
        CellContent::Unknown { .. } => ("nb-unknown", "Unknown cell"),
    };
    let number = cell.index.saturating_add(1);
    let prefix = escape::attribute(&context.options.id_prefix);
    out.push_str(&format!(
        "<div class=\"nb-cell {class}\" role=\"group\" id=\"{prefix}cell-{number}\" aria-label=\"{name} {number}\">"
    ));
    out.push_str("<div class=\"nb-prompt\">");
    if let CellContent::Code(code) = &cell.content {
        match code.execution_count {
            Some(count) => out.push_str(&format!("[{count}]:")),
            None => out.push_str("[ ]:"),
        }
    }
    out.push_str("</div><div class=\"nb-body\">");
    push_tags(out, &cell.tags);
    match &cell.content {
        CellContent::Code(code) => push_code(out, code, context),
        CellContent::Markdown(markdown) => push_markdown(out, markdown, context),
        CellContent::Raw(text) => push_text(out, text),
        CellContent::Unknown { note, text } => {
            push_note(out, note);
            push_text(out, text);
        }
    }
    out.push_str("</div></div>\n");
}

fn push_tags(out: &mut String, tags: &[String]) {
    if tags.is_empty() {
        return;
    }
    out.push_str("<ul class=\"nb-tags\" aria-label=\"Tags\">");
    for tag in tags {
        out.push_str("<li>");
        escape::push(out, tag);
        out.push_str("</li>");
    }
    out.push_str("</ul>");
}

fn push_code(out: &mut String, code: &CodeCell, context: &mut RenderContext<'_>) {
    if !code.source.is_empty() {
        push_foldable(out, code.source_hidden, "Source folded away", |out| {
            out.push_str("<pre class=\"nb-source\"><code>");
            highlight::push(out, &code.source, &code.language);
            out.push_str("</code></pre>");
        });
    }
    if !code.outputs.is_empty() {
        push_foldable(out, code.outputs_hidden, "Output folded away", |out| {
            out.push_str("<div class=\"nb-outputs");
            if code.scrolled {
                out.push_str(" nb-scrolled\"");
                out.push_str(context.options.focus());
                out.push('>');
            } else {
                out.push_str("\">");
            }
            for output in &code.outputs {
                output::push(out, output, context);
            }
            out.push_str("</div>");
        });
    }
}

/// Writes `content`, within `details` when the participant has folded it away.
fn push_foldable(out: &mut String, hidden: bool, summary: &str, content: impl FnOnce(&mut String)) {
    if hidden {
        out.push_str("<details class=\"nb-hidden\"><summary>");
        out.push_str(summary);
        out.push_str("</summary>");
    }
    content(out);
    if hidden {
        out.push_str("</details>");
    }
}
