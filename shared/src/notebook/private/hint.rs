//! A quick look at whether there can be a private cell at all: nearly every notebook has
//! none, and each is looked at before anything else.

use super::TAG;
use crate::scan;

/// Whether the tag is somewhere in `bytes`, as a word or perhaps spelled in escapes. Most
/// notebooks have neither.
pub(super) fn may_be_tagged(bytes: &[u8]) -> bool {
    has_hint(bytes) && has_word(bytes)
}

/// Bytes looked at in one go, without an early end, which makes vector instructions of it.
const STEP: usize = 32;

/// How far beyond its first byte a hint reaches.
const REACH: usize = TAG.len() - 1;

/// Whether anything in `bytes` looks like the tag, or like an escape that could spell it, at
/// three times the speed of looking at it closely.
fn has_hint(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(step) = rest.first_chunk() {
        if is_hinted(step) {
            return true;
        }
        rest = &rest[STEP..];
    }
    let mut padded = [0; 2 * STEP + REACH];
    padded[..rest.len()].copy_from_slice(rest);
    let steps = [&padded[..], &padded[STEP..]];
    let mut steps = steps.iter().filter_map(|step| step.first_chunk());
    steps.any(is_hinted)
}

/// Whether a hint begins in the first `STEP` bytes.
fn is_hinted(step: &[u8; STEP + REACH]) -> bool {
    const CASE: u8 = b' ';
    let mut found = [0; STEP];
    for (at, found) in found.iter_mut().enumerate() {
        // Not fewer letters: base64 has any few somewhere.
        let letter = |n: usize| u8::from(step[at + n] | CASE == TAG.as_bytes()[n]);
        let is_word = (1..TAG.len()).fold(letter(0), |so_far, n| so_far & letter(n));
        // Of a letter, and not of a terminal's colours.
        let is_high = u8::from(step[at + 4].wrapping_sub(b'4') < 4);
        let is_escape = u8::from(step[at] == b'\\') & u8::from(step[at + 1] == b'u') & is_high;
        *found = is_word | is_escape;
    }
    found != [0; STEP]
}

fn has_word(bytes: &[u8]) -> bool {
    /// The letter that is looked for, which is a rare one.
    const V: usize = 3;
    let mut at = 0;
    loop {
        at += scan::length_before(&bytes[at..], *b"vV\\");
        match bytes.get(at..) {
            // Letters are the numbers from 41 to 7a.
            Some([b'\\', b'u', b'0', b'0', b'4'..=b'7', ..]) => return true,
            // The next byte belongs to this one.
            Some([b'\\', _, ..]) => at += 2,
            Some([_, ..]) => {
                let word = at
                    .checked_sub(V)
                    .and_then(|at| bytes.get(at..at + TAG.len()));
                if word.is_some_and(|word| word.eq_ignore_ascii_case(TAG.as_bytes())) {
                    return true;
                }
                at += 1;
            }
            _ => return false,
        }
    }
}
