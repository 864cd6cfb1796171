//! The decoded size of a picture.

/// The decoded size of a raster picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PictureSize {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The number of frames; scans of a JPEG count as frames, too.
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
