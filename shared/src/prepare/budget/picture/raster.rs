//! Raster pictures: their kind, their cost and why they are refused.

use super::{bytes::Base64Bytes, gif, jpeg, png, size::PictureSize, webp};
use crate::prepare::budget::{Cost, cost::grouped};

/// The most pixels of one picture: those of a photograph of the largest telephones.
const MAX_PICTURE_PIXELS: u64 = 52_000_000;
/// The most pixels of all frames, or scans, of a picture together.
const MAX_ALL_FRAMES_PIXELS: u64 = 200_000_000;
/// The longest side of a picture, because a page would be as long as that.
const MAX_SIDE_PX: u32 = 30_000;

/// The kind of a file, by its first bytes.
enum FileKind {
    /// A raster picture of a kind that is shown.
    Pixels(PictureSize),
    /// A picture that a browser would show, but of a kind that is not shown here.
    Foreign(&'static str),
    /// A file that a browser would not show.
    Nothing,
}

fn find(bytes: Base64Bytes<'_>) -> FileKind {
    if bytes.is_at(0, b"\x89PNG\r\n\x1a\n") {
        FileKind::Pixels(png::size(bytes))
    } else if bytes.is_at(0, b"\xFF\xD8\xFF") {
        FileKind::Pixels(jpeg::size(bytes))
    } else if bytes.is_at(0, b"GIF8") {
        FileKind::Pixels(gif::size(bytes))
    } else if bytes.is_at(0, b"RIFF") && bytes.is_at(8, b"WEBP") {
        FileKind::Pixels(webp::size(bytes))
    } else if bytes.is_at(4, b"ftyp") {
        FileKind::Foreign("an AVIF picture")
    } else if bytes.is_at(0, b"BM") {
        FileKind::Foreign("a bitmap")
    } else if bytes.is_at(0, b"\0\0\x01\0") || bytes.is_at(0, b"\0\0\x02\0") {
        FileKind::Foreign("an icon")
    } else if bytes.is_at(0, b"\xFF\x0A") || bytes.is_at(4, b"JXL ") {
        FileKind::Foreign("a JPEG XL picture")
    } else {
        FileKind::Nothing
    }
}

/// The cost of a raster picture in base64.
pub(in crate::prepare::budget) fn cost(base64: &str) -> Cost {
    Cost {
        // Pictures in a drawing are part of its bytes.
        bytes: base64.len() as u64,
        ..drawn(base64)
    }
}

/// The cost of drawing it, without its bytes.
fn drawn(base64: &str) -> Cost {
    let pixels = match find(Base64Bytes::new(base64)) {
        FileKind::Pixels(size) if too_large(size).is_some() => u64::MAX,
        FileKind::Pixels(size) => size.of_all_frames(),
        FileKind::Foreign(_) => u64::MAX,
        FileKind::Nothing => 0,
    };
    Cost {
        pixels,
        ..Cost::ELEMENT
    }
}

/// Why it is not shown on any page, in the words of [`super::refusal`].
pub(super) fn refusal(base64: &str) -> Option<String> {
    match find(Base64Bytes::new(base64)) {
        FileKind::Pixels(size) => too_large(size),
        FileKind::Foreign(what) => Some(format!(
            "is {what}, and PNG, JPEG, GIF, WebP and SVG are shown here; the notebook itself has it"
        )),
        FileKind::Nothing => None,
    }
}

fn too_large(size: PictureSize) -> Option<String> {
    let PictureSize {
        width,
        height,
        frames,
    } = size;
    let sides = format!(
        "{} × {} pixels",
        grouped(u64::from(width)),
        grouped(u64::from(height))
    );
    let most = if size.pixels() > MAX_PICTURE_PIXELS {
        format!(
            "{sides}; pictures of up to {} are",
            grouped(MAX_PICTURE_PIXELS)
        )
    } else if width.max(height) > MAX_SIDE_PX {
        let most = grouped(u64::from(MAX_SIDE_PX));
        format!("{sides}; pictures of up to {most} a side are")
    } else if frames > 1 && size.of_all_frames() > MAX_ALL_FRAMES_PIXELS {
        let most = grouped(MAX_ALL_FRAMES_PIXELS);
        format!("{frames} layers of {sides}; up to {most} pixels in all are")
    } else {
        return None;
    };
    Some(format!("has {most} shown here. The notebook itself has it"))
}
