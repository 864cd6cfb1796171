//! The size of a WebP picture in its three forms.

use super::{bytes::Base64Bytes, size::PictureSize};

/// The bytes of the RIFF header before the first chunk.
const RIFF_HEADER_BYTES: usize = 12;

pub(super) fn size(bytes: Base64Bytes<'_>) -> PictureSize {
    let mut size = PictureSize::default();
    let mut at = RIFF_HEADER_BYTES;
    while let (Some(name), Some(length)) = (bytes.array::<4>(at), bytes.array(at + 4)) {
        let data = at + 8;
        let sides = match &name {
            b"VP8X" => extended(bytes, data),
            b"VP8L" => lossless(bytes, data),
            b"VP8 " => lossy(bytes, data),
            _ => None,
        };
        if let Some((width, height)) = sides {
            size.width = size.width.max(width);
            size.height = size.height.max(height);
        }
        if name == *b"ANMF" {
            size.frames = size.frames.saturating_add(1);
        }
        let length = u32::from_le_bytes(length) as usize;
        at = data.saturating_add(length).saturating_add(length % 2);
    }
    size
}

fn extended(bytes: Base64Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    let side = |at| {
        let [low, middle, high] = bytes.array(at)?;
        Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    Some((side(at + 4)?, side(at + 7)?))
}

fn lossless(bytes: Base64Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    const SIDE_MASK: u32 = (1 << 14) - 1;
    let bits = u32::from_le_bytes(bytes.array(at + 1)?);
    Some(((bits & SIDE_MASK) + 1, (bits >> 14 & SIDE_MASK) + 1))
}

fn lossy(bytes: Base64Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    const SIDE_MASK: u16 = (1 << 14) - 1;
    let side = |at| Some(u32::from(u16::from_le_bytes(bytes.array(at)?) & SIDE_MASK));
    Some((side(at + 6)?, side(at + 8)?))
}
