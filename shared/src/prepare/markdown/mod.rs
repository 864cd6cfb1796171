//! Markdown to HTML.
//!
//! pulldown-cmark parses it, and this module writes the markup, so that only a closed list of
//! elements reaches the page: raw HTML is escaped unless the result is sanitised, links lead out
//! of the page or to an anchor in the notebook, images are data. It is done once, natively,
//! because a parser in the browser would be a sixth of everything the browser loads.

mod cell;
mod writer;

pub(super) use cell::cell;

use pulldown_cmark::{Event, Options, Parser, TextMergeStream};

use crate::{
    prepared::{Image, SafeHtml},
    render::stand_in,
};

/// An image that came with a Markdown cell.
struct Attachment {
    /// The name by which the cell mentions it.
    name: String,
    /// The image.
    image: Image,
}

/// How raw HTML is handled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RawHtmlPolicy {
    /// Raw HTML is kept; the result is as untrusted as the source.
    Keep,
    /// Raw HTML is shown as text.
    Escape,
}

/// Source whose markup is more than this many times as long, and [`MARKDOWN_FREE_BYTES`] longer,
/// is hostile and is shown as plain text.
const MARKDOWN_GROWTH_FACTOR: usize = 8;
const MARKDOWN_FREE_BYTES: usize = 4096;

/// Whether `source` holds raw HTML, so that it has to be sanitised.
fn has_raw_html(source: &str) -> bool {
    // Most cells have no `<`, and so no raw HTML.
    source.contains('<')
        && parser(source).any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// `source` as HTML, its ids and the links to them without a prefix. `attachments` are the images
/// that `attachment:name` names, `maths` replaces the stand-ins of formulas; without any, the
/// stand-ins stay.
fn html(
    source: &str,
    attachments: &[Attachment],
    maths: &[SafeHtml],
    raw: RawHtmlPolicy,
) -> String {
    let attached: usize = attachments.iter().map(|a| a.image.base64.len()).sum();
    let formulas: usize = maths.iter().map(|formula| formula.as_str().len()).sum();
    let limit = MARKDOWN_GROWTH_FACTOR * (source.len() + attached) + formulas + MARKDOWN_FREE_BYTES;
    let mut writer = writer::MarkdownWriter::new(source, attachments, maths, raw);
    for event in TextMergeStream::new(parser(source)) {
        writer.event(event);
        if writer.length() > limit {
            let mut plain = String::from("<pre class=\"nb-text\">");
            stand_in::push_html(&mut plain, source, maths);
            plain.push_str("</pre>");
            return plain;
        }
    }
    writer.finish()
}

/// The parser of Markdown, with the extensions that are switched on.
pub(super) fn parser(source: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    Parser::new_ext(source, options)
}
