//! Several bytes looked at in one go.
//!
//! [`ByteVector`] are as many as are compared at once: a vector of sixteen natively, and the eight
//! of a word in the browser, where there are no vectors. Both have the same methods.

pub(super) use machine::{ByteMatches, ByteVector};

#[cfg(not(target_arch = "wasm32"))]
mod machine {
    use wide::u8x16;

    /// Bytes beside one another.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteVector(u8x16);

    /// Which of them were looked for: all ones in their place.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteMatches(u8x16);

    impl ByteVector {
        pub(in crate::scan) const COUNT: usize = 16;

        pub(in crate::scan) fn of(bytes: [u8; Self::COUNT]) -> Self {
            Self(u8x16::new(bytes))
        }

        /// Those that are `byte`.
        pub(in crate::scan) fn equal(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.simd_eq(u8x16::splat(byte)))
        }

        /// Those that are `byte` or less.
        pub(in crate::scan) fn at_most(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.simd_le(u8x16::splat(byte)))
        }
    }

    impl ByteMatches {
        pub(in crate::scan) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }

        /// The place of the first.
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

    /// Bytes beside one another.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteVector(u64);

    /// Which of them were looked for: the top bit in their place. It may be set behind the
    /// first of them by mistake, so only that one counts.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct ByteMatches(u64);

    impl ByteVector {
        pub(in crate::scan) const COUNT: usize = 8;

        pub(in crate::scan) fn of(bytes: [u8; Self::COUNT]) -> Self {
            Self(u64::from_le_bytes(bytes))
        }

        /// Those that are `byte`.
        pub(in crate::scan) fn equal(self, byte: u8) -> ByteMatches {
            let differing = self.0 ^ (ONES * u64::from(byte));
            // A zero lends from its neighbour.
            ByteMatches(differing.wrapping_sub(ONES) & !differing)
        }

        /// Those that are `byte` or less, of a `byte` below 128.
        pub(in crate::scan) fn at_most(self, byte: u8) -> ByteMatches {
            ByteMatches(self.0.wrapping_sub(ONES * u64::from(byte + 1)) & !self.0)
        }
    }

    impl ByteMatches {
        pub(in crate::scan) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }

        /// The place of the first.
        pub(in crate::scan) fn first(self) -> Option<usize> {
            let places = self.0 & (ONES << 7);
            (places != 0).then(|| places.trailing_zeros() as usize / 8)
        }
    }
}
