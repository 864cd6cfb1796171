//! Text to HTML, in the two places where text may stand.

use std::borrow::Cow;

use crate::scan;

/// `text` as the content of an element.
///
/// ```
/// assert_eq!(shared::render::escape::text("a < b"), "a &lt; b");
/// ```
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, *b"&<>\"")
}

/// `text` as the value of an attribute in double quotes, and valid between tags as well. Line
/// ends are written as references, because a parser would change them.
///
/// ```
/// assert_eq!(shared::render::escape::attribute("it's\n"), "it&#39;s&#10;");
/// ```
pub fn attribute(text: &str) -> Cow<'_, str> {
    escaped(text, *b"&<>\"'\n\r")
}

/// Appends `text` as the content of an element to `out`. A NUL, which no HTML can hold, becomes
/// U+FFFD, as a parser would replace it.
pub(crate) fn push(out: &mut String, text: &str) {
    push_escaped(out, text, *b"&<>\0");
}

fn escaped<const N: usize>(text: &str, stops: [u8; N]) -> Cow<'_, str> {
    if scan::length_before(text.as_bytes(), stops) == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push_escaped(&mut out, text, stops);
    Cow::Owned(out)
}

fn push_escaped<const N: usize>(out: &mut String, text: &str, stops: [u8; N]) {
    let mut rest = text;
    loop {
        let plain = scan::length_before(rest.as_bytes(), stops);
        out.push_str(&rest[..plain]);
        let Some(byte) = rest.as_bytes().get(plain) else {
            return;
        };
        out.push_str(reference(*byte));
        rest = &rest[plain + 1..];
    }
}

/// The character reference of a byte that has to be escaped.
fn reference(byte: u8) -> &'static str {
    match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        b'\n' => "&#10;",
        b'\r' => "&#13;",
        // Only NUL is left.
        _ => "\u{FFFD}",
    }
}
