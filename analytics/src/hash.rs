//! A hash that stays the same over machines and releases, since state that holds it is kept.
//!
//! It need not withstand an attack: whoever makes two cells collide confuses their own copy alone.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of some bytes.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut state = bytes.len() as u64 ^ FACTOR;
    for chunk in &mut chunks {
        state = mix(state, word(chunk));
    }
    mix(state, word(chunks.remainder()))
}

/// The hash of two hashes, in this order.
pub(crate) fn mix(state: u64, next: u64) -> u64 {
    let product = (state ^ next).wrapping_mul(FACTOR);
    (product ^ (product >> 29)).rotate_left(23)
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn the_hash_is_the_same_for_ever() {
        assert_eq!(hash(b"df.head()\n"), hash("df.head()\n".as_bytes()));
        assert_ne!(hash(b"a"), hash(b"a\0"));
        assert_ne!(hash(b"12345678"), hash(b"1234567"));
        // A kept state holds such hashes: another number here needs another version of the state.
        assert_eq!(hash(b"import pandas as pd"), 0x67fe_f98d_3901_ab23);
    }
}
