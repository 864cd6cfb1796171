//! Markdown to the cheapest form that is safe.

use serde_json::{Map, Value};

use super::{Sanitizer, image, maths};
use crate::{
    notebook,
    prepared::{Attachment, ImageKind, Markdown},
    render::{
        anchor::Ids,
        markdown::{self, RawHtml},
    },
};

/// Each mention in a cell is looked for among this many.
const MAX_ATTACHMENTS: usize = 200;

/// `source` as it is when it has no raw HTML, which is nearly always; else rendered
/// whole and sanitised whole, because a tag that is opened in one paragraph may be
/// closed in another.
pub(super) fn cell(
    source: &str,
    attachments: Option<&Map<String, Value>>,
    sanitizer: &impl Sanitizer,
) -> Markdown {
    let attachments = images(attachments, source);
    let extracted = maths::of_markdown(source);
    let text = &extracted.text;
    if markdown::has_raw_html(text) {
        let html = markdown::html(text, &attachments, &[], RawHtml::Keep, &mut Ids::default());
        let safe = sanitizer.sanitize(&html);
        Markdown::Html(maths::insert(safe.as_str(), &extracted.formulas))
    } else {
        Markdown::Source {
            maths: extracted.maths(),
            text: extracted.text,
            attachments,
        }
    }
}

/// The images among `attachments` that `source` mentions.
fn images(attachments: Option<&Map<String, Value>>, source: &str) -> Vec<Attachment> {
    let Some(attachments) = attachments else {
        return Vec::new();
    };
    if !source.contains("attachment:") {
        return Vec::new();
    }
    let images = attachments.iter().filter_map(|(name, data)| {
        let image = data.as_object()?.iter().find_map(|(mime, data)| {
            let kind = ImageKind::of_mime(mime)?;
            image::of(kind, &notebook::text(data)?)
        })?;
        Some(Attachment {
            name: name.clone(),
            image,
        })
    });
    images.take(MAX_ATTACHMENTS).collect()
}
