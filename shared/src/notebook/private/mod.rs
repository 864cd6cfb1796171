//! The cells that their author keeps to themself: those with the tag `private`.
//!
//! They are cut out of a notebook's bytes, and all that is around them stays as it was
//! written. What is cut is found without making values of anything, and wherever a reader
//! could look for cells: under a key that is there twice, in worksheets, however the tag is
//! spelled. What is cut too often is noticed by the author, what is cut too seldom by
//! everyone else; so of two possibilities it is always the first.

use std::ops::Range;

use super::{Cell, Notebook, ParseError, json::MAX_DEPTH, outline::Outline};
use crate::scan;

/// The tag, in letters of either case.
pub const TAG: &str = "private";

/// The bytes of a notebook without its private cells, which are those whose `metadata.tags`
/// hold `private`. A notebook that has none stays as it is, byte for byte.
///
/// With the cells goes the saved state of the notebook's widgets, since it does not say
/// whose it is.
///
/// # Errors
///
/// When there may be such a cell in them and they cannot be read, as [`Notebook::parse`] says
/// it: what is private in half a file, nobody knows.
///
/// ```
/// use shared::notebook::without_private;
///
/// let json = r#"{"cells": [{"source": "1"}, {"metadata": {"tags": ["private"]}}]}"#;
/// let rest = without_private(json.into())?;
/// assert_eq!(rest, br#"{"cells": [{"source": "1"}]}"#);
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn without_private(bytes: Vec<u8>) -> Result<Vec<u8>, ParseError> {
    // Nearly every notebook has none, which its outline tells.
    let may_have_one = match Outline::of(&bytes) {
        Some(outline) => outline.may_have_private,
        None => may_be_tagged(&bytes),
    };
    if !may_have_one {
        return Ok(bytes);
    }
    Notebook::parse(&bytes)?;
    let cuts = Scan::new(&bytes).run();
    if cuts.is_empty() {
        return Ok(bytes);
    }
    let rest = cut(&bytes, &cuts);
    // Whoever reads the rest reads it like this, and not like what has cut it.
    match Notebook::parse(&rest)?.notebook.cells().iter().any(tagged) {
        true => Err(ParseError::at_start("a private cell cannot be taken out")),
        false => Ok(rest),
    }
}

/// Whether the tag is somewhere in `bytes`, as a word or perhaps spelled in escapes.
pub(super) fn may_be_tagged(bytes: &[u8]) -> bool {
    /// The letter that is looked for, which is a rare one.
    const V: usize = 3;
    let mut at = 0;
    loop {
        at += scan::length_before(&bytes[at..], *b"vV\\");
        match bytes.get(at..) {
            // Letters are the numbers from 41 to 7a.
            Some([b'\\', b'u', b'0', b'0', b'4'..=b'7', ..]) => return true,
            // The next byte belongs to this one.
            Some([b'\\', _, ..]) => at += 2,
            Some([_, ..]) => {
                let word = at
                    .checked_sub(V)
                    .and_then(|at| bytes.get(at..at + TAG.len()));
                if word.is_some_and(|word| word.eq_ignore_ascii_case(TAG.as_bytes())) {
                    return true;
                }
                at += 1;
            }
            _ => return false,
        }
    }
}

fn tagged(cell: &Cell) -> bool {
    cell.tags().any(|tag| tag.eq_ignore_ascii_case(TAG))
}

/// What goes, and what comes in its place.
type Cut = (Range<usize>, &'static str);

/// `bytes` without `cuts`, which are in order and apart.
fn cut(bytes: &[u8], cuts: &[Cut]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (range, instead) in cuts {
        rest.extend_from_slice(&bytes[at..range.start]);
        rest.extend_from_slice(instead.as_bytes());
        at = range.end;
    }
    rest.extend_from_slice(&bytes[at..]);
    rest
}

/// What a value is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Notebook,
    NotebookMetadata,
    Widgets,
    /// A list of cells, or of worksheets; both may be in lists of lists.
    List,
    /// A cell, or a worksheet, which has cells.
    Cell,
    Metadata,
    Tags,
    Other,
}

/// A container that is read.
struct Open<'a> {
    kind: Kind,
    start: usize,
    is_object: bool,
    /// The key that the next value belongs to; `None` while a key is expected.
    key: Option<&'a [u8]>,
    is_private: bool,
    /// How many cuts there were before it.
    cuts: usize,
    /// Where the last value ends that stays in this list.
    kept_to: Option<usize>,
    /// The private ones after it.
    run: Option<Range<usize>>,
}

/// One pass over bytes that are known to be JSON, but for what the tolerant reader repairs.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open<'a>>,
    /// Containers that are open within those, too deep to be looked into.
    deeper: usize,
    cuts: Vec<Cut>,
    /// Saved states of widgets, which go when a cell does.
    widgets: Vec<Range<usize>>,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            open: Vec::new(),
            deeper: 0,
            cuts: Vec::new(),
            widgets: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<Cut> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.text(),
                b'{' | b'[' => self.begin(byte == b'{'),
                b'}' | b']' => self.end(),
                b',' => {
                    if let Some(open) = self.top() {
                        open.key = None;
                    }
                    self.at += 1;
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => self.word(),
            }
        }
        if !self.cuts.is_empty() {
            let widgets = self.widgets.drain(..).map(|range| (range, "{}"));
            self.cuts.extend(widgets);
            self.cuts.sort_unstable_by_key(|(range, _)| range.start);
        }
        self.cuts
    }

    /// The container whose values come next; none in one that is not looked into.
    fn top(&mut self) -> Option<&mut Open<'a>> {
        self.open.last_mut().filter(|_| self.deeper == 0)
    }

    fn begin(&mut self, is_object: bool) {
        let start = self.at;
        self.at += 1;
        if self.open.len() == MAX_DEPTH {
            self.deeper += 1;
            return;
        }
        self.open.push(Open {
            kind: self.kind(is_object),
            start,
            is_object,
            key: None,
            is_private: false,
            cuts: self.cuts.len(),
            kept_to: None,
            run: None,
        });
    }

    /// What a container is for that begins here.
    fn kind(&self, is_object: bool) -> Kind {
        let Some(parent) = self.open.last() else {
            return if is_object {
                Kind::Notebook
            } else {
                Kind::Other
            };
        };
        let is_key = |name| parent.key.is_some_and(|key| spells(key, name));
        let cell_or_list = if is_object { Kind::Cell } else { Kind::List };
        match parent.kind {
            Kind::List => cell_or_list,
            Kind::Notebook if is_key("cells") || is_key("worksheets") => cell_or_list,
            Kind::Notebook if is_key("metadata") => Kind::NotebookMetadata,
            Kind::NotebookMetadata if is_key("widgets") => Kind::Widgets,
            Kind::Cell if is_key("cells") => cell_or_list,
            Kind::Cell if is_key("metadata") && is_object => Kind::Metadata,
            Kind::Metadata if is_key("tags") && !is_object => Kind::Tags,
            Kind::Tags if !is_object => Kind::Tags,
            _ => Kind::Other,
        }
    }

    fn end(&mut self) {
        self.at += 1;
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let Some(ended) = self.open.pop() else { return };
        let range = ended.start..self.at;
        if ended.kind == Kind::Widgets {
            self.widgets.push(range.clone());
        }
        if let Some(run) = ended.run {
            // What separates them from what stays goes too.
            let range = match ended.kept_to {
                Some(kept_to) => kept_to..run.end,
                None => ended.start + 1..self.at - 1,
            };
            self.cuts.push((range, ""));
        }
        if ended.is_private {
            // All of it goes, and so what would have gone of it.
            self.cuts.truncate(ended.cuts);
            self.widgets.retain(|widgets| widgets.start < range.start);
        }
        self.value(range, ended.is_private);
    }

    /// A value ends here.
    fn value(&mut self, range: Range<usize>, is_private: bool) {
        let Some(parent) = self.open.last_mut().filter(|_| self.deeper == 0) else {
            return;
        };
        if parent.is_object {
            if is_private {
                self.cuts.push((range, "[]"));
            }
        } else if is_private {
            let start = parent.run.take().map_or(range.start, |run| run.start);
            parent.run = Some(start..range.end);
        } else {
            if let Some(run) = parent.run.take() {
                self.cuts.push((run.start..range.start, ""));
            }
            parent.kept_to = Some(range.end);
        }
    }

    fn text(&mut self) {
        let start = self.at;
        self.at += 1;
        loop {
            self.at += scan::length_before(&self.bytes[self.at..], *b"\"\\");
            match self.bytes.get(self.at) {
                Some(b'\\') => self.at = self.bytes.len().min(self.at + 2),
                Some(_) => break self.at += 1,
                None => return,
            }
        }
        let text = &self.bytes[start + 1..self.at - 1];
        let Some(open) = self.top() else { return };
        if open.is_object && open.key.is_none() {
            open.key = Some(text);
            return;
        }
        let is_tag = match open.kind {
            Kind::Tags => true,
            Kind::Metadata => open.key.is_some_and(|key| spells(key, "tags")),
            _ => false,
        };
        if is_tag && said_by(text).is_some_and(|tag| tag.eq_ignore_ascii_case(TAG)) {
            let mut around = self.open.iter_mut().rev();
            if let Some(cell) = around.find(|open| open.kind == Kind::Cell) {
                cell.is_private = true;
            }
        }
        self.value(start..self.at, false);
    }

    /// A number, `true`, `null`, or what Python writes for a number that is none.
    fn word(&mut self) {
        let start = self.at;
        let rest = self.bytes[start..].iter();
        let ends = |byte: &&u8| !b",:]}[{\" \n\r\t".contains(byte);
        self.at += rest.take_while(ends).count();
        self.value(start..self.at, false);
    }
}

/// Whether what is between two quotes says `name`.
fn spells(text: &[u8], name: &str) -> bool {
    text == name.as_bytes() || said_by(text).is_some_and(|said| said == name)
}

/// What is between two quotes, when it is short: its escapes are read.
fn said_by(text: &[u8]) -> Option<String> {
    /// The longest that is looked for, each of its letters an escape.
    const LONGEST: usize = 6 * "worksheets".len();
    if text.len() > LONGEST {
        return None;
    }
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}
