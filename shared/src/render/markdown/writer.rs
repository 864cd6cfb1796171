//! Markdown's events to markup.

use std::collections::HashMap;

use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Tag, TagEnd,
};

use super::{Ids, RawHtml};
use crate::{
    prepared::Attachment,
    render::{escape, highlight, image, link},
};

/// An attachment may be shown this often before a cell is taken for an attempt to fill
/// the page.
const MAX_REPEATS: usize = 4;

/// Writes the markup of one Markdown text.
pub(super) struct Writer<'a> {
    out: String,
    attachments: &'a [Attachment],
    raw: RawHtml,
    ids: &'a mut Ids,
    /// Bytes of attachments that may still be written.
    image_budget: usize,
    /// Where in `out` the tag of the heading ends, and its text so far.
    heading: Option<(usize, String)>,
    /// Language and text of the code block so far.
    code: Option<(String, String)>,
    /// The image whose text is being read.
    image: Option<ImageText>,
    /// For each open link, whether a tag was written.
    links: Vec<bool>,
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
    footnotes: HashMap<String, usize>,
}

struct ImageText {
    url: String,
    alt: String,
    /// How many images are open inside its text.
    inner: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(attachments: &'a [Attachment], raw: RawHtml, ids: &'a mut Ids) -> Self {
        let attached: usize = attachments.iter().map(|a| a.image.base64.len()).sum();
        Self {
            out: String::new(),
            attachments,
            raw,
            ids,
            image_budget: MAX_REPEATS * attached,
            heading: None,
            code: None,
            image: None,
            links: Vec::new(),
            alignments: Vec::new(),
            column: 0,
            in_head: false,
            footnotes: HashMap::new(),
        }
    }

    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        if self.image.is_some() {
            self.in_image(event);
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.inline("<code>", &code, "</code>"),
            Event::InlineMath(math) => {
                self.inline("<code class=\"nb-math\">", &math, "</code>");
            }
            Event::DisplayMath(math) => {
                // In a paragraph only what is inline may stand; the stylesheet makes a
                // block of it.
                self.inline("<code class=\"nb-math-block\">", &math, "</code>");
            }
            Event::Html(html) | Event::InlineHtml(html) => self.raw_html(&html),
            Event::FootnoteReference(name) => self.footnote(&name),
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(done) => {
                let mark = if done { '☑' } else { '☐' };
                self.out.push_str("<span class=\"nb-task\">");
                self.out.push(mark);
                self.out.push_str("</span> ");
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        if let Some((_, heading)) = &mut self.heading {
            heading.push_str(text);
        }
        escape::push(&mut self.out, text);
    }

    fn inline(&mut self, before: &str, text: &str, after: &str) {
        self.out.push_str(before);
        self.text(text);
        self.out.push_str(after);
    }

    fn start(&mut self, tag: Tag<'_>) {
        let simple = match tag {
            Tag::Paragraph => "<p>",
            Tag::BlockQuote(_) => "<blockquote>",
            Tag::List(None) => "<ul>",
            Tag::Item => "<li>",
            Tag::Emphasis => "<em>",
            Tag::Strong => "<strong>",
            Tag::Strikethrough => "<del>",
            Tag::Heading { level, .. } => return self.start_heading(level),
            Tag::CodeBlock(kind) => return self.start_code(&kind),
            Tag::List(Some(first)) => return self.start_list(first),
            Tag::FootnoteDefinition(name) => {
                self.out.push_str("<div class=\"nb-footnotes\">");
                return self.footnote(&name);
            }
            Tag::Table(alignments) => {
                self.alignments = alignments;
                "<div class=\"nb-table\"><table>"
            }
            Tag::TableHead => {
                self.in_head = true;
                self.column = 0;
                "<thead><tr>"
            }
            Tag::TableRow => {
                self.column = 0;
                "<tr>"
            }
            Tag::TableCell => return self.start_table_cell(),
            Tag::Link {
                link_type,
                dest_url,
                title,
                ..
            } => {
                return self.start_link(link_type, &dest_url, &title);
            }
            Tag::Image { dest_url, .. } => {
                self.image = Some(ImageText {
                    url: dest_url.into_string(),
                    alt: String::new(),
                    inner: 0,
                });
                return;
            }
            // The other blocks are of extensions that are not switched on.
            _ => return,
        };
        self.out.push_str(simple);
    }

    fn end(&mut self, tag: TagEnd) {
        let simple = match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::BlockQuote(_) => "</blockquote>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::List(true) => "</ol>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Heading(level) => return self.end_heading(level),
            TagEnd::CodeBlock => return self.end_code(),
            TagEnd::FootnoteDefinition => "</div>\n",
            TagEnd::Table => "</tbody></table></div>\n",
            TagEnd::TableHead => {
                self.in_head = false;
                "</tr></thead><tbody>"
            }
            TagEnd::TableRow => "</tr>",
            TagEnd::TableCell => {
                self.column += 1;
                if self.in_head { "</th>" } else { "</td>" }
            }
            TagEnd::Link => match self.links.pop() {
                Some(true) => "</a>",
                _ => return,
            },
            _ => return,
        };
        self.out.push_str(simple);
    }

    fn start_heading(&mut self, level: HeadingLevel) {
        self.out.push_str(&format!("<{level}"));
        self.heading = Some((self.out.len(), String::new()));
        self.out.push('>');
    }

    fn end_heading(&mut self, level: HeadingLevel) {
        if let Some((at, text)) = self.heading.take()
            && let Some(id) = self.ids.of_heading(&text)
        {
            let id = format!(" id=\"{}\"", escape::attribute(&id));
            self.out.insert_str(at, &id);
        }
        self.out.push_str(&format!("</{level}>\n"));
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        let language = match kind {
            // `python title="x"` and `{python}` are both in use.
            CodeBlockKind::Fenced(info) => info
                .split(|c: char| c.is_whitespace() || c == ',')
                .next()
                .unwrap_or_default()
                .trim_matches(['{', '}', '.'])
                .to_owned(),
            CodeBlockKind::Indented => String::new(),
        };
        self.code = Some((language, String::new()));
    }

    fn end_code(&mut self) {
        let Some((language, code)) = self.code.take() else {
            return;
        };
        self.out.push_str("<pre class=\"nb-code-block\"><code>");
        highlight::push(&mut self.out, &code, &language);
        self.out.push_str("</code></pre>\n");
    }

    fn start_list(&mut self, first: u64) {
        if first == 1 {
            self.out.push_str("<ol>");
        } else {
            self.out.push_str(&format!("<ol start=\"{first}\">"));
        }
    }

    fn start_table_cell(&mut self) {
        let name = if self.in_head { "th" } else { "td" };
        let class = match self.alignments.get(self.column) {
            Some(Alignment::Left) => " class=\"nb-left\"",
            Some(Alignment::Center) => " class=\"nb-center\"",
            Some(Alignment::Right) => " class=\"nb-right\"",
            _ => "",
        };
        self.out.push_str(&format!("<{name}{class}>"));
    }

    fn start_link(&mut self, kind: LinkType, url: &str, title: &str) {
        let url = if kind == LinkType::Email {
            format!("mailto:{url}")
        } else {
            url.to_owned()
        };
        let allowed = link::is_allowed(&url);
        if allowed {
            link::push_start(&mut self.out, &url, title);
        }
        self.links.push(allowed);
    }

    /// A number in place of a name; it is no link, because the page's address is not
    /// the notebook's.
    fn footnote(&mut self, name: &CowStr<'_>) {
        let next = self.footnotes.len() + 1;
        let number = *self.footnotes.entry(name.to_string()).or_insert(next);
        self.out
            .push_str(&format!("<sup class=\"nb-footnote\">{number}</sup>"));
    }

    fn raw_html(&mut self, html: &str) {
        if self.raw == RawHtml::Escape {
            self.text(html);
            return;
        }
        let attachments = self.attachments;
        let mut rest = html;
        while let Some(at) = rest.find("attachment:") {
            self.out.push_str(&rest[..at]);
            rest = &rest[at + "attachment:".len()..];
            let found = attachments.iter().find(|a| rest.starts_with(&a.name));
            match found {
                Some(attachment) if self.may_show(attachment) => {
                    let image = &attachment.image;
                    let url = format!("data:{};base64,{}", image.kind.mime(), image.base64);
                    self.out.push_str(&url);
                    rest = &rest[attachment.name.len()..];
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

    /// Inside an image's text only the text counts.
    fn in_image(&mut self, event: Event<'_>) {
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
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) => {
                image.alt.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => image.alt.push(' '),
            _ => {}
        }
    }

    fn end_image(&mut self, url: &str, alt: &str) {
        if let Some(name) = url.strip_prefix("attachment:") {
            let name = percent_decoded(name);
            let attachments = self.attachments;
            let found = attachments.iter().find(|a| a.name == name);
            if let Some(attachment) = found
                && self.may_show(attachment)
            {
                image::push(&mut self.out, &attachment.image, alt);
                return;
            }
        } else if let Some(image) = image::of_data_url(url) {
            image::push(&mut self.out, &image, alt);
            return;
        }
        self.out
            .push_str("<span class=\"nb-note\">Image not loaded: ");
        let text = if alt.is_empty() { url } else { alt };
        let linked = link::is_allowed(url) && !self.links.contains(&true);
        if linked {
            link::push_start(&mut self.out, url, "");
        }
        // A data address that was refused can be of any length.
        escape::push(&mut self.out, &text.chars().take(200).collect::<String>());
        self.out
            .push_str(if linked { "</a></span>" } else { "</span>" });
    }
}

/// `name` with `%20` and the like decoded, as Jupyter encodes the names of pasted files.
fn percent_decoded(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(decoded) if byte == b'%' => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
