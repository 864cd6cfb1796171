//! Character references, kept away from the parser.
//!
//! html5ever's time is quadratic in the number of ampersands in a text: a megabyte of them takes
//! it many seconds. It need not see them: a stand-in replaces each, and is turned back
//! afterwards. The checks of addresses and styles read no references, so they refuse an
//! attribute in which one would matter.

/// The code point that replaces an ampersand; it is no character, so no text needs it.
pub(super) const AMPERSAND_STAND_IN: char = '\u{FDD0}';

/// `html` with a stand-in for each ampersand.
pub(super) fn hide(html: &str) -> String {
    let stand_in = |char: char| match char {
        AMPERSAND_STAND_IN => '\u{FFFD}',
        '&' => AMPERSAND_STAND_IN,
        char => char,
    };
    html.chars().map(stand_in).collect()
}

/// `html` with the ampersands back: as they were where a reference is complete, escaped where it
/// is not. So `&copy=1` in an address does not become a copyright sign.
pub(super) fn restore(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut parts = html.split(AMPERSAND_STAND_IN);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(if is_complete(part) { "&" } else { "&amp;" });
        out.push_str(part);
    }
    out
}

/// Whether `rest`, the text after an ampersand, completes a reference.
pub(super) fn is_complete(rest: &str) -> bool {
    const MAX_REFERENCE_BYTES: usize = 32;
    let Some(end) = rest
        .bytes()
        .take(MAX_REFERENCE_BYTES)
        .position(|b| b == b';')
    else {
        return false;
    };
    let name = &rest.as_bytes()[..end];
    let all = |digits: &[u8], of: fn(&u8) -> bool| !digits.is_empty() && digits.iter().all(of);
    match name {
        [b'#', b'x' | b'X', digits @ ..] => all(digits, u8::is_ascii_hexdigit),
        [b'#', digits @ ..] => all(digits, u8::is_ascii_digit),
        name => all(name, u8::is_ascii_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use super::{hide, restore};

    #[test]
    fn complete_references_come_back_and_others_are_escaped() {
        for (html, expected) in [
            ("a &lt; b &#60; &#x3C; &amp;", "a &lt; b &#60; &#x3C; &amp;"),
            ("a & b &", "a &amp; b &amp;"),
            ("?a=1&copy=2&lt", "?a=1&amp;copy=2&amp;lt"),
            (
                "&; &#; &#x; &é; &\u{FDD0}",
                "&amp;; &amp;#; &amp;#x; &amp;é; &amp;\u{FFFD}",
            ),
        ] {
            assert_eq!(restore(&hide(html)), expected);
        }
    }
}
