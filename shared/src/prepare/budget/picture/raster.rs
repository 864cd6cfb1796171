//! Pictures of pixels: their kind, their size and their frames.

use super::{bytes::Bytes, gif, jpeg, png, size::Size, webp};
use crate::prepare::budget::{Cost, grouped};

/// Pixels of one picture: a photograph of the largest telephones.
const MAX_PIXELS: u64 = 52_000_000;
/// Pixels of all frames of a picture that moves, or of all scans of one.
const MAX_MOVING: u64 = 200_000_000;
/// No side is longer; a page would be as long as that.
const MAX_SIDE: u32 = 30_000;

/// What bytes are.
enum Found {
    /// A picture of pixels.
    Pixels(Size),
    /// A picture that a browser would show and that is none of those shown here.
    Foreign(&'static str),
    /// Nothing that a browser would show.
    Nothing,
}

fn find(bytes: Bytes<'_>) -> Found {
    if bytes.is_at(0, b"\x89PNG\r\n\x1a\n") {
        Found::Pixels(png::size(bytes))
    } else if bytes.is_at(0, b"\xFF\xD8\xFF") {
        Found::Pixels(jpeg::size(bytes))
    } else if bytes.is_at(0, b"GIF8") {
        Found::Pixels(gif::size(bytes))
    } else if bytes.is_at(0, b"RIFF") && bytes.is_at(8, b"WEBP") {
        Found::Pixels(webp::size(bytes))
    } else if bytes.is_at(4, b"ftyp") {
        Found::Foreign("an AVIF picture")
    } else if bytes.is_at(0, b"BM") {
        Found::Foreign("a bitmap")
    } else if bytes.is_at(0, b"\0\0\x01\0") || bytes.is_at(0, b"\0\0\x02\0") {
        Found::Foreign("an icon")
    } else if bytes.is_at(0, b"\xFF\x0A") || bytes.is_at(4, b"JXL ") {
        Found::Foreign("a JPEG XL picture")
    } else {
        Found::Nothing
    }
}

/// What a picture of pixels costs, in base64.
pub(in crate::prepare::budget) fn cost(base64: &str) -> Cost {
    Cost {
        // Pictures in a drawing are part of these.
        bytes: base64.len() as u64,
        ..drawn(base64)
    }
}

/// The same without its bytes.
fn drawn(base64: &str) -> Cost {
    let pixels = match find(Bytes::new(base64)) {
        Found::Pixels(size) if too_large(size).is_some() => u64::MAX,
        Found::Pixels(size) => size.of_all_frames(),
        Found::Foreign(_) => u64::MAX,
        Found::Nothing => 0,
    };
    Cost {
        pixels,
        ..Cost::ELEMENT
    }
}

/// Why it is not shown at all, as [`super::refusal`] says it.
pub(super) fn refusal(base64: &str) -> Option<String> {
    match find(Bytes::new(base64)) {
        Found::Pixels(size) => too_large(size),
        Found::Foreign(what) => Some(format!(
            "is {what}, and PNG, JPEG, GIF, WebP and SVG are shown here; the notebook itself has it"
        )),
        Found::Nothing => None,
    }
}

fn too_large(size: Size) -> Option<String> {
    let Size {
        width,
        height,
        frames,
    } = size;
    let sides = format!(
        "{} × {} pixels",
        grouped(u64::from(width)),
        grouped(u64::from(height))
    );
    let most = if size.pixels() > MAX_PIXELS {
        format!("{sides}; pictures of up to {} are", grouped(MAX_PIXELS))
    } else if width.max(height) > MAX_SIDE {
        let most = grouped(u64::from(MAX_SIDE));
        format!("{sides}; pictures of up to {most} a side are")
    } else if frames > 1 && size.of_all_frames() > MAX_MOVING {
        let most = grouped(MAX_MOVING);
        format!("{frames} layers of {sides}; up to {most} pixels in all are")
    } else {
        return None;
    };
    Some(format!("has {most} shown here. The notebook itself has it"))
}
