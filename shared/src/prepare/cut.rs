//! What is too large for a page, made smaller, with a note of how much is missing.

/// Bytes of one text that are shown.
const MAX_TEXT: usize = 512 * 1024;
/// Bytes of one name.
const MAX_NAME: usize = 200;
/// Bytes of HTML or of an image in base64 that are looked at.
pub(super) const MAX_DATA: usize = 8 * 1024 * 1024;
/// Bytes of terminal text that are folded; more is cut before.
const MAX_FOLDED: usize = 4 * MAX_TEXT;

/// `text` as it is, or its beginning and its end.
pub(super) fn text(text: String) -> String {
    to(text, MAX_TEXT)
}

/// The same for a name, such as a mime type, of which a line is enough.
pub(super) fn name(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    format!("{}…", &name[..name.floor_char_boundary(MAX_NAME)])
}

/// The same for what is folded next, where most of a text may vanish by itself.
pub(super) fn before_folding(text: String) -> String {
    to(text, MAX_FOLDED)
}

fn to(text: String, most: usize) -> String {
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
    use super::{MAX_TEXT, text};

    #[test]
    fn a_huge_line_keeps_both_ends() {
        assert_eq!(text("é".repeat(10)), "é".repeat(10));
        let whole = format!("start{}end", "é".repeat(MAX_TEXT));
        let shown = text(whole.clone());
        assert!(shown.starts_with("start") && shown.ends_with("end"));
        assert!(shown.len() < MAX_TEXT + 100);
        let (before, after) = shown.split_once("\n[… ").expect("a note");
        let (missing, after) = after
            .split_once(" bytes are not shown here …]\n")
            .expect("a note");
        let missing: usize = missing.parse().expect("a number");
        assert_eq!(before.len() + missing + after.len(), whole.len());
    }
}
