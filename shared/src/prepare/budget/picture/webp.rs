//! WebP in its three forms.

use super::{bytes::Bytes, size::Size};

const HEAD: usize = 12;

pub(super) fn size(bytes: Bytes<'_>) -> Size {
    let mut size = Size::default();
    let mut at = HEAD;
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

fn extended(bytes: Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    let side = |at| {
        let [low, middle, high] = bytes.array(at)?;
        Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    Some((side(at + 4)?, side(at + 7)?))
}

fn lossless(bytes: Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    const SIDE: u32 = (1 << 14) - 1;
    let bits = u32::from_le_bytes(bytes.array(at + 1)?);
    Some(((bits & SIDE) + 1, (bits >> 14 & SIDE) + 1))
}

fn lossy(bytes: Bytes<'_>, at: usize) -> Option<(u32, u32)> {
    const SIDE: u16 = (1 << 14) - 1;
    let side = |at| Some(u32::from(u16::from_le_bytes(bytes.array(at)?) & SIDE));
    Some((side(at + 6)?, side(at + 8)?))
}
