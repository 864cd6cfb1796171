//! The costs of prepared cells and outputs, and the parts of them that fit into a budget.

use super::{Cost, OverBudget, markup, picture};
use crate::{
    prepared::{CellContent, Markdown, PreparedOutput, RichOutput, SafeHtml},
    render::{self, escape},
};

/// The most bytes of the text beside a note that are tried.
const MAX_NOTE_TEXT_BYTES: usize = 64 * 1024;
/// The bytes below which a text is not cut further.
const MIN_CUT_BYTES: usize = 256;

/// The cost of an output.
pub(in crate::prepare) fn output(output: &PreparedOutput) -> Cost {
    match output {
        PreparedOutput::Result(rich) | PreparedOutput::Display(rich) => self::rich(rich),
        text => markup::cost(&render::output(text)),
    }
}

/// The cost of a display or a result.
pub(in crate::prepare) fn rich(rich: &RichOutput) -> Cost {
    match rich {
        // Large outputs are not copied for this.
        RichOutput::Html(html) => markup::cost(html.as_str()),
        RichOutput::Markdown(markdown) => self::markdown(markdown),
        RichOutput::Image { image, alt } => {
            picture::cost(image.kind, &image.base64).plus(Cost::bytes(alt))
        }
        RichOutput::Live {
            shown: Some(shown), ..
        } => Cost::NOTE.plus(self::rich(shown)),
        other => markup::cost(&render::output(&PreparedOutput::Display(other.clone()))),
    }
}

/// The cost of Markdown.
pub(in crate::prepare) fn markdown(markdown: &Markdown) -> Cost {
    let (Markdown::Written(html) | Markdown::Html(html)) = markdown;
    markup::cost(html.as_str())
}

/// The cost of a text by itself.
pub(in crate::prepare) fn text(text: &str) -> Cost {
    markup::cost(&render::text(text))
}

/// The cost of source.
pub(in crate::prepare) fn source(source: &str, language: &str) -> Cost {
    markup::cost(&render::source(source, language))
}

/// The beginning and the end of `text` that fit into `most`.
pub(in crate::prepare) fn fitting(text: String, most: Cost, cost: impl Fn(&str) -> Cost) -> String {
    let mut shown = text;
    while cost(&shown).beyond(most).is_some() && shown.len() > MIN_CUT_BYTES {
        let half = shown.len() / 2;
        shown = super::super::cut::to_bytes(shown, half.max(MIN_CUT_BYTES / 2));
    }
    shown
}

/// As much of a text output as fits into `most`; another output stays as it is.
pub(in crate::prepare) fn fitting_output(whole: PreparedOutput, most: Cost) -> PreparedOutput {
    let fit = |text: String, kind: fn(String) -> PreparedOutput| {
        kind(fitting(text, most, |text| output(&kind(text.to_owned()))))
    };
    match whole {
        PreparedOutput::Stdout(text) => fit(text, PreparedOutput::Stdout),
        PreparedOutput::Stderr(text) => fit(text, PreparedOutput::Stderr),
        PreparedOutput::Error {
            ename,
            evalue,
            traceback,
        } => {
            let half = |text: String| fitting(text, most, |text| self::text(text).twice());
            PreparedOutput::Error {
                ename: super::super::cut::name(&ename),
                evalue: half(super::super::cut::to_bytes(evalue, MAX_NOTE_TEXT_BYTES / 4)),
                traceback: half(traceback),
            }
        }
        other => other,
    }
}

/// The plain text beside a note, as far as it fits into `most`; `None` when it is empty.
pub(in crate::prepare) fn words(plain: String, most: Cost) -> Option<RichOutput> {
    if plain.trim().is_empty() {
        return None;
    }
    let plain = super::super::cut::to_bytes(plain, MAX_NOTE_TEXT_BYTES);
    Some(RichOutput::Text(fitting(plain, most, self::text)))
}

/// Prose that is too much: a note, and as much of its source as fits.
pub(in crate::prepare) fn prose(source: &str, much: OverBudget, most: Cost) -> Markdown {
    let mut html = format!("<p class=\"nb-note\">This text {much}.</p>");
    if let Some(RichOutput::Text(text)) = words(source.to_owned(), most) {
        html.push_str("<pre class=\"nb-text\">");
        html.push_str(&escape::text(&text));
        html.push_str("</pre>");
    }
    Markdown::Written(SafeHtml::trust(html))
}

/// The content of a cell on a page that has no room for it.
pub(crate) fn reduced(content: CellContent) -> CellContent {
    const NO_ROOM: &str = "is not shown here: the cells before or behind it are as much as is \
                        drawn at once. The notebook itself has it";
    match content {
        CellContent::Code(code) => {
            let many = match code.outputs.len() {
                0 => "The source of this cell",
                1 => "The output of this cell",
                _ => "What this cell shows",
            };
            let note = RichOutput::Note {
                note: format!("{many} {NO_ROOM}."),
                text: String::new(),
            };
            let is_short = code.source.len() <= MAX_REDUCED_SOURCE_BYTES && code.source.is_ascii();
            CellContent::Code(crate::prepared::CodeCell {
                source: if is_short { code.source } else { String::new() },
                // Without colours.
                language: String::new(),
                outputs: vec![PreparedOutput::Display(note)],
                ..code
            })
        }
        CellContent::Markdown(_) => {
            let html = format!("<p class=\"nb-note\">This text {NO_ROOM}.</p>");
            CellContent::Markdown(Markdown::Written(SafeHtml::trust(html)))
        }
        CellContent::Raw(_) | CellContent::Unknown { .. } => CellContent::Unknown {
            note: format!("This text {NO_ROOM}."),
            text: String::new(),
        },
    }
}

/// The most bytes of source that stay in a reduced cell.
const MAX_REDUCED_SOURCE_BYTES: usize = 1000;
