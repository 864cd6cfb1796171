//! Writes the markup of Markdown's events; images are in `images`, footnotes in `footnotes`, bare
//! addresses in `addresses`.

mod addresses;
mod footnotes;
mod images;

use pulldown_cmark::{
    Alignment, BlockQuoteKind, CodeBlockKind, Event, HeadingLevel, LinkType, Tag, TagEnd,
};

use self::{footnotes::Footnotes, images::ImageText};
use super::{Attachment, RawHtmlPolicy};
use crate::{
    prepare::{anchor, link},
    prepared::SafeHtml,
    render::{anchor::AnchorIds, highlight, stand_in},
};

/// The most times that a cell's attachments are shown; a cell that shows them more often tries
/// to fill the page.
const MAX_ATTACHMENT_REPEATS: usize = 4;

/// The bytes that a page's prefix and address add to an id or a link to one, about.
const ANCHOR_BYTES: usize = 96;

/// The beginning of one of GitHub's alerts.
fn alert(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => {
            "<div class=\"nb-alert nb-alert-info\"><p><strong>Note</strong></p>"
        }
        BlockQuoteKind::Tip => {
            "<div class=\"nb-alert nb-alert-success\"><p><strong>Tip</strong></p>"
        }
        BlockQuoteKind::Important => {
            "<div class=\"nb-alert nb-alert-info\"><p><strong>Important</strong></p>"
        }
        BlockQuoteKind::Warning => {
            "<div class=\"nb-alert nb-alert-warning\"><p><strong>Warning</strong></p>"
        }
        BlockQuoteKind::Caution => {
            "<div class=\"nb-alert nb-alert-danger\"><p><strong>Caution</strong></p>"
        }
    }
}

/// Writes the markup of one Markdown text.
pub(super) struct MarkdownWriter<'a> {
    out: String,
    attachments: &'a [Attachment],
    maths: &'a [SafeHtml],
    raw: RawHtmlPolicy,
    ids: AnchorIds,
    /// The bytes of attachments that may still be written.
    image_budget: usize,
    /// The offset in `out` at which the id of the heading is inserted, and its text so far.
    heading: Option<(usize, String)>,
    /// The language of the open code block, and its text so far.
    code: Option<(String, String)>,
    /// The image whose text is being read.
    image: Option<ImageText>,
    /// For each open link, whether a tag was written.
    links: Vec<bool>,
    alignments: Vec<Alignment>,
    column: usize,
    /// Where the last cell of a table begins.
    cell_at: usize,
    in_head: bool,
    footnotes: Footnotes<'a>,
}

impl<'a> MarkdownWriter<'a> {
    pub(super) fn new(
        source: &'a str,
        attachments: &'a [Attachment],
        maths: &'a [SafeHtml],
        raw: RawHtmlPolicy,
    ) -> Self {
        let attached: usize = attachments.iter().map(|a| a.image.base64.len()).sum();
        Self {
            out: String::new(),
            attachments,
            maths,
            raw,
            ids: AnchorIds::default(),
            image_budget: MAX_ATTACHMENT_REPEATS * attached,
            heading: None,
            code: None,
            image: None,
            links: Vec::new(),
            alignments: Vec::new(),
            column: 0,
            cell_at: 0,
            in_head: false,
            footnotes: Footnotes::new(source),
        }
    }

    /// The approximate length of the markup once it is in a page.
    pub(super) fn length(&self) -> usize {
        self.out.len() + ANCHOR_BYTES * self.ids.written()
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
            // `maths` has replaced formulas by stand-ins before.
            Event::InlineMath(_) | Event::DisplayMath(_) => {}
            Event::Html(html) | Event::InlineHtml(html) => self.raw_html(&html),
            Event::FootnoteReference(name) => self.footnote_reference(&name),
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
            stand_in::split(text, |part| {
                if let stand_in::TextOrFormula::Text(text) = part {
                    heading.push_str(text);
                }
            });
        }
        if self.links.is_empty() {
            self.text_with_links(text);
        } else {
            stand_in::push_html(&mut self.out, text, self.maths);
        }
    }

    fn inline(&mut self, before: &str, text: &str, after: &str) {
        self.out.push_str(before);
        // An address in code is no link.
        self.links.push(false);
        self.text(text);
        self.links.pop();
        self.out.push_str(after);
    }

    fn start(&mut self, tag: Tag<'_>) {
        let simple = match tag {
            Tag::Paragraph => "<p>",
            Tag::BlockQuote(None) => "<blockquote>",
            Tag::BlockQuote(Some(kind)) => alert(kind),
            Tag::List(None) => "<ul>",
            Tag::Item => "<li>",
            Tag::Emphasis => "<em>",
            Tag::Strong => "<strong>",
            Tag::Strikethrough => "<del>",
            Tag::Heading { level, .. } => return self.start_heading(level),
            Tag::CodeBlock(kind) => return self.start_code(&kind),
            Tag::List(Some(first)) => return self.start_list(first),
            Tag::FootnoteDefinition(name) => return self.start_footnote(&name),
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
                self.image = Some(ImageText::new(&dest_url));
                return;
            }
            // The other blocks belong to extensions that are not switched on.
            _ => return,
        };
        self.out.push_str(simple);
    }

    fn end(&mut self, tag: TagEnd) {
        let simple = match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::BlockQuote(None) => "</blockquote>\n",
            TagEnd::BlockQuote(Some(_)) => "</div>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::List(true) => "</ol>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Heading(level) => return self.end_heading(level),
            TagEnd::CodeBlock => return self.end_code(),
            TagEnd::FootnoteDefinition => return self.end_footnote(),
            TagEnd::Table => "</tbody></table></div>\n",
            TagEnd::TableHead => {
                self.in_head = false;
                "</tr></thead><tbody>"
            }
            TagEnd::TableRow => "</tr>",
            TagEnd::TableCell => return self.end_table_cell(),
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
        if let Some((at, text)) = self.heading.take() {
            let mut id = String::new();
            self.ids.push_id(&mut id, &anchor::name(&text));
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
        self.cell_at = self.out.len();
        self.out.push_str(&format!("<{name}{class}>"));
    }

    fn end_table_cell(&mut self) {
        self.column += 1;
        // A header without a word is none.
        let is_empty =
            self.out.ends_with('>') && self.out[self.cell_at..].matches('<').count() == 1;
        if self.in_head && is_empty {
            self.out
                .replace_range(self.cell_at..self.cell_at + "<th".len(), "<td");
        }
        let is_header = self.in_head && !is_empty;
        self.out.push_str(if is_header { "</th>" } else { "</td>" });
    }

    fn start_link(&mut self, kind: LinkType, url: &str, title: &str) {
        let url = if kind == LinkType::Email {
            format!("mailto:{url}")
        } else {
            url.to_owned()
        };
        let place = anchor::name_in(&url);
        let allowed = place.is_some() || link::is_allowed(&url);
        if let Some(name) = place {
            self.out.push_str("<a class=\"nb-anchor\"");
            self.ids.push_href(&mut self.out, &name);
            self.out.push('>');
        } else if allowed {
            link::push_start(&mut self.out, &url, title);
        }
        self.links.push(allowed);
    }
}
