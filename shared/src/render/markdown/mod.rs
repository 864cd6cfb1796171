//! Markdown to HTML.
//!
//! pulldown-cmark reads it, the markup is written here, so that what reaches the page
//! is a closed list of elements: raw HTML is escaped unless the caller sanitises the
//! result, links lead out of the page or to a place in the notebook, images are data.

mod writer;

#[cfg(not(target_arch = "wasm32"))]
use pulldown_cmark::Event;
use pulldown_cmark::{Options, Parser};

use super::{anchor::Ids, stand_in};
use crate::prepared::{Attachment, SafeHtml};

/// What becomes of raw HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawHtml {
    /// It is kept; the result is as untrusted as the source.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(dead_code, reason = "only what is going to be sanitised keeps it")
    )]
    Keep,
    /// It is shown as text.
    Escape,
}

/// Markup beyond this many bytes for each byte of source means that the source plays
/// with the reader; it is shown as it stands.
const MAX_GROWTH: usize = 8;
const FREE: usize = 4096;

/// Whether `source` holds raw HTML, so that it has to be sanitised.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn has_raw_html(source: &str) -> bool {
    // Without a `<` there is none, and most cells have none.
    source.contains('<')
        && parser(source).any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// `source` as HTML. `attachments` are what `attachment:name` means in it, `maths` what
/// its stand-ins for formulas stand for; without any, the stand-ins stay.
pub(crate) fn html(
    source: &str,
    attachments: &[Attachment],
    maths: &[SafeHtml],
    raw: RawHtml,
    ids: &mut Ids,
) -> String {
    let attached: usize = attachments.iter().map(|a| a.image.base64.len()).sum();
    let formulas: usize = maths.iter().map(|formula| formula.as_str().len()).sum();
    let limit = MAX_GROWTH * (source.len() + attached) + formulas + FREE;
    let mut writer = writer::Writer::new(source, attachments, maths, raw, ids);
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
pub(crate) fn parser(source: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(source, options)
}
