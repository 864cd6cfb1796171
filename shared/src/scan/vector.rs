//! Several bytes compared at once.
//!
//! A [`ByteVector`] is a vector of sixteen bytes natively, and a word of eight in the browser,
//! where there are no vectors. Both have the same methods.

pub(super) use machine::{ByteMatches, ByteVector};

#[cfg(not(target_arch = "wasm32"))]
mod machine {
    use wide::u8x16;

    /// The bytes that are compared at once.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteVector(u8x16);

    /// Which bytes matched: all ones in their lanes.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteMatches(u8x16);

    impl ByteVector {
        pub(in crate::scan) const COUNT: usize = 16;

        pub(in crate::scan) fn of(bytes: [u8; Self::COUNT]) -> Self {
            Self(u8x16::new(bytes))
        }

        /// The bytes that are equal to `byte`.
        pub(in crate::scan) fn equal(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.simd_eq(u8x16::splat(byte)))
        }

        /// The bytes that are at most `byte`.
        pub(in crate::scan) fn at_most(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.simd_le(u8x16::splat(byte)))
        }
    }

    impl ByteMatches {
        pub(in crate::scan) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }

        /// The index of the first match.
        pub(in crate::scan) fn first(self) -> Option<usize> {
            let places = self.0.to_bitmask();
            (places != 0).then(|| places.trailing_zeros() as usize)
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod machine {
    /// A one in each byte of a word.
    const ONES: u64 = u64::MAX / 255;

    /// The bytes that are compared at once.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteVector(u64);

    /// Which bytes matched: the top bit of each. A borrow may set it after the first match by
    /// mistake, so only the first match counts.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteMatches(u64);

    impl ByteVector {
        pub(in crate::scan) const COUNT: usize = 8;

        pub(in crate::scan) fn of(bytes: [u8; Self::COUNT]) -> Self {
            Self(u64::from_le_bytes(bytes))
        }

        /// The bytes that are equal to `byte`.
        pub(in crate::scan) fn equal(self, byte: u8) -> ByteMatches {
            let differing = self.0 ^ (ONES * u64::from(byte));
            // A zero byte borrows from its neighbour.
            ByteMatches(differing.wrapping_sub(ONES) & !differing)
        }

        /// The bytes that are at most `byte`, which has to be below 128.
        pub(in crate::scan) fn at_most(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.wrapping_sub(ONES * u64::from(byte + 1)) & !self.0)
        }
    }

    impl ByteMatches {
        pub(in crate::scan) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }

        /// The index of the first match.
        pub(in crate::scan) fn first(self) -> Option<usize> {
            let places = self.0 & (ONES << 7);
            (places != 0).then(|| places.trailing_zeros() as usize / 8)
        }
    }
}
