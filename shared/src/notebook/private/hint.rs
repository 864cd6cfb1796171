//! What the tag of a private cell is, and whether a notebook may have one at all: cheap to
//! tell, and never `false` where there is one.

use super::word;

/// The tag. It is one in letters of either case, of any width, and however it is padded.
pub const PRIVATE_TAG: &str = "private";

/// Whether `text`, what stands between two quotes, is the tag.
pub(in crate::notebook) fn is_tag(text: &[u8]) -> bool {
    word::says(text, PRIVATE_TAG)
}

/// Whether `text`, what stands where tags do, is the tag or has it among others.
pub(in crate::notebook) fn has_tag(text: &[u8]) -> bool {
    is_tag(text) || word::parts(text).any(is_tag)
}

/// Whether what is under `key` may be tags.
pub(in crate::notebook) fn may_hold_tags(key: &[u8]) -> bool {
    ["metadata", "tags", "tag"]
        .iter()
        .any(|word| word::says(key, word))
}

/// Whether the tag stands between two quotes anywhere in `bytes`, which need not be JSON: a
/// quote may be the beginning or the end of a text, or stand in one, with a backslash or
/// without.
pub(super) fn may_be_tagged(bytes: &[u8]) -> bool {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    bytes.split(|byte| *byte == b'"').any(has_tag) || bytes.split(ends).any(has_tag)
}
