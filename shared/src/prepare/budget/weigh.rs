//! What a prepared cell costs, and the part of an output that fits.

use super::{Cost, TooMuch, markup, picture};
use crate::{
    prepared::{Content, Markdown, Output, Rich, SafeHtml},
    render::{self, escape},
};

/// Of what is not shown, so many bytes of its text are tried.
const MAX_WORDS: usize = 64 * 1024;
/// Text is cut no further.
const MIN_TEXT: usize = 256;

/// What an output costs.
pub(in crate::prepare) fn output(output: &Output) -> Cost {
    match output {
        Output::Result(rich) | Output::Display(rich) => self::rich(rich),
        text => markup::cost(&render::output(text)),
    }
}

/// What something displayed costs.
pub(in crate::prepare) fn rich(rich: &Rich) -> Cost {
    match rich {
        // What is large is not copied for this.
        Rich::Html(html) => markup::cost(html.as_str()),
        Rich::Markdown(markdown) => self::markdown(markdown),
        Rich::Image { image, alt } => {
            picture::cost(image.kind, &image.base64).plus(Cost::bytes(alt))
        }
        Rich::Live {
            shown: Some(shown), ..
        } => Cost::NOTE.plus(self::rich(shown)),
        other => markup::cost(&render::output(&Output::Display(other.clone()))),
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
    while cost(&shown).beyond(most).is_some() && shown.len() > MIN_TEXT {
        let half = shown.len() / 2;
        shown = super::super::cut::to(shown, half.max(MIN_TEXT / 2));
    }
    shown
}

/// The same of an output that is text and nothing else.
pub(in crate::prepare) fn fitting_output(whole: Output, most: Cost) -> Output {
    let fit = |text: String, kind: fn(String) -> Output| {
        kind(fitting(text, most, |text| output(&kind(text.to_owned()))))
    };
    match whole {
        Output::Stdout(text) => fit(text, Output::Stdout),
        Output::Stderr(text) => fit(text, Output::Stderr),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => {
            let half = |text: String| fitting(text, most, |text| self::text(text).twice());
            Output::Error {
                ename: super::super::cut::name(&ename),
                evalue: half(super::super::cut::to(evalue, MAX_WORDS / 4)),
                traceback: half(traceback),
            }
        }
        other => other,
    }
}

/// The words that are shown of what is not.
pub(in crate::prepare) fn words(plain: String, most: Cost) -> Option<Rich> {
    if plain.trim().is_empty() {
        return None;
    }
    let plain = super::super::cut::to(plain, MAX_WORDS);
    Some(Rich::Text(fitting(plain, most, self::text)))
}

/// Prose that is too much: a note, and its source.
pub(in crate::prepare) fn prose(source: &str, much: TooMuch, most: Cost) -> Markdown {
    let mut html = format!("<p class=\"nb-note\">This text {much}.</p>");
    if let Some(Rich::Text(text)) = words(source.to_owned(), most) {
        html.push_str("<pre class=\"nb-text\">");
        html.push_str(&escape::text(&text));
        html.push_str("</pre>");
    }
    Markdown::Written(SafeHtml::trust(html))
}

/// A cell of a page that has no room left for what it holds.
pub(crate) fn reduced(content: Content) -> Content {
    const NOTE: &str = "is not shown here: the cells before or behind it are as much as is \
                        drawn at once. The notebook itself has it";
    match content {
        Content::Code(code) => {
            let many = match code.outputs.len() {
                0 => "The source of this cell",
                1 => "The output of this cell",
                _ => "What this cell shows",
            };
            let note = Rich::Note {
                note: format!("{many} {NOTE}."),
                text: String::new(),
            };
            let is_short = code.source.len() <= MAX_SOURCE && code.source.is_ascii();
            Content::Code(crate::prepared::Code {
                source: if is_short { code.source } else { String::new() },
                // Without colours.
                language: String::new(),
                outputs: vec![Output::Display(note)],
                ..code
            })
        }
        Content::Markdown(_) => {
            let html = format!("<p class=\"nb-note\">This text {NOTE}.</p>");
            Content::Markdown(Markdown::Written(SafeHtml::trust(html)))
        }
        Content::Raw(_) | Content::Unknown { .. } => Content::Unknown {
            note: format!("This text {NOTE}."),
            text: String::new(),
        },
    }
}

/// So much source stays in a cell that is reduced.
const MAX_SOURCE: usize = 1000;
