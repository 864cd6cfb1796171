//! Whether a browser would read a drawing as XML without an error.
//!
//! Stricter than XML in what drawings of libraries do not need: only plain names, a document type
//! without declarations of its own, UTF-8. Most drawings are read by this and nothing else of this
//! module, so it goes over each byte once.

use super::{
    NAMESPACE,
    characters::is_in_xml,
    names::{is_name, split},
};
use crate::scan;

/// The most attributes of an element, which are compared with each other.
const MAX_ATTRIBUTES: usize = 64;

/// The most prefixes that are declared at a time, among which each is looked for.
const MAX_PREFIXES: usize = 64;

/// Whether `xml` is well-formed, with an `svg` as its root.
pub(super) fn is_drawing(xml: &str) -> bool {
    let mut document = OpenDocument::default();
    has_characters_of_xml(xml) && document.read(xml).is_some() && document.is_closed()
}

/// Whether no character is one that XML cannot have.
fn has_characters_of_xml(xml: &str) -> bool {
    // Without an early end, which the compiler turns into vector instructions.
    let odd = |byte: u8| (byte < b' ') & (byte != b'\n') & (byte != b'\t') & (byte != b'\r');
    let of_three = |byte: u8| byte == 0xEF;
    let (has_odd, has_three) = xml.bytes().fold((false, false), |(a, b), byte| {
        (a | odd(byte), b | of_three(byte))
    });
    !has_odd && (!has_three || xml.chars().all(is_in_xml))
}

/// What has been read of a document.
#[derive(Default)]
struct OpenDocument<'x> {
    open: Vec<&'x str>,
    /// The declared prefixes, each with the number of open elements around its own.
    prefixes: Vec<(&'x str, usize)>,
    /// The names of the attributes of one tag.
    attributes: Vec<&'x str>,
    has_root: bool,
    has_doctype: bool,
}

impl<'x> OpenDocument<'x> {
    fn is_closed(&self) -> bool {
        self.has_root && self.open.is_empty()
    }

    /// Reads the whole document; `None` where it is not well-formed.
    fn read(&mut self, xml: &'x str) -> Option<()> {
        let mut rest = match xml.strip_prefix("<?xml") {
            Some(declaration) => {
                let (declaration, after) = declaration.split_once("?>")?;
                is_declaration(declaration).then_some(after)?
            }
            None => xml,
        };
        while let Some(at) = rest.find('<') {
            self.text(&rest[..at])?;
            rest = &rest[at + 1..];
            rest = match rest.as_bytes().first()? {
                b'/' => self.end(&rest[1..])?,
                b'!' => self.declaration(&rest[1..])?,
                b'?' => {
                    let (instruction, after) = rest[1..].split_once("?>")?;
                    let name = instruction.get(..3).unwrap_or_default();
                    let is_late =
                        name.eq_ignore_ascii_case("xml") && !instruction[3..].starts_with('-');
                    (!is_late && instruction.starts_with(|c: char| c.is_ascii_alphabetic()))
                        .then_some(after)?
                }
                _ => self.start(rest)?,
            };
        }
        self.text(rest)
    }

    fn text(&self, text: &str) -> Option<()> {
        if self.open.is_empty() {
            return text.trim_ascii().is_empty().then_some(());
        }
        let mut rest = text.as_bytes();
        loop {
            let stop = scan::length_before(rest, *b"&]");
            rest = &rest[stop..];
            match rest {
                [] => return Some(()),
                [b'&', after @ ..] => rest = after_reference(after)?,
                _ if rest.starts_with(b"]]>") => return None,
                _ => rest = &rest[1..],
            }
        }
    }

    /// Reads a comment, a `CDATA` section or a document type from behind its `<!`.
    fn declaration(&mut self, rest: &'x str) -> Option<&'x str> {
        if let Some(comment) = rest.strip_prefix("--") {
            let (_, after) = comment.split_once("--")?;
            return after.strip_prefix('>');
        }
        if let Some(text) = rest.strip_prefix("[CDATA[") {
            let (_, after) = text.split_once("]]>")?;
            return (!self.open.is_empty()).then_some(after);
        }
        let may_stand = !self.has_root && !std::mem::replace(&mut self.has_doctype, true);
        let doctype = rest.strip_prefix("DOCTYPE svg").filter(|_| may_stand)?;
        let end = doctype.find(['>', '[', '<'])?;
        let parts = doctype[..end].matches(['"', '\'']).count();
        let (_, after) = doctype[end..].split_at_checked(1)?;
        (doctype[end..].starts_with('>') && matches!(parts, 0 | 2 | 4)).then_some(after)
    }

    fn end(&mut self, rest: &'x str) -> Option<&'x str> {
        let (name, after) = rest.split_once('>')?;
        (self.open.pop()? == name.trim_ascii_end()).then_some(())?;
        let depth = self.open.len();
        while self
            .prefixes
            .pop_if(|(_, around)| *around >= depth)
            .is_some()
        {}
        Some(after)
    }

    fn start(&mut self, rest: &'x str) -> Option<&'x str> {
        let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'/');
        let (name, rest) = rest.split_at(rest.bytes().position(ends)?);
        let is_root = self.open.is_empty();
        if is_root && (self.has_root || name != "svg") {
            return None;
        }
        self.has_root = true;
        let (after, alone) = self.attributes(rest, is_root)?;
        self.is_declared(name)?;
        if is_root && !self.attributes.contains(&"xmlns") {
            return None;
        }
        if alone {
            let depth = self.open.len();
            while self
                .prefixes
                .pop_if(|(_, around)| *around >= depth)
                .is_some()
            {}
        } else {
            self.open.push(name);
        }
        Some(after)
    }

    /// Reads the attributes of a tag and its end; returns the rest, and whether the tag ends its
    /// own element.
    fn attributes(&mut self, mut rest: &'x str, is_root: bool) -> Option<(&'x str, bool)> {
        self.attributes.clear();
        loop {
            let trimmed = rest.trim_ascii_start();
            let end = match trimmed.as_bytes() {
                [b'>', ..] => Some((&trimmed[1..], false)),
                [b'/', b'>', ..] => Some((&trimmed[2..], true)),
                _ => None,
            };
            if end.is_some() {
                for name in &self.attributes {
                    self.is_declared(name)?;
                }
                return end;
            }
            let (name, after) = trimmed.split_once('=')?;
            let name = name.trim_ascii_end();
            let (value, after) = value(after.trim_ascii_start())?;
            let is_new = trimmed.len() < rest.len() && !self.attributes.contains(&name);
            if !is_new || self.attributes.len() == MAX_ATTRIBUTES {
                return None;
            }
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                (self.prefixes.len() < MAX_PREFIXES).then_some(())?;
                self.prefixes.push((prefix, self.open.len()));
            }
            if is_root && name == "xmlns" && value != NAMESPACE {
                return None;
            }
            self.attributes.push(name);
            rest = after;
        }
    }

    /// Whether `name` is a name whose prefix stands for something.
    fn is_declared(&self, name: &str) -> Option<()> {
        let (prefix, _) = split(name).filter(|_| is_name(name))?;
        let known = matches!(prefix, "" | "xml" | "xmlns")
            || self.prefixes.iter().any(|(known, _)| *known == prefix);
        known.then_some(())
    }
}

/// Whether the XML declaration is one of UTF-8.
fn is_declaration(declaration: &str) -> bool {
    let lower = declaration.to_ascii_lowercase().replace('\'', "\"");
    let has_version = declaration.trim_ascii_start().starts_with("version=");
    has_version && (!lower.contains("encoding") || lower.contains("encoding=\"utf-8\""))
}

/// The value in quotes that `rest` begins with, and the rest behind it.
fn value(rest: &str) -> Option<(&str, &str)> {
    let quote = *rest.as_bytes().first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let mut left = &rest.as_bytes()[1..];
    loop {
        let stop = scan::length_before(left, [quote, b'<', b'&']);
        match left.get(stop)? {
            b'<' => return None,
            b'&' => left = after_reference(&left[stop + 1..])?,
            _ => {
                let end = rest.len() - left.len() + stop;
                return Some((&rest[1..end], &rest[end + 1..]));
            }
        }
    }
}

/// What follows a reference of XML's own, from behind its `&`.
fn after_reference(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().take(10).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let is_known = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number).is_some_and(is_in_xml)
        }
        None => ["amp", "lt", "gt", "quot", "apos"].contains(&name),
    };
    is_known.then(|| &rest[end + 1..])
}
