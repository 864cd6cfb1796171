//! The size of a picture once it is decoded, read from its bytes without decoding it.
//!
//! The bytes tell the kind of the picture, not the notebook, as in a browser (but for SVG, which
//! a browser only draws where the type says so). Each kind is read as far as it tells its size
//! and its frames, because libraries for this stop at the size of the first frame. A cut or
//! broken picture has no pixels, as in a browser.

mod bytes;
mod gif;
mod jpeg;
mod png;
pub(super) mod raster;
mod size;
mod webp;

pub(super) use self::bytes::decode;
use super::{Cost, svg};
use crate::prepared::ImageKind;

/// The cost of a picture in base64. One that [`refusal`] refuses costs more than any budget.
pub(super) fn cost(kind: ImageKind, base64: &str) -> Cost {
    if kind != ImageKind::Svg {
        return raster::cost(base64);
    }
    let drawn = match svg::of_base64(base64) {
        Ok(cost) => cost.plus(Cost::ELEMENT),
        Err(_) => Cost {
            shapes: u64::MAX,
            ..Cost::ELEMENT
        },
    };
    Cost {
        // Pictures in a drawing are part of its bytes.
        bytes: base64.len() as u64,
        ..drawn
    }
}

/// Why a picture is not shown on any page, in words that follow a name, as in
/// `This picture has …`; `None` when it may be shown.
pub(in crate::prepare) fn refusal(kind: ImageKind, base64: &str) -> Option<String> {
    if kind != ImageKind::Svg {
        return raster::refusal(base64);
    }
    match svg::of_base64(base64) {
        Ok(cost) => cost.beyond(svg::MAX_DRAWING).map(|much| much.to_string()),
        Err(why) => Some(format!("{why}; the notebook itself has it")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Cost, cost, refusal};
    use base64::{Engine, engine::general_purpose::STANDARD};

    use crate::prepared::ImageKind;

    fn png(width: u32, height: u32, frames: u32) -> Vec<u8> {
        let chunk = |name: &[u8], data: &[u8]| {
            let length = (data.len() as u32).to_be_bytes();
            [&length[..], name, data, &[0; 4]].concat()
        };
        let head = [
            &width.to_be_bytes()[..],
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0],
        ]
        .concat();
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        file.extend(chunk(b"IHDR", &head));
        for _ in 1..frames {
            file.extend(chunk(b"fcTL", &[0; 26]));
        }
        file.extend(chunk(b"fcTL", &[0; 26]));
        file.extend(chunk(b"IDAT", &[1, 2, 3]));
        file.extend(chunk(b"IEND", &[]));
        file
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut file = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
        // A thumbnail with another size stands before.
        file.extend(b"\xFF\xE1\0\x0C\xFF\xC0\0\x11\x08\0\x01\0\x01\x03\xFF\xFF");
        file.extend(b"\xFF\xC2\0\x11\x08");
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file.extend([3; 10]);
        file
    }

    fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
        let mut file = b"GIF89a".to_vec();
        file.extend(width.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend([0x80, 0, 0, 0, 0, 0, 1, 1, 1]);
        for _ in 0..frames {
            file.extend(b"\x21\xF9\x04\0\0\0\0\0");
            file.extend([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0x2C, 0]);
        }
        file.push(0x3B);
        file
    }

    fn webp(chunks: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, data) in chunks {
            file.extend(*name);
            file.extend((data.len() as u32).to_le_bytes());
            file.extend(data);
            if data.len() % 2 == 1 {
                file.push(0);
            }
        }
        file
    }

    fn pixels(bytes: &[u8]) -> u64 {
        // The type that the notebook names does not matter.
        cost(ImageKind::Jpeg, &STANDARD.encode(bytes)).pixels
    }

    #[test]
    fn every_kind_of_picture_has_its_size_read() {
        assert_eq!(pixels(&png(300, 200, 1)), 60_000);
        assert_eq!(pixels(&jpeg(300, 200)), 60_000);
        assert_eq!(pixels(&gif(300, 200, 1)), 60_000);
        let lossy = b"\x10\0\0\x9D\x01\x2A\x2C\x01\xC8\0".to_vec();
        assert_eq!(pixels(&webp(&[(b"VP8 ", lossy)])), 60_000);
        let bits: u32 = 299 | 199 << 14;
        let lossless = [&[0x2F][..], &bits.to_le_bytes()].concat();
        assert_eq!(pixels(&webp(&[(b"VP8L", lossless)])), 60_000);
        let extended = vec![0, 0, 0, 0, 0x2B, 1, 0, 0xC7, 0, 0];
        assert_eq!(pixels(&webp(&[(b"VP8X", extended)])), 60_000);
    }

    #[test]
    fn every_frame_counts() {
        assert_eq!(pixels(&png(300, 200, 7)), 7 * 60_000);
        assert_eq!(pixels(&gif(300, 200, 7)), 7 * 60_000);
        let mut chunks = vec![(&b"VP8X"[..], vec![2, 0, 0, 0, 0x2B, 1, 0, 0xC7, 0, 0])];
        chunks.extend((0..7).map(|_| (&b"ANMF"[..], vec![0; 17])));
        assert_eq!(pixels(&webp(&chunks)), 7 * 60_000);
    }

    #[test]
    fn many_scans_count_as_frames() {
        let mut file = jpeg(300, 200);
        for _ in 0..160 {
            file.extend(b"\xFF\xDA\0\x02pixels");
        }
        assert_eq!(pixels(&file), 10 * 60_000);
    }

    #[test]
    fn cut_or_broken_pictures_have_no_more_pixels() {
        for whole in [png(300, 200, 2), jpeg(300, 200), gif(300, 200, 3)] {
            for end in 0..whole.len() {
                assert!(pixels(&whole[..end]) <= pixels(&whole), "{end}");
            }
        }
        assert_eq!(pixels(b"nothing"), 0);
        let known = Cost {
            bytes: 12,
            ..Cost::ELEMENT
        };
        assert_eq!(cost(ImageKind::Png, "iVBORw0KGgo="), known);
    }

    #[test]
    fn every_byte_of_a_picture_counts() {
        for kind in [ImageKind::Png, ImageKind::Svg] {
            for base64 in ["iVBORw0KGgo=".to_owned(), "AAAA".repeat(1000)] {
                assert_eq!(cost(kind, &base64).bytes, base64.len() as u64);
            }
        }
    }

    #[test]
    fn refusals_name_the_exceeded_limit() {
        let why =
            |bytes: &[u8]| refusal(ImageKind::Png, &STANDARD.encode(bytes)).unwrap_or_default();
        assert_eq!(
            why(&png(16_000, 16_000, 1)),
            "has 16,000 × 16,000 pixels; pictures of up to 52,000,000 are shown here. \
             The notebook itself has it"
        );
        assert!(why(&png(1, 40_000, 1)).contains("30,000 a side"));
        assert!(why(&gif(2000, 1000, 400)).starts_with("has 400 layers of 2,000 × 1,000"));
        for foreign in [
            &b"BM12345678"[..],
            b"\0\0\x01\0\x01\0",
            b"\0\0\0\x20ftypavif",
        ] {
            assert!(why(foreign).starts_with("is a"), "{foreign:?}");
        }
        for shown in [png(3000, 2000, 1), jpeg(8160, 6144), gif(640, 480, 200)] {
            assert_eq!(why(&shown), "");
        }
    }
}
