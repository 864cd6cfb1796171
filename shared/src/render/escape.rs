//! Text to HTML, in the two places where text may stand.

use std::borrow::Cow;

/// `text` as the content of an element.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        _ => None,
    })
}

/// `text` as the value of an attribute in double quotes. Line ends are written as
/// references, because a parser would change them.
pub(crate) fn attribute(text: &str) -> Cow<'_, str> {
    escaped(text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// `text` as the content of an element, onto the end of `out`. A NUL, which no HTML
/// can hold, becomes what a parser would make of it.
pub(crate) fn push(out: &mut String, text: &str) {
    out.push_str(&escaped(text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        0 => Some("\u{FFFD}"),
        _ => None,
    }));
}

fn escaped(text: &str, entity: impl Fn(u8) -> Option<&'static str>) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(entity) = entity(byte) {
            out.push_str(&text[kept..at]);
            out.push_str(entity);
            kept = at + 1;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}
