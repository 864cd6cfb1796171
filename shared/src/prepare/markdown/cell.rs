//! Renders a Markdown cell with its formulas and attachments.

use super::{Attachment, RawHtmlPolicy, has_raw_html, html};
use crate::{
    notebook::{RawJson, unescaped},
    prepare::{Sanitizer, image, maths},
    prepared::{ImageKind, Markdown, SafeHtml},
};

/// The most attachments of a cell, because each mention is searched for among all of them.
const MAX_ATTACHMENTS: usize = 200;

/// `source`, of which `extracted` is the text with its formulas, as HTML. If it has raw HTML, which is rare, all of the HTML is sanitised, because a
/// tag that is opened in one paragraph may be closed in another.
pub(in crate::prepare) fn cell(
    source: &str,
    attachments: Option<RawJson<'_>>,
    extracted: &maths::ExtractedMaths,
    sanitizer: &impl Sanitizer,
) -> Markdown {
    let attachments = images(attachments, source);
    let text = &extracted.text;
    if has_raw_html(text) {
        let safe = sanitizer.sanitize(&html(text, &attachments, &[], RawHtmlPolicy::Keep));
        Markdown::Html(maths::insert(safe.as_str(), &extracted.formulas))
    } else {
        let maths = extracted.maths();
        let html = html(text, &attachments, &maths, RawHtmlPolicy::Escape);
        Markdown::Written(SafeHtml::trust(html))
    }
}

/// The images among `attachments` that `source` mentions.
fn images(attachments: Option<RawJson<'_>>, source: &str) -> Vec<Attachment> {
    let Some(attachments) = attachments else {
        return Vec::new();
    };
    if !source.contains("attachment:") {
        return Vec::new();
    }
    let images = attachments.entries().filter_map(|(name, data)| {
        let image = data.entries().find_map(|(mime, data)| {
            let kind = ImageKind::of_mime(mime)?;
            image::of(kind, &data.text()?)
        })?;
        Some(Attachment {
            name: unescaped(name).into_owned(),
            image,
        })
    });
    images.take(MAX_ATTACHMENTS).collect()
}
