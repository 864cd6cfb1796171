//! PNG, and the frames of one that moves.

use super::{bytes::Bytes, size::Size};

const SIGNATURE: usize = 8;
/// The length and the name before the data of a chunk, and the sum behind it.
const AROUND: usize = 12;

pub(super) fn size(bytes: Bytes<'_>) -> Size {
    let mut size = Size::default();
    let mut at = SIGNATURE;
    while let (Some(length), Some(name)) = (bytes.array(at), bytes.array::<4>(at + 4)) {
        let data = at + 8;
        match &name {
            b"IHDR" => {
                let side = |at| bytes.array(at).map_or(0, u32::from_be_bytes);
                size.width = size.width.max(side(data));
                size.height = size.height.max(side(data + 4));
            }
            b"fcTL" => size.frames = size.frames.saturating_add(1),
            b"IEND" => break,
            _ => {}
        }
        at = at.saturating_add(AROUND + u32::from_be_bytes(length) as usize);
    }
    size
}
