//! Finds the ranges of the cells in a notebook's text, without making values of it.
//!
//! The scanner checks that the whole text is JSON, as strictly as serde_json does, and as
//! Jupyter writes it. A text that the tolerant reader ([`super::json`], [`super::Notebook`])
//! would repair, warn of, or read in one of several ways has no outline, and the caller reads
//! the whole notebook. So a valid notebook may have no outline, but an invalid one never has
//! one.

use std::ops::Range;

use super::{json::MAX_JSON_DEPTH, private::hint, top::MAX_NOTEBOOK_CELLS};
use crate::scan;

/// A notebook's text, and the ranges of its cells.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    pub(super) text: &'a str,
    /// The list of cells, with its brackets.
    pub(super) list: Range<usize>,
    pub(super) cells: Vec<Range<usize>>,
    /// Whether the text holds the tag of private cells anywhere, or a text that resembles it.
    pub(super) may_have_private: bool,
}

/// A number without an exponent is finite when it has no more bytes than this.
const MAX_PLAIN_NUMBER_BYTES: usize = 300;

/// The known types of cells.
const CELL_TYPES: [&[u8]; 5] = [b"code", b"markdown", b"raw", b"heading", b"html"];

impl<'a> Outline<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut scanner = Scanner {
            bytes,
            at: 0,
            may_have_private: false,
            tags: 0,
        };
        let (list, cells) = scanner.notebook()?;
        Some(Self {
            text,
            list,
            cells,
            may_have_private: scanner.may_have_private,
        })
    }
}

/// Scans a notebook's text. Each method reads what it is named after and moves `at` behind it;
/// `None` means that the text is odd and has no outline.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    may_have_private: bool,
    /// The number of open values that may hold tags.
    tags: usize,
}

impl<'a> Scanner<'a> {
    fn notebook(&mut self) -> Option<(Range<usize>, Vec<Range<usize>>)> {
        let mut found = None;
        self.white();
        self.take(b'{')?;
        self.fields(|scanner, key| {
            match key {
                b"cells" => {}
                // The tolerant reader looks for cells in worksheets, too.
                b"worksheets" => return None,
                _ => return scanner.value(1),
            }
            let start = scanner.at;
            let cells = scanner.cells()?;
            // Of two lists of cells other readers take the last.
            let before = found.replace((start..scanner.at, cells));
            before.is_none().then_some(())
        })?;
        self.white();
        (self.at == self.bytes.len()).then_some(found)?
    }

    fn cells(&mut self) -> Option<Vec<Range<usize>>> {
        let mut cells = Vec::new();
        self.take(b'[')?;
        self.items(|scanner| {
            let start = scanner.at;
            scanner.cell()?;
            cells.push(start..scanner.at);
            // A notebook of more cells is not read.
            (cells.len() <= MAX_NOTEBOOK_CELLS).then_some(())
        })?;
        Some(cells)
    }

    /// A cell: an object that has one type, a known one.
    fn cell(&mut self) -> Option<()> {
        let mut types = 0;
        self.take(b'{')?;
        self.fields(|scanner, key| match key {
            b"cell_type" => {
                types += 1;
                let value = scanner.plain_string()?;
                CELL_TYPES.contains(&value).then_some(())
            }
            // The cell resembles a worksheet.
            b"cells" => None,
            key => scanner.value_of(key, 3),
        })?;
        (types == 1).then_some(())
    }

    /// The fields of an object after its brace, whose keys have no escapes.
    fn fields(&mut self, mut value: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.white();
        if self.next_is(b'}') {
            return Some(());
        }
        loop {
            let key = self.plain_string()?;
            self.colon()?;
            value(self, key)?;
            if self.is_last(b'}')? {
                return Some(());
            }
        }
    }

    /// The values of a list after its bracket.
    fn items(&mut self, mut value: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.white();
        if self.next_is(b']') {
            return Some(());
        }
        loop {
            value(self)?;
            if self.is_last(b']')? {
                return Some(());
            }
        }
    }

    /// Any value that stands in `depth` containers.
    fn value(&mut self, depth: usize) -> Option<()> {
        match *self.bytes.get(self.at)? {
            b'"' => self.string().map(|_| ()),
            b'{' => {
                self.at += 1;
                self.check_depth(depth)?;
                self.white();
                if self.next_is(b'}') {
                    return Some(());
                }
                loop {
                    let key = self.string()?;
                    self.colon()?;
                    self.value_of(key, depth + 1)?;
                    if self.is_last(b'}')? {
                        return Some(());
                    }
                }
            }
            b'[' => {
                self.at += 1;
                self.check_depth(depth)?;
                self.items(|scanner| scanner.value(depth + 1))
            }
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    /// The value of `key`, which may hold tags.
    fn value_of(&mut self, key: &[u8], depth: usize) -> Option<()> {
        let tags = usize::from(hint::may_hold_tags(key));
        self.tags += tags;
        self.value(depth)?;
        self.tags -= tags;
        Some(())
    }

    fn check_depth(&self, depth: usize) -> Option<()> {
        (depth < MAX_JSON_DEPTH).then_some(())
    }

    /// Reads what follows a value: returns whether its container ends there, or reads the comma.
    fn is_last(&mut self, end: u8) -> Option<bool> {
        self.white();
        if self.next_is(end) {
            return Some(true);
        }
        self.take(b',')?;
        self.white();
        Some(false)
    }

    fn colon(&mut self) -> Option<()> {
        self.white();
        self.take(b':')?;
        self.white();
        Some(())
    }

    /// A string without escapes; returns its content.
    fn plain_string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let rest = &self.bytes[self.at..];
        let length = scan::length_of_json_text(rest);
        self.at += length;
        self.take(b'"')?;
        self.may_have_private |= hint::is_tag(&rest[..length]);
        Some(&rest[..length])
    }

    /// A string; returns its content.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            self.at += scan::length_of_json_text(&self.bytes[self.at..]);
            match *self.bytes.get(self.at)? {
                b'"' => self.at += 1,
                b'\\' => {
                    self.escape()?;
                    // An escaped line end is often the last character.
                    if !self.next_is(b'"') {
                        continue;
                    }
                }
                _ => return None,
            }
            let text = &self.bytes[start..self.at - 1];
            self.may_have_private |= match self.tags {
                0 => hint::is_tag(text),
                _ => hint::has_tag(text),
            };
            return Some(text);
        }
    }

    fn escape(&mut self) -> Option<()> {
        let escaped = *self.bytes.get(self.at + 1)?;
        // Nearly all escapes are line ends, and this is faster than the table of the `match`.
        if escaped == b'n' {
            self.at += 2;
            return Some(());
        }
        match escaped {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                // Half a surrogate pair is invalid; a whole one is left to other readers, too.
                let may_be_half = matches!(digits, [b'd' | b'D', second, ..] if *second >= b'8');
                if may_be_half || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.next_is(b'-');
        // No digit follows a zero at the front.
        if !self.next_is(b'0') {
            self.digits()?;
        }
        if self.next_is(b'.') {
            self.digits()?;
        }
        let has_exponent = self.next_is(b'e') || self.next_is(b'E');
        if has_exponent {
            let _ = self.next_is(b'+') || self.next_is(b'-');
            self.digits()?;
        }
        if has_exponent || self.at - start > MAX_PLAIN_NUMBER_BYTES {
            let token = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
            return token.parse().is_ok_and(f64::is_finite).then_some(());
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.bytes[self.at..].iter();
        let length = rest.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        (length > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn white(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
            // Lines that Jupyter writes begin with spaces.
            if let Some(next) = self.bytes[self.at..].first_chunk() {
                self.at += scan::spaces(next);
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then_some(())
    }

    /// Whether `byte` comes next; if so, it is read.
    fn next_is(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }
}
