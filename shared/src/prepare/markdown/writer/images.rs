//! Writes images in Markdown, and attachments in its raw HTML.
//!
//! An image is shown when its data is an attachment of the cell or stands in its address. Any
//! other image is named, with a link where it has an address, and never loaded, because its
//! server would learn that a reader looked.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::{Attachment, MarkdownWriter, RawHtmlPolicy};
use crate::{
    prepare::{anchor, budget::picture, data_url, image::of_data_url, link},
    prepared::Image,
    render::{escape, image},
};

/// The most characters of an address or a description that a note quotes, because a refused
/// `data:` address can be of any length.
const MAX_QUOTED_CHARS: usize = 200;

/// The image whose text is being read.
pub(super) struct ImageText {
    url: String,
    alt: String,
    /// The number of open images inside its text.
    inner: usize,
}

impl ImageText {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            alt: String::new(),
            inner: 0,
        }
    }
}

impl MarkdownWriter<'_> {
    pub(super) fn raw_html(&mut self, html: &str) {
        if self.raw == RawHtmlPolicy::Escape {
            self.text(html);
            return;
        }
        let attachments = self.attachments;
        let mut rest = html;
        while let Some(at) = rest.find("attachment:") {
            self.out.push_str(&rest[..at]);
            rest = &rest[at + "attachment:".len()..];
            let found = attachments
                .iter()
                .filter_map(|attachment| Some((attachment, mentioned(rest, &attachment.name)?)))
                .max_by_key(|(_, length)| *length);
            match found {
                Some((attachment, length)) if self.may_show(attachment) => {
                    let image = &attachment.image;
                    let url = format!("data:{};base64,{}", image.kind.mime(), image.base64);
                    self.out.push_str(&url);
                    rest = &rest[length..];
                }
                _ => self.out.push_str("attachment:"),
            }
        }
        self.out.push_str(rest);
    }

    fn may_show(&mut self, attachment: &Attachment) -> bool {
        let left = self.image_budget.checked_sub(attachment.image.base64.len());
        self.image_budget = left.unwrap_or(self.image_budget);
        left.is_some()
    }

    /// Handles an event inside an image's text, of which only the text is kept.
    pub(super) fn in_image(&mut self, event: Event<'_>) {
        let Some(image) = &mut self.image else {
            return;
        };
        match event {
            Event::Start(Tag::Image { .. }) => image.inner += 1,
            Event::End(TagEnd::Image) if image.inner > 0 => image.inner -= 1,
            Event::End(TagEnd::Image) => {
                let ImageText { url, alt, .. } = self
                    .image
                    .take()
                    .expect("it was there at the start of the function");
                self.end_image(&url, &alt);
            }
            Event::Text(text) | Event::Code(text) => {
                image.alt.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => image.alt.push(' '),
            _ => {}
        }
    }

    fn show(&mut self, picture: &Image, alt: &str) {
        match refusal(picture) {
            Some(note) => self.out.push_str(&note),
            None => image::push(&mut self.out, picture, alt),
        }
    }

    fn end_image(&mut self, url: &str, alt: &str) {
        if let Some(name) = url.strip_prefix("attachment:") {
            let name = anchor::percent_decoded(name);
            let attachments = self.attachments;
            let found = attachments.iter().find(|a| a.name == name);
            if let Some(attachment) = found
                && self.may_show(attachment)
            {
                self.show(&attachment.image, alt);
                return;
            }
        } else if let Some(image) = of_data_url(url) {
            self.show(&image, alt);
            return;
        }
        self.out
            .push_str("<span class=\"nb-note\">Image not loaded: ");
        let data = data_url::parts(url).map(|data| data.described());
        let text = match alt {
            "" => data.as_deref().unwrap_or(url),
            alt => alt,
        };
        let linked = link::is_allowed(url) && !self.links.contains(&true);
        if linked {
            link::push_start(&mut self.out, url, "");
        }
        let quoted = |text: &str| text.chars().take(MAX_QUOTED_CHARS).collect::<String>();
        escape::push(&mut self.out, &quoted(text));
        if linked {
            self.out.push_str("</a>");
        } else if text != url {
            // Without a link its name alone would not lead to it.
            escape::push(&mut self.out, &format!(" ({})", quoted(url)));
        }
        self.out.push_str("</span>");
    }
}

/// The note on a picture that a page does not show because drawing it costs too much.
fn refusal(image: &Image) -> Option<String> {
    let why = picture::refusal(image.kind, &image.base64)?;
    Some(format!(
        "<span class=\"nb-note\">This picture {why}.</span>"
    ))
}

/// The length of the mention of `name` that `rest` begins with; `None` when there is none. Raw
/// HTML has the name as it is or with its spaces encoded.
fn mentioned(rest: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let encoded = name.replace(' ', "%20");
    let found = [name, &encoded]
        .into_iter()
        .find(|name| rest.starts_with(*name));
    found.map(str::len)
}
