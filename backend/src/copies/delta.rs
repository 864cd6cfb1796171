//! A notebook as it is pushed: what differs from the version before it.
//!
//! A save mostly changes one place of a notebook, so that what it begins and ends with is the
//! same as before. A push names how many bytes of each are, and has only the middle, deflated.
//! The whole is checked by its hash, so that a push that was made for another version is noticed
//! whatever it says.

use std::io::Read;

use flate2::read::DeflateDecoder;
use sha2::{Digest, Sha256};

/// The largest notebook that is pushed, in bytes.
pub const CONTENT_MAX: usize = 32 << 20;

/// The SHA-256 of some content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let value = digit(pair[0])? * 16 + digit(pair[1])?;
            *byte = u8::try_from(value).ok()?;
        }
        Some(Self(hash))
    }

    /// Its 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its first 16 bytes, as two numbers.
    pub(super) fn halves(self) -> (u64, u64) {
        let number = |at: usize| {
            let bytes = self.0[at..at + 8].try_into();
            u64::from_be_bytes(bytes.expect("eight bytes of 32"))
        };
        (number(0), number(8))
    }
}

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// How content is put together from the version before it.
#[derive(Clone, Debug)]
pub struct Delta<'a> {
    /// Bytes of the content.
    pub size: usize,
    /// Hash of the content.
    pub hash: ContentHash,
    /// How many bytes it begins with as the version before did.
    pub prefix: usize,
    /// How many bytes it ends with as the version before did.
    pub suffix: usize,
    /// What is between the two, as a raw deflate stream.
    pub middle: &'a [u8],
}

/// Why a delta gives no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// The content is larger than what is taken.
    #[error("the notebook has {0} bytes; up to {CONTENT_MAX} are taken")]
    TooLarge(usize),
    /// The lengths contradict each other, or the middle is no deflate stream of that length.
    #[error("{0}")]
    Malformed(&'static str),
    /// It was made for another version than the one that is here.
    #[error("the push does not fit the version that is kept; send the whole notebook")]
    OtherBase,
}

impl Delta<'_> {
    /// The content, put together from `base`, the version before; no more memory than its size
    /// is used, whatever the middle inflates to.
    ///
    /// # Errors
    /// See [`DeltaError`].
    pub fn apply(&self, base: Option<&[u8]>) -> Result<Vec<u8>, DeltaError> {
        if self.size > CONTENT_MAX {
            return Err(DeltaError::TooLarge(self.size));
        }
        let base = base.unwrap_or_default();
        let around = self.prefix.checked_add(self.suffix);
        let around = around.ok_or(DeltaError::OtherBase)?;
        if around > base.len() {
            return Err(DeltaError::OtherBase);
        }
        let inside = self.size.checked_sub(around);
        let inside = inside.ok_or(DeltaError::Malformed(
            "prefix and suffix are longer than size",
        ))?;
        let mut content = Vec::with_capacity(self.size);
        content.extend_from_slice(&base[..self.prefix]);
        self.inflate(inside, &mut content)?;
        content.extend_from_slice(&base[base.len() - self.suffix..]);
        match ContentHash::of(&content) == self.hash {
            true => Ok(content),
            false => Err(DeltaError::OtherBase),
        }
    }

    /// Appends the middle to `content`, which has to be `inside` bytes long.
    fn inflate(&self, inside: usize, content: &mut Vec<u8>) -> Result<(), DeltaError> {
        let before = content.len();
        let mut decoder = DeflateDecoder::new(self.middle);
        let limit = inside as u64 + 1;
        // One byte more than there may be tells a stream that is longer.
        let read = decoder.by_ref().take(limit).read_to_end(content);
        if read.is_err() {
            return Err(DeltaError::Malformed("the body is no deflate stream"));
        }
        if content.len() - before != inside {
            return Err(DeltaError::Malformed(
                "the body does not inflate to as many bytes as its head says",
            ));
        }
        // The decoder may stop before the end of the stream, which was checked to be there.
        match decoder.total_in() == self.middle.len() as u64 {
            true => Ok(()),
            false => Err(DeltaError::Malformed(
                "something follows the deflate stream",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};
    use proptest::prelude::*;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn delta<'a>(content: &[u8], around: (usize, usize), middle: &'a [u8]) -> Delta<'a> {
        Delta {
            size: content.len(),
            hash: ContentHash::of(content),
            prefix: around.0,
            suffix: around.1,
            middle,
        }
    }

    proptest! {
        #[test]
        fn a_delta_gives_the_content_back(
            base in "[ab]{0,40}", inserted in "[ab]{0,20}", cut in 0_usize..40, removed in 0_usize..40,
        ) {
            let (base, cut) = (base.as_bytes(), cut.min(base.len()));
            let rest = (cut + removed).min(base.len());
            let content = [&base[..cut], inserted.as_bytes(), &base[rest..]].concat();
            let middle = deflated(inserted.as_bytes());
            let delta = delta(&content, (cut, base.len() - rest), &middle);
            prop_assert_eq!(delta.apply(Some(base)), Ok(content));
        }

        #[test]
        fn no_bytes_panic(
            middle in prop::collection::vec(any::<u8>(), 0..64),
            size in any::<u16>(), prefix in any::<usize>(), suffix in any::<usize>(),
        ) {
            let hash = ContentHash::of(b"");
            let delta = Delta { size: size.into(), hash, prefix, suffix, middle: &middle };
            let _ = delta.apply(Some(b"base"));
        }
    }

    #[test]
    fn a_delta_for_another_version_is_noticed() {
        let middle = deflated(b"x");
        let made = delta(b"axc", (1, 1), &middle);
        assert_eq!(made.apply(Some(b"abc")), Ok(b"axc".to_vec()));
        for other in [None, Some(&b"a"[..]), Some(b"abd"), Some(b"zbc")] {
            assert_eq!(made.apply(other), Err(DeltaError::OtherBase), "{other:?}");
        }
    }

    #[test]
    fn a_bomb_inflates_no_further_than_it_says() {
        let bomb = deflated(&vec![0; 4 << 20]);
        let small = delta(b"axc", (0, 0), &bomb);
        assert!(matches!(small.apply(None), Err(DeltaError::Malformed(_))));
        let mut large = small;
        large.size = CONTENT_MAX + 1;
        assert_eq!(
            large.apply(None),
            Err(DeltaError::TooLarge(CONTENT_MAX + 1))
        );
    }

    #[test]
    fn a_stream_that_is_cut_off_or_goes_on_is_refused() {
        let middle = deflated(b"some text that is longer than a few bytes");
        let content = b"some text that is longer than a few bytes";
        for cut in 0..middle.len() {
            let delta = delta(content, (0, 0), &middle[..cut]);
            assert!(delta.apply(None).is_err(), "the first {cut} bytes");
        }
        let longer = [&middle[..], b"more"].concat();
        assert!(delta(content, (0, 0), &longer).apply(None).is_err());
        assert_eq!(
            delta(content, (0, 0), &middle).apply(None),
            Ok(content.to_vec())
        );
    }

    #[test]
    fn a_hash_is_read_from_its_digits() {
        let hash = ContentHash::of(b"abc");
        assert_eq!(ContentHash::from_hex(&hash.to_hex()), Some(hash));
        for text in ["", "ab", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(ContentHash::from_hex(text), None, "{text}");
        }
    }
}
