//! Reads and checks the images of notebooks.

use std::borrow::Cow;

use super::{anchor, budget::picture, drawing};
use crate::{
    notebook::RawJson,
    prepared::{Image, ImageKind},
    scan,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The kinds of images, by rank.
pub(super) const IMAGE_KINDS: [ImageKind; 5] = [
    ImageKind::Svg,
    ImageKind::Png,
    ImageKind::Jpeg,
    ImageKind::Gif,
    ImageKind::Webp,
];

/// The image in `data`: base64, or the XML of an SVG. `None` when it is neither.
pub(super) fn of(kind: ImageKind, data: &str) -> Option<Image> {
    let is_xml = |data: &str| {
        data.trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('<')
    };
    let base64 = if kind == ImageKind::Svg && is_xml(data) {
        STANDARD.encode(drawing::document(data)?.as_ref())
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

/// The drawing that stands in HTML as `source`; `None` when it cannot be drawn by itself.
pub(crate) fn drawing_in_html(source: &str) -> Option<Image> {
    of(ImageKind::Svg, source)
}

/// Whether no page shows `image`, because drawing it costs too much or that cannot be told.
pub(crate) fn is_refused(image: &Image) -> bool {
    picture::refusal(image.kind, &image.base64).is_some()
}

/// The image in a `data:` address; `None` when its kind is not shown. An SVG need not be in
/// base64.
pub(crate) fn of_data_url(url: &str) -> Option<Image> {
    let data = url.strip_prefix("data:")?;
    if let Some(rest) = data.strip_prefix("image/svg+xml")
        && let Some((parameters, text)) = rest.split_once(',')
        && !parameters.ends_with(";base64")
    {
        return of(ImageKind::Svg, &anchor::percent_decoded(text));
    }
    let (mime, base64) = data.split_once(";base64,")?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let kind = ImageKind::of_mime(mime)?;
    (!base64.is_empty() && base64.bytes().all(allowed)).then(|| Image {
        kind,
        base64: base64.to_owned(),
        width: None,
        height: None,
    })
}

/// Why the image in a `data:` address is too much for a page, in the words of
/// [`picture::refusal`](super::budget::picture::refusal).
pub(crate) fn refusal_of_data_url(url: &str) -> Option<String> {
    let (mime, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    picture::refusal(ImageKind::of_mime(mime)?, base64)
}

/// The picture of a drawing in a `data:` address that is not in base64, as an address that is;
/// any other address as it is.
pub(crate) fn in_base64(url: &str) -> Option<Cow<'_, str>> {
    if url.contains(";base64,") {
        return of_data_url(url).is_some().then_some(Cow::Borrowed(url));
    }
    let image = of_data_url(url)?;
    Some(format!("data:{};base64,{}", image.kind.mime(), image.base64).into())
}

/// Base64 without its white space; `None` when it has other characters.
fn checked(data: &str) -> Option<String> {
    let base64: String = match data.trim_ascii() {
        one if has_space(one) => one.split_ascii_whitespace().collect(),
        one => one.to_owned(),
    };
    let body = base64.trim_end_matches('=');
    let allowed = |b: u8| b.is_ascii_alphanumeric() | (b == b'+') | (b == b'/');
    let padding = base64.len() - body.len();
    // Chunks without an early end, which the compiler turns into vector instructions.
    let mut steps = body.as_bytes().chunks(32);
    let all = |step: &[u8]| step.iter().fold(true, |all, byte| all & allowed(*byte));
    let valid = !body.is_empty() && padding <= 2 && steps.all(all);
    valid.then_some(base64)
}

fn has_space(data: &str) -> bool {
    scan::length_before(data.as_bytes(), *b" \t\n\r\x0C") < data.len()
}

/// A width or height in CSS pixels, when it is one that an image may have.
pub(super) fn pixels(value: RawJson<'_>) -> Option<u32> {
    match value.as_str() {
        Some(text) => pixels_of_text(&text),
        None => in_range(value.as_f64()?),
    }
}

/// A width or height in CSS pixels, as HTML writes it.
pub(crate) fn pixels_of_text(text: &str) -> Option<u32> {
    in_range(text.trim().trim_end_matches("px").trim_end().parse().ok()?)
}

fn in_range(number: f64) -> Option<u32> {
    (1.0..=10_000.0).contains(&number).then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn base64_that_could_end_the_attribute_is_refused() {
        assert_eq!(checked("Zm9v\nZg==\n"), Some("Zm9vZg==".to_owned()));
        for bad in ["", "====", "Zg==\" onerror=x", "Z g<"] {
            assert_eq!(checked(bad), None, "{bad}");
        }
    }
}
