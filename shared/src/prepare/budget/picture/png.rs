//! The size of a PNG, and its number of frames.

use super::{bytes::Base64Bytes, size::PictureSize};

const SIGNATURE_BYTES: usize = 8;
/// The bytes of a chunk around its data: length, name and checksum.
const CHUNK_OVERHEAD_BYTES: usize = 12;

pub(super) fn size(bytes: Base64Bytes<'_>) -> PictureSize {
    let mut size = PictureSize::default();
    let mut at = SIGNATURE_BYTES;
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
        at = at.saturating_add(CHUNK_OVERHEAD_BYTES + u32::from_be_bytes(length) as usize);
    }
    size
}
