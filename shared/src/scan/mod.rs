//! Fast search for the first of some bytes in a text.

mod vector;

use vector::{ByteMatches, ByteVector};

/// The number of bytes before the first of `stops`.
pub(crate) fn length_before<const N: usize>(bytes: &[u8], stops: [u8; N]) -> usize {
    let (first, others) = stops.split_first().expect("something is looked for");
    length(
        bytes,
        |vector| {
            others.iter().fold(vector.equal(*first), |found, stop| {
                found.or(vector.equal(*stop))
            })
        },
        |byte| stops.contains(&byte),
    )
}

/// The number of bytes before the first that a JSON string cannot hold unescaped: a quote, a
/// backslash, a control character.
pub(crate) fn length_of_json_text(bytes: &[u8]) -> usize {
    length(
        bytes,
        |vector| {
            let marks = vector.equal(b'"').or(vector.equal(b'\\'));
            marks.or(vector.at_most(b' ' - 1))
        },
        |byte| byte < b' ' || byte == b'"' || byte == b'\\',
    )
}

/// The number of spaces at the front of eight bytes.
pub(crate) fn spaces(bytes: &[u8; 8]) -> usize {
    let others = u64::from_le_bytes(*bytes) ^ u64::from_le_bytes([b' '; 8]);
    others.trailing_zeros() as usize / 8
}

/// The number of bytes before the first match; `is_found` tells of one byte what `find` tells of
/// several.
#[inline]
fn length(
    bytes: &[u8],
    find: impl Fn(ByteVector) -> ByteMatches,
    is_found: impl Fn(u8) -> bool,
) -> usize {
    let (chunks, rest) = bytes.as_chunks();
    for (at, bytes) in chunks.iter().enumerate() {
        if let Some(first) = find(ByteVector::of(*bytes)).first() {
            return at * ByteVector::COUNT + first;
        }
    }
    let plain = rest.iter().take_while(|byte| !is_found(**byte));
    chunks.len() * ByteVector::COUNT + plain.count()
}

#[cfg(test)]
mod tests {
    use super::{length_before, length_of_json_text, spaces};

    #[test]
    fn the_first_match_is_found_at_every_offset() {
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
    fn every_byte_is_distinguished_from_every_other() {
        for byte in 0..=u8::MAX {
            let ends = byte < b' ' || byte == b'"' || byte == b'\\';
            for before in [0, 5, 8, 31, 32, 45] {
                // The neighbours of a byte must not change whether it matches.
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
    #[test]
    fn spaces_are_counted_up_to_another_byte() {
        for count in 0..=8 {
            let mut bytes = [b' '; 8];
            for (at, byte) in bytes.iter_mut().enumerate().skip(count) {
                *byte = if at == count { b'"' } else { b' ' };
            }
            assert_eq!(spaces(&bytes), count);
        }
    }
}
