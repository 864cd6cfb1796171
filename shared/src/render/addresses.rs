//! Where addresses begin and end in a text, as on a forge.

use std::ops::Range;

use crate::scan;

/// The most bytes of an address.
const MAX_ADDRESS_BYTES: usize = 2000;

/// The next address with a scheme in `text`, from the byte `from` on.
pub(crate) fn next(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let colon = at + scan::length_before(&bytes[at..], *b":");
        if colon == text.len() {
            return None;
        }
        at = colon + 1;
        if !bytes[at..].starts_with(b"//") {
            continue;
        }
        at += 2;
        let Some(start) = start(text, from, colon) else {
            continue;
        };
        let end = start + length(&text[start..]);
        if end > at {
            return Some(start..end);
        }
    }
}

/// Where the address begins whose scheme ends at `colon`; `None` where it is none.
pub(crate) fn start(text: &str, from: usize, colon: usize) -> Option<usize> {
    let before = &text[from..colon];
    let ends_with = |scheme: &&str| {
        let end = before.len().checked_sub(scheme.len());
        end.and_then(|end| before.get(end..))
            .is_some_and(|end| end.eq_ignore_ascii_case(scheme))
    };
    let scheme = ["https", "http"].into_iter().find(ends_with)?;
    let start = colon - scheme.len();
    // In scripts without spaces an address follows a letter.
    let previous = text[..start].chars().next_back();
    let goes_on = previous.is_some_and(|c| c.is_ascii_alphanumeric());
    (!goes_on).then_some(start)
}

/// The length of the address that `text` begins with. Marks at its end belong to the sentence.
pub(crate) fn length(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '`' | '|' | '{' | '}')
            || ('\u{FDD0}'..='\u{FDEF}').contains(&c)
    };
    // What is longer is no address, and looking for its end takes long.
    let text = &text[..text.floor_char_boundary(MAX_ADDRESS_BYTES)];
    let address = &text[..text.find(ends).unwrap_or(text.len())];
    let count = |mark: char| address.matches(mark).count();
    // Brackets that close more than is open belong to the sentence.
    let mut round = count(')').saturating_sub(count('('));
    let mut square = count(']').saturating_sub(count('['));
    let kept = address.trim_end_matches(|mark| match mark {
        '?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'' => true,
        ')' if round > 0 => {
            round -= 1;
            true
        }
        ']' if square > 0 => {
            square -= 1;
            true
        }
        _ => false,
    });
    kept.len()
}
