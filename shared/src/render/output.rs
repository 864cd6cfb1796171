//! Outputs of code cells.

use super::{
    anchor,
    cell::{self, Context},
    highlight, image, stand_in,
};
use crate::prepared::{Output, Rich};

/// One output, onto the end of `out`.
pub(super) fn push(out: &mut String, output: &Output, context: &mut Context<'_>) {
    match output {
        Output::Stdout(text) => push_stream(out, "nb-stdout", text),
        Output::Stderr(text) => push_stream(out, "nb-stderr", text),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => push_error(out, ename, evalue, traceback),
        Output::Result(rich) => push_rich(out, "nb-result", rich, context),
        Output::Display(rich) => push_rich(out, "nb-display", rich, context),
    }
}

fn push_stream(out: &mut String, class: &str, text: &str) {
    out.push_str("<pre class=\"nb-output ");
    out.push_str(class);
    out.push_str("\">");
    cell::push_terminal(out, text);
    out.push_str("</pre>");
}

/// The traceback; some kernels send none, or one that does not name the exception.
fn push_error(out: &mut String, ename: &str, evalue: &str, traceback: &str) {
    out.push_str("<pre class=\"nb-output nb-error\" role=\"group\" aria-label=\"Error\">");
    cell::push_terminal(out, traceback);
    if !traceback.contains(ename) || traceback.is_empty() {
        if !traceback.is_empty() {
            out.push('\n');
        }
        let separator = if evalue.is_empty() { "" } else { ": " };
        cell::push_terminal(out, &format!("{ename}{separator}{evalue}"));
    }
    out.push_str("</pre>");
}

fn push_rich(out: &mut String, class: &str, rich: &Rich, context: &mut Context<'_>) {
    out.push_str("<div class=\"nb-output ");
    out.push_str(class);
    out.push_str("\">");
    match rich {
        Rich::Text(text) => cell::push_text(out, text),
        Rich::Html(html) => {
            out.push_str("<div class=\"nb-html\">");
            anchor::push_fragment(out, html.as_str(), &mut context.ids);
            out.push_str("</div>");
        }
        Rich::Markdown(markdown) => cell::push_markdown(out, markdown, context),
        Rich::Latex { text, maths } => {
            out.push_str("<div class=\"nb-latex\">");
            stand_in::push_html(out, text, maths);
            out.push_str("</div>");
        }
        Rich::Image { image, alt } => image::push(out, image, alt),
        Rich::Json(json) => {
            out.push_str("<pre class=\"nb-json\"><code>");
            highlight::push(out, json, "json");
            out.push_str("</code></pre>");
        }
        Rich::Note { note, text } => {
            cell::push_note(out, note);
            if !text.is_empty() {
                cell::push_text(out, text);
            }
        }
    }
    out.push_str("</div>");
}
