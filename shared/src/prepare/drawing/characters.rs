//! Characters in a drawing: HTML's references, and XML's escapes.

use std::borrow::Cow;

use markup5ever::data::NAMED_ENTITIES;

/// `text` with HTML's references as characters. What is no reference stays as it is.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let end = end.filter(|end| part[*end..].starts_with(';'));
        let found = end.and_then(|end| Some((characters(&part[..=end])?, &part[end + 1..])));
        match found {
            Some((characters, after)) => {
                out.extend(characters.into_iter().flatten());
                out.push_str(after);
            }
            None => out.extend(["&", part]),
        }
    }
    Cow::Owned(out)
}

/// The one or two characters of the reference `name;`.
fn characters(name: &str) -> Option<[Option<char>; 2]> {
    let Some(number) = name.strip_prefix('#') else {
        let (first, second) = NAMED_ENTITIES.get(name)?;
        // The table also has the beginnings of names, as the character 0.
        let known = |number: u32| char::from_u32(number).filter(|c| *c != '\0');
        return Some([Some(known(*first)?), known(*second)]);
    };
    let number = number.trim_end_matches(';');
    let number = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    Some([Some(char::from_u32(number.ok()?)?), None])
}

/// Writes `text` between tags.
pub(super) fn push_text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    for char in text.chars().filter(|c| is_in_xml(*c)) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // A style sheet needs the others as they are.
            '>' if out.ends_with("]]") => out.push_str("&gt;"),
            char => out.push(char),
        }
    }
}

/// Writes `value` as the value of an attribute, in quotes.
pub(super) fn push_value(out: &mut String, value: &str) {
    if is_plain(value) {
        out.extend(["\"", value, "\""]);
        return;
    }
    let quote = if value.contains('"') && !value.contains('\'') {
        '\''
    } else {
        '"'
    };
    out.push(quote);
    for char in value.chars().filter(|c| is_in_xml(*c)) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' if quote == '"' => out.push_str("&quot;"),
            char => out.push(char),
        }
    }
    out.push(quote);
}

/// Whether `text` has nothing to escape and nothing to leave out, which is told fast.
fn is_plain(text: &str) -> bool {
    let is_odd = |byte: u8| {
        let controls = (byte < b' ') & (byte != b'\n') & (byte != b'\t');
        // The first byte of the two characters beyond ASCII that XML does not have.
        controls | matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xEF)
    };
    !text.bytes().any(is_odd)
}

/// Whether a document may have `char` at all.
pub(super) fn is_in_xml(char: char) -> bool {
    match char {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        char => char >= ' ',
    }
}
