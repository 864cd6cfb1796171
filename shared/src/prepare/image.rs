//! Images in notebooks, checked.

use super::budget::picture;
use crate::{
    notebook::Raw,
    prepared::{Image, ImageKind},
    scan,
};

/// The kinds of images, in the order of rank.
pub(super) const KINDS: [ImageKind; 5] = [
    ImageKind::Svg,
    ImageKind::Png,
    ImageKind::Jpeg,
    ImageKind::Gif,
    ImageKind::Webp,
];

/// The image in `data`: base64, or the XML of an SVG. `None` when it is neither.
pub(super) fn of(kind: ImageKind, data: &str) -> Option<Image> {
    let base64 = if kind == ImageKind::Svg && data.trim_start().starts_with('<') {
        encode(data.as_bytes())
    } else {
        checked(data)?
    };
    Some(Image {
        kind,
        base64,
        width: None,
        height: None,
    })
}

/// The image in a `data:` address, `None` when it is none of those shown.
pub(crate) fn of_data_url(url: &str) -> Option<Image> {
    let (mime, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let kind = ImageKind::of_mime(mime)?;
    (!base64.is_empty() && base64.bytes().all(allowed)).then(|| Image {
        kind,
        base64: base64.to_owned(),
        width: None,
        height: None,
    })
}
/// Why the image in a `data:` address is more than a page can have, as
/// [`picture::refusal`](super::budget::picture::refusal) says it.
pub(crate) fn refusal_of_data_url(url: &str) -> Option<String> {
    let (mime, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    picture::refusal(ImageKind::of_mime(mime)?, base64)
}

/// Base64 without its white space; `None` when there is anything else in it.
fn checked(data: &str) -> Option<String> {
    let base64: String = match data.trim_ascii() {
        one if has_space(one) => one.split_ascii_whitespace().collect(),
        one => one.to_owned(),
    };
    let body = base64.trim_end_matches('=');
    let allowed = |b: u8| b.is_ascii_alphanumeric() | (b == b'+') | (b == b'/');
    let padding = base64.len() - body.len();
    // In steps without an early end, of which a few vector instructions can be made.
    let mut steps = body.as_bytes().chunks(32);
    let all = |step: &[u8]| step.iter().fold(true, |all, byte| all & allowed(*byte));
    let valid = !body.is_empty() && padding <= 2 && steps.all(all);
    valid.then_some(base64)
}

fn has_space(data: &str) -> bool {
    scan::length_before(data.as_bytes(), *b" \t\n\r\x0C") < data.len()
}

/// A number of CSS pixels that an image may have.
pub(super) fn pixels(value: Raw<'_>) -> Option<u32> {
    let number = match value.as_str() {
        Some(text) => text.trim_end_matches("px").parse().ok()?,
        None => value.as_f64()?,
    };
    (1.0..=10_000.0).contains(&number).then_some(number as u32)
}

/// `bytes` in base64.
pub(super) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                let digit = group >> (18 - 6 * place) & 63;
                out.push(char::from(DIGITS[digit as usize]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{checked, encode};

    #[test]
    fn encodes_every_length() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(encode(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn refuses_what_could_leave_the_attribute() {
        assert_eq!(checked("Zm9v\nZg==\n"), Some("Zm9vZg==".to_owned()));
        for bad in ["", "====", "Zg==\" onerror=x", "Z g<"] {
            assert_eq!(checked(bad), None, "{bad}");
        }
    }
}
