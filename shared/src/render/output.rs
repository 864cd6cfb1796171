//! Outputs of code cells.

use std::borrow::Cow;

use super::{
    anchor, image, json,
    parts::{self, RenderContext},
    stand_in, text,
};
use crate::prepared::{PreparedOutput, RichOutput};

/// Appends one output to `out`.
pub(super) fn push(out: &mut String, output: &PreparedOutput, context: &mut RenderContext<'_>) {
    match output {
        PreparedOutput::Stdout(text) => text::push(out, "nb-output nb-stdout", "", text),
        PreparedOutput::Stderr(text) => text::push(out, "nb-output nb-stderr", "", text),
        PreparedOutput::Error {
            ename,
            evalue,
            traceback,
        } => push_error(out, ename, evalue, traceback),
        PreparedOutput::Result(rich) => push_rich(out, "nb-result", rich, context),
        PreparedOutput::Display(rich) => push_rich(out, "nb-display", rich, context),
    }
}

/// Appends the traceback, or the exception's name and message where there is none.
fn push_error(out: &mut String, ename: &str, evalue: &str, traceback: &str) {
    let mut whole = Cow::Borrowed(traceback);
    if traceback.is_empty() {
        let parts = [ename, evalue].map(str::trim);
        let named = parts.into_iter().filter(|part| !part.is_empty());
        let named = named.collect::<Vec<_>>().join(": ");
        whole = match named.is_empty() {
            true => "An error without a message".into(),
            false => named.into(),
        };
    }
    let attributes = " role=\"group\" aria-label=\"Error\"";
    text::push(out, "nb-output nb-error", attributes, &whole);
}

fn push_rich(out: &mut String, class: &str, rich: &RichOutput, context: &mut RenderContext<'_>) {
    out.push_str("<div class=\"nb-output ");
    out.push_str(class);
    out.push_str("\">");
    push_form(out, rich, context);
    out.push_str("</div>");
}

fn push_form(out: &mut String, rich: &RichOutput, context: &mut RenderContext<'_>) {
    match rich {
        RichOutput::Text(text) => parts::push_text(out, text),
        RichOutput::Html(html) => {
            out.push_str("<div class=\"nb-html\"");
            if html.as_str().contains("<table") {
                out.push_str(context.options.focus());
            }
            out.push('>');
            anchor::push_fragment(out, html.as_str(), &mut context.ids);
            out.push_str("</div>");
        }
        RichOutput::Markdown(markdown) => parts::push_markdown(out, markdown, context),
        RichOutput::Latex { text, maths } => {
            out.push_str("<div class=\"nb-latex\">");
            stand_in::push_html(out, text, maths);
            out.push_str("</div>");
        }
        RichOutput::Image { image, alt } => image::push(out, image, alt),
        RichOutput::Json(json) => {
            out.push_str("<div class=\"nb-json\">");
            json::push(out, json);
            out.push_str("</div>");
        }
        RichOutput::Live { note, frame, shown } => {
            parts::push_note(out, note);
            if let Some(number) = frame.filter(|_| context.options.frames) {
                out.push_str(&format!(
                    "<button type=\"button\" class=\"nb-show\" data-cell=\"{}\" \
                     data-output=\"{number}\">Show in a closed frame</button>",
                    context.cell
                ));
            }
            if let Some(shown) = shown {
                push_form(out, shown, context);
            }
        }
        RichOutput::Note { note, text } => {
            parts::push_note(out, note);
            if !text.is_empty() {
                parts::push_text(out, text);
            }
        }
    }
}
