//! The size of a GIF, read block by block.

use super::{bytes::Base64Bytes, size::PictureSize};

/// The bytes of the signature and the screen descriptor.
const GIF_HEADER_BYTES: usize = 13;
/// The bytes of an image descriptor: its separator, position, size and flags.
const FRAME_HEADER_BYTES: usize = 10;

pub(super) fn size(bytes: Base64Bytes<'_>) -> PictureSize {
    let side = |at| {
        bytes
            .array(at)
            .map_or(0, |side| u32::from(u16::from_le_bytes(side)))
    };
    let mut size = PictureSize {
        width: side(6),
        height: side(8),
        frames: 0,
    };
    let Some(flags) = bytes.at(GIF_HEADER_BYTES - 3) else {
        return PictureSize::default();
    };
    let mut at = GIF_HEADER_BYTES + colours(flags);
    while let Some(kind) = bytes.at(at) {
        at = match kind {
            b'!' => after_blocks(bytes, at + 2),
            b',' => {
                let Some(flags) = bytes.at(at + FRAME_HEADER_BYTES - 1) else {
                    break;
                };
                // The first frame may enlarge the screen; here any frame may, to be sure.
                size.width = size.width.max(side(at + 1) + side(at + 5));
                size.height = size.height.max(side(at + 3) + side(at + 7));
                size.frames = size.frames.saturating_add(1);
                after_blocks(bytes, at + FRAME_HEADER_BYTES + colours(flags) + 1)
            }
            _ => break,
        };
    }
    size
}

/// The bytes of a colour table.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        return 0;
    }
    3 << ((flags & 7) + 1)
}

/// The offset after the data blocks that begin at `at`, of which the last is empty.
fn after_blocks(bytes: Base64Bytes<'_>, mut at: usize) -> usize {
    while let Some(length) = bytes.at(at) {
        at += 1 + usize::from(length);
        if length == 0 {
            break;
        }
    }
    at
}
