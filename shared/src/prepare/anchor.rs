//! The names of anchors within a notebook.
//!
//! The text of a heading, an `id` and a link's `#…` are brought to one form, so that links
//! written for Jupyter, for a forge or by hand find their anchor. The page puts a prefix before
//! the name (`render::anchor`).

use std::borrow::Cow;

/// The longest name of an anchor, in characters.
const MAX_ANCHOR_CHARS: usize = 80;

/// The name of the anchor that a notebook calls `text`: letters and digits in lower case, and a
/// dash between words. The name of a name is the name itself.
pub(crate) fn name(text: &str) -> String {
    let mut name = String::new();
    let mut length = 0;
    for char in text.chars().flat_map(char::to_lowercase) {
        let separates = !char.is_alphanumeric();
        if length == MAX_ANCHOR_CHARS {
            break;
        }
        if separates && (name.is_empty() || name.ends_with('-')) {
            continue;
        }
        name.push(if separates { '-' } else { char });
        length += 1;
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

/// The name of the anchor that `url` leads to; `None` when it leads to no anchor here.
pub(crate) fn name_in(url: &str) -> Option<String> {
    let name = name(&percent_decoded(url.strip_prefix('#')?));
    (!name.is_empty()).then_some(name)
}

/// `text` with `%20` and the like decoded.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(decoded) if byte == b'%' => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::{name, name_in};

    #[test]
    fn names_are_found_however_they_are_written() {
        for text in ["My  Heading!", "My-Heading", "my-heading", " my_heading "] {
            assert_eq!(name(text), "my-heading");
        }
        assert_eq!(name_in("#My%20Heading").as_deref(), Some("my-heading"));
        assert_eq!(name_in("#%C3%9Cbung 1").as_deref(), Some("übung-1"));
        for nowhere in ["#", "#--", "x#y", ""] {
            assert_eq!(name_in(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_name_is_its_own_name() {
        for text in [
            "İx y",
            &"ab ".repeat(100),
            &"İ".repeat(100),
            "x\u{FDD0}y",
            "ẞ",
        ] {
            let once = name(text);
            assert_eq!(name(&once), once);
            assert!(once.chars().count() <= 80);
        }
    }
}
