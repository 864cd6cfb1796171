//! The size of a JPEG, and its number of scans, each of which a decoder has to read.

use super::{bytes::Base64Bytes, size::PictureSize};

/// So many scans count as one frame: a progressive picture has up to so many, and each more takes
/// as long as another picture.
const SCANS_PER_FRAME: u32 = 16;

pub(super) fn size(bytes: Base64Bytes<'_>) -> PictureSize {
    let mut at = 2;
    let mut size = PictureSize::default();
    let mut scans = 0_u32;
    while let Some(byte) = bytes.at(at) {
        // Between segments a decoder looks for the next marker.
        let marker = bytes.at(at + 1);
        let (Some(marker), 0xFF) = (marker, byte) else {
            at += 1;
            continue;
        };
        match marker {
            // Fill bytes, and markers without a segment.
            0xFF => at += 1,
            0 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xD9 => break,
            _ => {
                let Some(length) = bytes.array(at + 2) else {
                    break;
                };
                // Start-of-frame markers of every kind, without the tables among their numbers.
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
