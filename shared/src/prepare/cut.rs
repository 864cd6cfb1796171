//! Cuts texts that are too large for a page, with a note of how much is missing.

use super::budget::text::weight;

/// The most bytes of one text that are shown.
const MAX_TEXT_BYTES: usize = 512 * 1024;
/// The most weight of one text, in letters, because some letters take a browser as long as
/// hundreds of others.
const MAX_TEXT_WEIGHT: u64 = 700_000;
/// The most bytes of one name.
const MAX_NAME_BYTES: usize = 200;
/// The most bytes of HTML, or of an image in base64, that are prepared.
pub(super) const MAX_DATA_BYTES: usize = 8 * 1024 * 1024;
/// The most bytes of terminal text that are folded; a longer text is cut before.
const MAX_FOLDED_BYTES: usize = 4 * MAX_TEXT_BYTES;

/// `text`, or its beginning and its end when it is too long or too heavy.
pub(super) fn text(text: String) -> String {
    let mut shown = to_bytes(text, MAX_TEXT_BYTES);
    while weight(&shown) > MAX_TEXT_WEIGHT {
        let half = shown.len() / 2;
        shown = to_bytes(shown, half);
    }
    shown
}

/// A name, such as a mime type, or its beginning when it is too long.
pub(super) fn name(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    format!("{}…", &name[..name.floor_char_boundary(MAX_NAME_BYTES)])
}

/// Cuts terminal text before it is folded, which may make it much shorter by itself.
pub(super) fn before_folding(text: String) -> String {
    to_bytes(text, MAX_FOLDED_BYTES)
}

/// `text`, or `most` bytes of its beginning and its end when it is longer.
pub(super) fn to_bytes(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let head = text.floor_char_boundary(most / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - most / 4);
    let missing = tail - head;
    format!(
        "{}\n[… {missing} bytes are not shown here …]\n{}",
        &text[..head],
        &text[tail..]
    )
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT_BYTES, MAX_TEXT_WEIGHT, text, weight};

    #[test]
    fn a_huge_line_keeps_both_ends() {
        assert_eq!(text("é".repeat(10)), "é".repeat(10));
        let whole = format!("start{}end", "é".repeat(MAX_TEXT_BYTES));
        let shown = text(whole.clone());
        assert!(shown.starts_with("start") && shown.ends_with("end"));
        assert!(shown.len() < MAX_TEXT_BYTES + 100);
        let (before, after) = shown.split_once("\n[… ").expect("a note");
        let (missing, after) = after
            .split_once(" bytes are not shown here …]\n")
            .expect("a note");
        let missing: usize = missing.parse().expect("a number");
        assert_eq!(before.len() + missing + after.len(), whole.len());
    }

    #[test]
    fn text_that_is_slow_to_lay_out_is_cut_shorter() {
        for text in [
            "aא".repeat(100_000),
            "a".to_owned() + &"\u{301}".repeat(200_000),
        ] {
            let shown = super::text(text.clone());
            assert!(weight(&shown) <= MAX_TEXT_WEIGHT);
            assert!(shown.contains(" bytes are not shown here …]"));
        }
    }
}
