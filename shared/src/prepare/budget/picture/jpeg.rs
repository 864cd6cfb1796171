//! JPEG, and how often its decoder has to go over it.

use super::{bytes::Base64Bytes, size::PictureSize};

/// So many scans of the whole are one that is made for slow lines; each more takes as long
/// as another picture.
const SCANS_PER_FRAME: u32 = 16;

pub(super) fn size(bytes: Base64Bytes<'_>) -> PictureSize {
    let mut at = 2;
    let mut size = PictureSize::default();
    let mut scans = 0_u32;
    while let Some(byte) = bytes.at(at) {
        // Between segments a decoder looks for the next mark.
        let marker = bytes.at(at + 1);
        let (Some(marker), 0xFF) = (marker, byte) else {
            at += 1;
            continue;
        };
        match marker {
            // More of the filling, and marks that stand alone.
            0xFF => at += 1,
            0 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xD9 => break,
            _ => {
                let Some(length) = bytes.array(at + 2) else {
                    break;
                };
                // Frames of every kind, but not the tables that are numbered among them.
                if matches!(marker, 0xC0..=0xCF)
                    && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
                    && let (Some(height), Some(width)) = (bytes.array(at + 5), bytes.array(at + 7))
                {
                    size.height = size.height.max(u16::from_be_bytes(height).into());
                    size.width = size.width.max(u16::from_be_bytes(width).into());
                }
                scans += u32::from(marker == 0xDA);
                at += 2 + usize::from(u16::from_be_bytes(length)).max(2);
            }
        }
    }
    size.frames = scans.div_ceil(SCANS_PER_FRAME);
    size
}
