//! Looking for a byte among many that do not matter.

/// Bytes looked at in one go where there are vectors.
#[cfg(not(target_arch = "wasm32"))]
const STEP: usize = 32;

/// A one in each byte of a word.
const ONES: u64 = u64::MAX / 255;

/// How many bytes come before the first of `stops`.
///
/// Most text is plain, so it is told in steps whether there is anything at all.
pub(crate) fn length_before<const N: usize>(bytes: &[u8], stops: [u8; N]) -> usize {
    let at = plain_steps(bytes, |byte| {
        stops
            .iter()
            .fold(0, |found, stop| found | u8::from(byte == *stop))
    });
    let words = |word| {
        stops.iter().fold(0, |found, stop| {
            found | zeros(word ^ (ONES * u64::from(*stop)))
        })
    };
    at + length_by_words(&bytes[at..], words, |byte| stops.contains(&byte))
}

/// How many bytes come before the first that JSON does not have in a string as it is: a
/// quote, a backslash, a control character.
pub(crate) fn length_of_json_text(bytes: &[u8]) -> usize {
    let ends = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let at = plain_steps(bytes, |byte| {
        u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    let words = |word: u64| {
        let controls = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        controls | quotes | zeros(word ^ (ONES * u64::from(b'\\')))
    };
    at + length_by_words(&bytes[at..], words, ends)
}

/// The length of the steps at the front in which nothing is found. Within a step there is no
/// early end, which makes a few vector instructions of it.
#[cfg(not(target_arch = "wasm32"))]
fn plain_steps(bytes: &[u8], found: impl Fn(u8) -> u8) -> usize {
    let is_plain = |step: &&[u8; STEP]| step.map(&found) == [0; STEP];
    let (steps, _) = bytes.as_chunks();
    steps.iter().take_while(is_plain).count() * STEP
}

/// In the browser there are no vectors.
#[cfg(target_arch = "wasm32")]
fn plain_steps(_: &[u8], _: impl Fn(u8) -> u8) -> usize {
    0
}

/// Eight bytes in one number: `find` sets the top bit of a byte that is looked for. It may
/// set it in bytes behind that one too, so only the first counts.
fn length_by_words(bytes: &[u8], find: impl Fn(u64) -> u64, ends: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let found = find(u64::from_le_bytes(*word)) & (ONES << 7);
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|byte| !ends(**byte)).count()
}

/// The top bit of each byte of `word` that is zero: it lends from its neighbour.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[cfg(test)]
mod tests {
    use super::{length_before, length_of_json_text};

    #[test]
    fn finds_the_first_wherever_it_is() {
        let stops = *b"<&";
        for before in 0..100 {
            for after in 0..40 {
                let text = format!("{}<{}&", "a".repeat(before), "b".repeat(after));
                assert_eq!(length_before(text.as_bytes(), stops), before);
                assert_eq!(length_before(&text.as_bytes()[before + 1..], stops), after);
                assert_eq!(length_before(&text.as_bytes()[..before], stops), before);
            }
        }
    }

    #[test]
    fn every_byte_is_told_from_every_other() {
        for byte in 0..=u8::MAX {
            let ends = byte < b' ' || byte == b'"' || byte == b'\\';
            for before in [0, 5, 8, 31, 32, 45] {
                // What is next to a byte must not change what it is taken for.
                for neighbour in [b' ', b'!', b'~', 0x7f, 0x80, 0xff] {
                    let mut text = vec![neighbour; before];
                    text.push(byte);
                    text.extend([neighbour; 40]);
                    let found = length_of_json_text(&text);
                    assert_eq!(found, if ends { before } else { text.len() }, "{byte}");
                    let found = length_before(&text, [byte]);
                    let first = if byte == neighbour { 0 } else { before };
                    assert_eq!(found, first, "{byte} among {neighbour}");
                }
            }
        }
    }
}
