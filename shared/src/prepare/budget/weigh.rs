//! What a prepared cell costs, and the part of an output that fits.

use super::{Cost, OverBudget, markup, picture};
use crate::{
    prepared::{CellContent, Markdown, PreparedOutput, RichOutput, SafeHtml},
    render::{self, escape},
};

/// Of what is not shown, so many bytes of its text are tried.
const MAX_NOTE_TEXT_BYTES: usize = 64 * 1024;
/// Text is cut no further.
const MIN_CUT_BYTES: usize = 256;

/// What an output costs.
pub(in crate::prepare) fn output(output: &PreparedOutput) -> Cost {
    match output {
        PreparedOutput::Result(rich) | PreparedOutput::Display(rich) => self::rich(rich),
        text => markup::cost(&render::output(text)),
    }
}

/// What something displayed costs.
pub(in crate::prepare) fn rich(rich: &RichOutput) -> Cost {
    match rich {
        // What is large is not copied for this.
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

/// What Markdown costs.
pub(in crate::prepare) fn markdown(markdown: &Markdown) -> Cost {
    let (Markdown::Written(html) | Markdown::Html(html)) = markdown;
    markup::cost(html.as_str())
}

/// What a text by itself costs.
pub(in crate::prepare) fn text(text: &str) -> Cost {
    markup::cost(&render::text(text))
}

/// What source costs.
pub(in crate::prepare) fn source(source: &str, language: &str) -> Cost {
    markup::cost(&render::source(source, language))
}

/// What of a text fits into `most`, its middle left out.
pub(in crate::prepare) fn fitting(text: String, most: Cost, cost: impl Fn(&str) -> Cost) -> String {
    let mut shown = text;
    while cost(&shown).beyond(most).is_some() && shown.len() > MIN_CUT_BYTES {
        let half = shown.len() / 2;
        shown = super::super::cut::to(shown, half.max(MIN_CUT_BYTES / 2));
    }
    shown
}

/// The same of an output that is text and nothing else.
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
                evalue: half(super::super::cut::to(evalue, MAX_NOTE_TEXT_BYTES / 4)),
                traceback: half(traceback),
            }
        }
        other => other,
    }
}

/// The words that are shown of what is not.
pub(in crate::prepare) fn words(plain: String, most: Cost) -> Option<RichOutput> {
    if plain.trim().is_empty() {
        return None;
    }
    let plain = super::super::cut::to(plain, MAX_NOTE_TEXT_BYTES);
    Some(RichOutput::Text(fitting(plain, most, self::text)))
}

/// Prose that is too much: a note, and its source.
pub(in crate::prepare) fn prose(source: &str, much: OverBudget, most: Cost) -> Markdown {
    let mut html = format!("<p class=\"nb-note\">This text {much}.</p>");
    if let Some(RichOutput::Text(text)) = words(source.to_owned(), most) {
        html.push_str("<pre class=\"nb-text\">");
        html.push_str(&escape::text(&text));
        html.push_str("</pre>");
    }
    Markdown::Written(SafeHtml::trust(html))
}

/// A cell of a page that has no room left for what it holds.
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

/// So much source stays in a cell that is reduced.
const MAX_REDUCED_SOURCE_BYTES: usize = 1000;
