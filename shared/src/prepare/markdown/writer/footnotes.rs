//! Footnotes: numbered by their first mention, with links there and back.

use std::{cell::OnceCell, collections::HashMap};

use super::MarkdownWriter;

/// The footnotes of one text.
pub(super) struct Footnotes<'a> {
    /// The text, whose hash tells its notes from those of other cells.
    source: &'a str,
    /// The hash of `source`, made once for all notes.
    hash: OnceCell<u32>,
    /// By name, the number of each note, and how often it was mentioned.
    seen: HashMap<String, (usize, usize)>,
    /// The names of the open notes, because one note may hold another.
    open: Vec<String>,
}

impl<'a> Footnotes<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            hash: OnceCell::new(),
            seen: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// The number of the note `name`, and how often it was mentioned.
    fn number(&mut self, name: &str) -> &mut (usize, usize) {
        let next = self.seen.len() + 1;
        self.seen.entry(name.to_owned()).or_insert((next, 0))
    }

    /// The name of an anchor: the same in every run, and another one for another text.
    fn anchor(&self, kind: &str, number: usize) -> String {
        let hash = self.hash.get_or_init(|| {
            self.source.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            })
        });
        format!("{kind}-{hash:08x}-{number}")
    }
}

impl MarkdownWriter<'_> {
    pub(super) fn footnote_reference(&mut self, name: &str) {
        let (number, mentions) = self.footnotes.number(name);
        *mentions += 1;
        let (number, is_first) = (*number, *mentions == 1);
        self.out.push_str("<sup class=\"nb-footnote\"");
        // The note links back to its first mention.
        if is_first {
            let anchor = self.footnotes.anchor("ref", number);
            self.ids.push_id(&mut self.out, &anchor);
        }
        if self.links.contains(&true) {
            // A link within a link would end the outer one.
            self.out.push_str(&format!(">{number}</sup>"));
            return;
        }
        self.out.push_str("><a class=\"nb-anchor\"");
        let anchor = self.footnotes.anchor("note", number);
        self.ids.push_href(&mut self.out, &anchor);
        self.out.push_str(&format!(">{number}</a></sup>"));
    }

    pub(super) fn start_footnote(&mut self, name: &str) {
        let (number, _) = *self.footnotes.number(name);
        self.out.push_str("<div class=\"nb-footnotes\"");
        let anchor = self.footnotes.anchor("note", number);
        self.ids.push_id(&mut self.out, &anchor);
        let label = format!("><sup class=\"nb-footnote\">{number}</sup>");
        self.out.push_str(&label);
        self.footnotes.open.push(name.to_owned());
    }

    pub(super) fn end_footnote(&mut self) {
        let name = self.footnotes.open.pop().unwrap_or_default();
        let (number, mentions) = *self.footnotes.number(&name);
        if mentions > 0 {
            // The link back stands in the note's last paragraph, where it has one.
            let end = self.out.ends_with("</p>\n").then(|| self.out.len() - 5);
            let after = end.map(|end| self.out.split_off(end));
            self.out.push_str(" <a class=\"nb-anchor nb-back\"");
            let anchor = self.footnotes.anchor("ref", number);
            self.ids.push_href(&mut self.out, &anchor);
            self.out
                .push_str(" title=\"Back to the text\">\u{21a9}</a>");
            self.out.push_str(after.as_deref().unwrap_or(""));
        }
        self.out.push_str("</div>\n");
    }
}
