//! Reads single bytes of a picture in base64, without decoding it all.

/// The bytes of base64 without white space. Invalid base64 has no bytes; a browser, too, shows
/// nothing of it.
#[derive(Clone, Copy)]
pub(super) struct Base64Bytes<'a> {
    digits: &'a [u8],
}

impl<'a> Base64Bytes<'a> {
    pub(super) fn new(base64: &'a str) -> Self {
        Self {
            digits: base64.trim_end_matches('=').as_bytes(),
        }
    }

    /// The number of bytes.
    pub(super) fn len(self) -> usize {
        self.digits.len() / 4 * 3 + (self.digits.len() % 4).saturating_sub(1)
    }

    /// The byte at `at`; `None` after the end.
    pub(super) fn at(self, at: usize) -> Option<u8> {
        let first = at / 3 * 4 + at % 3;
        let (high, low) = (self.digit(first)?, self.digit(first + 1)?);
        let shift = 2 * (at % 3);
        let both = high << 6 | low;
        Some((both >> (4 - shift) & 0xFF) as u8)
    }

    fn digit(self, at: usize) -> Option<u16> {
        let digit = *self.digits.get(at)?;
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        Some(u16::from(value))
    }

    /// Whether these bytes stand at `at`.
    pub(super) fn is_at(self, at: usize, expected: &[u8]) -> bool {
        let mut expected = expected.iter().enumerate();
        expected.all(|(n, byte)| self.at(at + n) == Some(*byte))
    }

    /// The `N` bytes from `at` on.
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        let mut array = [0; N];
        for (n, byte) in array.iter_mut().enumerate() {
            *byte = self.at(at.checked_add(n)?)?;
        }
        Some(array)
    }

    /// All bytes.
    pub(super) fn to_vec(self) -> Vec<u8> {
        (0..self.len()).map_while(|at| self.at(at)).collect()
    }
}

/// All bytes of `base64`.
pub(in crate::prepare::budget) fn decode(base64: &str) -> Vec<u8> {
    Base64Bytes::new(base64).to_vec()
}

#[cfg(test)]
mod tests {
    use super::decode;
    use base64::{Engine, engine::general_purpose::STANDARD};

    #[test]
    fn encoded_bytes_are_decoded() {
        let all: Vec<u8> = (0..=255).chain([0, 255, 1]).collect();
        for length in 0..all.len() {
            assert_eq!(decode(&STANDARD.encode(&all[..length])), all[..length]);
        }
        assert_eq!(decode("Zm9v!g"), b"foo");
    }
}
