//! Reads JSON as Python writes it, keeps it as text, and writes it as Jupyter does.
//!
//! Python's `json` writes values that JSON does not have (`NaN`, `Infinity`, halves of surrogate
//! pairs), and nests to any depth, which a recursive reader should not follow. One pass over the
//! text repairs that, and keeps lines and columns. Then serde_json reads it, and
//! its values are written at once as `compact` text, of which [`RawJson`] is a value. No tree of
//! values is ever made of a notebook, because it would be up to a hundred times as large.

mod compact;
mod numbers;
mod raw;
mod write;

use std::{borrow::Cow, rc::Rc};

use serde::de::DeserializeSeed;
use serde_json::error::Category;

pub(crate) use self::compact::compact;
pub use self::raw::{Entries, Items, RawJson, unescaped};
pub(super) use self::{
    compact::{CompactWriter, ObjectWriter},
    numbers::WrittenNumbers,
    write::{LinesAllowance, push, push_cells, push_name, push_object, push_text},
};
use super::ParseError;
use crate::scan;

/// The most containers within each other; deeper ones are left out. nbformat needs about ten.
pub(super) const MAX_JSON_DEPTH: usize = 100;

/// The value that a seed reads in `bytes`, and warnings of what was repaired, in words. `seed` makes
/// it, of the numbers as they are written.
pub(super) fn read<T, S: for<'de> DeserializeSeed<'de, Value = T>>(
    bytes: &[u8],
    seed: impl FnOnce(Rc<WrittenNumbers>) -> S,
) -> Result<(T, Vec<String>), ParseError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Checking valid UTF-8 is far faster than the lossy conversion.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    let mut repair = JsonRepair::new(&text);
    if matches!(text, Cow::Owned(_)) {
        repair.warn("bytes that are not UTF-8 were replaced");
    }
    repair.run();
    let numbers = Rc::new(std::mem::take(&mut repair.numbers));
    let repaired = repair.finish();
    let mut reader = serde_json::Deserializer::from_str(&repaired.text);
    let value = seed(numbers).deserialize(&mut reader);
    match value.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok((value, repaired.warnings)),
        Err(error) => Err(repaired.explain(&error)),
    }
}

/// Repairs a text; the part of it before `kept` has been copied to `out`.
struct JsonRepair<'a> {
    text: &'a str,
    at: usize,
    kept: usize,
    depth: usize,
    out: String,
    numbers: WrittenNumbers,
    warnings: Vec<String>,
}

/// The numbers of `json`, which needs no repair.
fn numbers_of(json: &str) -> WrittenNumbers {
    let mut scan = JsonRepair::new(json);
    scan.run();
    scan.numbers
}

/// A text after its repair, which serde_json reads unless it is no JSON at all.
struct RepairedJson<'a> {
    text: Cow<'a, str>,
    warnings: Vec<String>,
}

impl<'a> JsonRepair<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            kept: 0,
            depth: 0,
            out: String::new(),
            numbers: WrittenNumbers::default(),
            warnings: Vec::new(),
        }
    }

    fn run(&mut self) {
        let text = self.text;
        let bytes = text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'"' => self.string(),
                b'[' | b'{' if self.depth == MAX_JSON_DEPTH => self.too_deep(),
                b'[' | b'{' => {
                    self.depth += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                b'N' | b'I' | b'-' | b'0'..=b'9' => self.number(),
                _ => self.at += 1,
            }
        }
    }

    /// A number, or one of Python's names for numbers that JSON does not have.
    fn number(&mut self) {
        let rest = &self.text[self.at..];
        for name in ["NaN", "Infinity", "-Infinity"] {
            if rest.starts_with(name) {
                self.not_finite(name.len());
                return;
            }
        }
        let part_of_it =
            |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|b| part_of_it(b)).count();
        let token = &rest[..length];
        let may_overflow = length > 300 || token.contains(['e', 'E']);
        if may_overflow && token.parse::<f64>().is_ok_and(f64::is_infinite) {
            self.not_finite(length);
        } else {
            if !token.is_empty() {
                self.numbers.keep(token);
            }
            self.at += length.max(1);
        }
    }

    /// Replaces `length` bytes by a number of the same width; what stood there is written again.
    fn not_finite(&mut self, length: usize) {
        self.numbers.keep(&self.text[self.at..self.at + length]);
        let zero = format!("0.{}", "0".repeat(length.saturating_sub("0.".len())));
        self.replace(length, &zero);
    }

    /// A string, in which only escapes of surrogates need a repair.
    fn string(&mut self) {
        let text = self.text;
        let bytes = text.as_bytes();
        self.at += 1;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            self.at += scan::length_before(rest, *b"\"\\");
            let Some(&byte) = bytes.get(self.at) else {
                return;
            };
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' if bytes.get(self.at + 1) == Some(&b'u') => self.unicode_escape(),
                // The byte after a backslash may begin a character of several bytes, none of
                // which looks like a quote or a backslash.
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn unicode_escape(&mut self) {
        match unit(self.text, self.at) {
            Some(0xD800..=0xDBFF) => {
                if matches!(unit(self.text, self.at + 6), Some(0xDC00..=0xDFFF)) {
                    self.at += 12;
                } else {
                    self.lone_surrogate();
                }
            }
            Some(0xDC00..=0xDFFF) => self.lone_surrogate(),
            _ => self.at += 2,
        }
    }

    fn lone_surrogate(&mut self) {
        self.replace(6, "\\uFFFD");
        self.warn("halves of surrogate pairs were replaced");
    }

    /// Leaves out the container that begins here.
    fn too_deep(&mut self) {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let length = self.at - start;
        self.at = start;
        // When the container never closes, serde_json reports the end of the text.
        let instead = if depth == 0 { "null" } else { "" };
        self.replace(length, instead);
        self.warn("what is nested deeper than 100 levels was left out");
    }

    fn skip_string(&mut self) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
        self.at = bytes.len();
    }

    fn replace(&mut self, length: usize, instead: &str) {
        if self.out.is_empty() {
            self.out.reserve(self.text.len());
        }
        self.out.push_str(&self.text[self.kept..self.at]);
        self.out.push_str(instead);
        self.at += length;
        self.kept = self.at;
    }

    fn warn(&mut self, warning: &str) {
        if !self.warnings.iter().any(|known| known == warning) {
            self.warnings.push(warning.to_owned());
        }
    }

    fn finish(mut self) -> RepairedJson<'a> {
        let text = if self.kept == 0 {
            Cow::Borrowed(self.text)
        } else {
            self.out.push_str(&self.text[self.kept..]);
            Cow::Owned(self.out)
        };
        RepairedJson {
            text,
            warnings: self.warnings,
        }
    }
}

impl RepairedJson<'_> {
    /// serde_json's error in this crate's words.
    fn explain(&self, error: &serde_json::Error) -> ParseError {
        let message = if self.text.trim().is_empty() {
            "the file is empty".to_owned()
        } else if error.classify() == Category::Eof {
            "the file ends in the middle".to_owned()
        } else {
            let full = error.to_string();
            let what = full.split(" at line ").next().unwrap_or(&full);
            format!("not JSON: {what}")
        };
        ParseError {
            message,
            line: error.line().max(1),
            column: error.column().max(1),
        }
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`, if there is one.
fn unit(text: &str, at: usize) -> Option<u16> {
    let escape = text.as_bytes().get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.starts_with('+') {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}
