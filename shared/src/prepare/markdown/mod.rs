//! Markdown to HTML.
//!
//! pulldown-cmark reads it, the markup is written here, so that what reaches the page
//! is a closed list of elements: raw HTML is escaped unless the result is sanitised,
//! links lead out of the page or to a place in the notebook, images are data. Once,
//! natively: a parser in the browser would be a sixth of everything it loads.

mod cell;
mod writer;

pub(super) use cell::cell;

use pulldown_cmark::{Event, Options, Parser};

use crate::{
    prepared::{Image, SafeHtml},
    render::stand_in,
};

/// An image that came with a Markdown cell.
struct Attachment {
    /// What the cell calls it.
    name: String,
    /// It.
    image: Image,
}

/// What becomes of raw HTML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RawHtmlPolicy {
    /// It is kept; the result is as untrusted as the source.
    Keep,
    /// It is shown as text.
    Escape,
}

/// Markup beyond this many bytes for each byte of source means that the source plays
/// with the reader; it is shown as it stands.
const MARKDOWN_GROWTH_FACTOR: usize = 8;
const MARKDOWN_FREE_BYTES: usize = 4096;

/// Whether `source` holds raw HTML, so that it has to be sanitised.
fn has_raw_html(source: &str) -> bool {
    // Without a `<` there is none, and most cells have none.
    source.contains('<')
        && parser(source).any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// `source` as HTML, its places and links to them without a prefix. `attachments` are
/// what `attachment:name` means in it, `maths` what its stand-ins for formulas stand
/// for; without any, the stand-ins stay.
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
    for event in parser(source) {
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

/// Markdown as it is read here.
pub(super) fn parser(source: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(source, options)
}
