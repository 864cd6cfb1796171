//! The tag of private cells, and a cheap test for whether a notebook may have it, which is never
//! `false` for a notebook that has it.

use super::word;

/// The tag of a private cell. Case, width of the letters and padding do not matter.
pub const PRIVATE_TAG: &str = "private";

/// Whether `text`, which stands between two quotes of the JSON, is the tag.
pub(in crate::notebook) fn is_tag(text: &[u8]) -> bool {
    word::says(text, PRIVATE_TAG)
}

/// Whether `text`, which stands in the place of tags, is the tag or lists it among others.
pub(in crate::notebook) fn has_tag(text: &[u8]) -> bool {
    is_tag(text) || word::parts(text).any(is_tag)
}

/// Whether the value of `key` may hold tags.
pub(in crate::notebook) fn may_hold_tags(key: &[u8]) -> bool {
    ["metadata", "tags", "tag"]
        .iter()
        .any(|word| word::says(key, word))
}

/// Whether the tag stands between two quotes anywhere in `bytes`, which need not be JSON. Quotes
/// are tried with and without those after a backslash.
pub(super) fn may_be_tagged(bytes: &[u8]) -> bool {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    bytes.split(|byte| *byte == b'"').any(has_tag) || bytes.split(ends).any(has_tag)
}
