//! How large a picture is.

/// What a picture of pixels is, decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PictureSize {
    pub(super) width: u32,
    pub(super) height: u32,
    /// More than one when it moves, or when a decoder goes over it again and again.
    pub(super) frames: u32,
}

impl PictureSize {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(super) fn of_all_frames(self) -> u64 {
        self.pixels().saturating_mul(u64::from(self.frames.max(1)))
    }
}
