//! Reads XML tag by tag.

use std::borrow::Cow;

/// A part of a document.
#[derive(Clone, Copy)]
pub(super) enum XmlPiece<'x> {
    /// A start tag: its name without a namespace prefix, and the text of its attributes.
    Start {
        name: &'x str,
        attributes: &'x str,
        /// Whether the tag is empty, and so also the end tag.
        alone: bool,
    },
    /// An end tag.
    End,
    /// The text between tags.
    Text(&'x str),
}

/// Gives the pieces of `xml` to `sink`, in order. An error, in words that follow a name, says what
/// in it cannot be followed.
pub(super) fn read<'x>(
    xml: &'x str,
    mut sink: impl FnMut(XmlPiece<'x>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            decoded(&rest[..at])?;
            sink(XmlPiece::Text(&rest[..at]))?;
        }
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = after(comment, "-->");
        } else if let Some(text) = rest.strip_prefix("<![CDATA[") {
            let end = text.find("]]>").unwrap_or(text.len());
            sink(XmlPiece::Text(&text[..end]))?;
            rest = after(&text[end..], "]]>");
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            let end = instruction.find("?>").unwrap_or(instruction.len());
            check_instruction(&instruction[..end])?;
            rest = after(&instruction[end..], "?>");
        } else if let Some(declaration) = rest.strip_prefix("<!") {
            rest = after_doctype(declaration)?;
        } else if rest.starts_with("</") {
            sink(XmlPiece::End)?;
            rest = after(rest, ">");
        } else {
            rest = read_start(&rest[1..], &mut sink)?;
        }
    }
    Ok(())
}

/// Refuses a processing instruction that changes how the rest is read.
fn check_instruction(instruction: &str) -> Result<(), &'static str> {
    let lower = instruction.to_ascii_lowercase();
    if lower.starts_with("xml-stylesheet") {
        return Err("refers to a style sheet elsewhere");
    }
    let Some((_, encoding)) = lower.split_once("encoding") else {
        return Ok(());
    };
    let named = |name: &str| {
        let value = encoding.trim_start().trim_start_matches('=').trim_start();
        value.trim_start_matches(['"', '\'']).starts_with(name)
    };
    if ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1"]
        .into_iter()
        .any(named)
    {
        Ok(())
    } else {
        Err("is not written in UTF-8")
    }
}

/// The rest after a document type declaration, which may not declare anything else.
fn after_doctype(declaration: &str) -> Result<&str, &'static str> {
    const DECLARES_ENTITIES: &str = "declares entities";
    if !declaration.starts_with("DOCTYPE") {
        return Err(DECLARES_ENTITIES);
    }
    let mut quote = None;
    for (at, c) in declaration.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '<') => return Err(DECLARES_ENTITIES),
            (None, '>') => return Ok(&declaration[at + 1..]),
            (None, _) => {}
        }
    }
    Err(DECLARES_ENTITIES)
}

/// The rest of `text` after the next `end`.
fn after<'x>(text: &'x str, end: &str) -> &'x str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// Reads a start tag, with whose name `rest` begins; returns the rest after it.
fn read_start<'x>(
    rest: &'x str,
    sink: &mut impl FnMut(XmlPiece<'x>) -> Result<(), &'static str>,
) -> Result<&'x str, &'static str> {
    let mut quote = None;
    let end = rest.bytes().position(|byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(byte, b'"' | b'\'') {
                quote = Some(byte);
            }
            byte == b'>'
        }
    });
    let (tag, after) = match end {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, ""),
    };
    let alone = tag.ends_with('/');
    let tag = tag.trim_end_matches('/');
    let (name, attributes) = match tag.find(|c: char| c.is_ascii_whitespace()) {
        Some(at) => tag.split_at(at),
        None => (tag, ""),
    };
    sink(XmlPiece::Start {
        name: local(name),
        attributes,
        alone,
    })?;
    Ok(after)
}

/// The name of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttributeName<'x> {
    /// The part before the last colon, or nothing.
    pub(super) prefix: &'x str,
    pub(super) local: &'x str,
}

/// Gives the names and values of `attributes` to `sink`, with the references in values decoded.
pub(super) fn attributes<'x>(
    attributes: &'x str,
    mut sink: impl FnMut(AttributeName<'x>, Cow<'x, str>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut rest = attributes;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_ascii_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            rest = after;
            continue;
        };
        let (value, after) = after[1..].split_once(quote).unwrap_or((&after[1..], ""));
        let (prefix, local) = name
            .trim_ascii()
            .rsplit_once(':')
            .unwrap_or(("", name.trim_ascii()));
        let value = decoded(value)?;
        rest = after;
        // A namespace declaration draws nothing, and is no attribute of the name it declares.
        if prefix == "xmlns" || (prefix.is_empty() && local == "xmlns") {
            if FOREIGN_NAMESPACES.contains(&value.trim()) {
                return Err("has something in it that is no drawing");
            }
            continue;
        }
        sink(AttributeName { prefix, local }, value)?;
    }
    Ok(())
}

/// The namespaces of other elements that browsers draw, which are not followed here.
const FOREIGN_NAMESPACES: [&str; 2] = [
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/1998/Math/MathML",
];

/// A name without its namespace prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// `value` with its references decoded. XML itself defines five names; others are refused,
/// because they could stand for anything.
fn decoded(value: &str) -> Result<Cow<'_, str>, &'static str> {
    if !value.contains('&') {
        return Ok(value.into());
    }
    let mut parts = value.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or(REFERS_TO_ENTITIES)?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "amp" => '&',
            _ => numbered(name).ok_or(REFERS_TO_ENTITIES)?,
        });
        out.push_str(rest);
    }
    Ok(out.into())
}

/// The error of a reference that XML does not define.
const REFERS_TO_ENTITIES: &str = "refers to entities";

/// The character of a numeric reference such as `#65` or `#x41`.
fn numbered(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let number = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(number)
}
