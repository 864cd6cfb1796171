//! Reads and checks the images of notebooks.

use std::borrow::Cow;

use super::{budget::picture, data_url, drawing};
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

/// Whether a drawing has HTML in it, which its picture is without.
pub(crate) fn leaves_out_html(source: &str) -> bool {
    drawing::has_html(source)
}

/// Whether no page shows `image`, because drawing it costs too much or that cannot be told.
pub(crate) fn is_refused(image: &Image) -> bool {
    picture::refusal(image.kind, &image.base64).is_some()
}

/// The image in a `data:` address; `None` when its kind is not shown. An SVG need not be in
/// base64.
pub(crate) fn of_data_url(url: &str) -> Option<Image> {
    let data = data_url::parts(url)?;
    let kind = ImageKind::of_mime(&data.mime)?;
    if let Some(text) = data.text() {
        return (kind == ImageKind::Svg).then(|| of(kind, &text))?;
    }
    Some(Image {
        kind,
        base64: checked(&data.base64()?)?,
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

/// The image in a `data:` address as an address in the one form that the page has.
pub(crate) fn in_base64(url: &str) -> Option<Cow<'_, str>> {
    let image = of_data_url(url)?;
    let own = url
        .strip_prefix("data:")
        .and_then(|url| url.split_once(";base64,"));
    if own.is_some_and(|(mime, data)| is_plain_type(mime) && data == image.base64) {
        return Some(Cow::Borrowed(url));
    }
    Some(format!("data:{};base64,{}", image.kind.mime(), image.base64).into())
}

/// Whether a type is written in small letters and has no parameters.
fn is_plain_type(mime: &str) -> bool {
    !mime.contains(|c: char| c.is_ascii_uppercase() || c.is_ascii_whitespace() || c == ';')
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
    use super::{checked, in_base64};

    #[test]
    fn addresses_of_pictures_come_to_one_form() {
        for (url, expected) in [
            (
                "data:image/png;base64,Zm9v",
                Some("data:image/png;base64,Zm9v"),
            ),
            (
                "data:image/jpg;base64,Zm9v",
                Some("data:image/jpg;base64,Zm9v"),
            ),
            (
                "DATA:Image/PNG;BASE64,Zm9v",
                Some("data:image/png;base64,Zm9v"),
            ),
            (
                "data:image/png;charset=utf-8;base64,Zm9v",
                Some("data:image/png;base64,Zm9v"),
            ),
            (
                "data:image/svg+xml;charset=utf-8;base64,Zm9v",
                Some("data:image/svg+xml;base64,Zm9v"),
            ),
            (
                "data:image/png;base64,Zg%3D%3D",
                Some("data:image/png;base64,Zg=="),
            ),
            (
                "data:image/png;base64,%2B%2F8\nA",
                Some("data:image/png;base64,+/8A"),
            ),
            (
                "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'/>",
                Some(
                    "data:image/svg+xml;base64,\
                     PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnLz4=",
                ),
            ),
            ("data:image/bmp;base64,Zm9v", None),
            ("data:image/png,Zm9v", None),
            ("data:text/html;base64,Zm9v", None),
            ("data:image/png;base64,Zm9v%22", None),
            ("http://x/data:image/png;base64,Zm9v", None),
        ] {
            assert_eq!(in_base64(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn base64_that_could_end_the_attribute_is_refused() {
        assert_eq!(checked("Zm9v\nZg==\n"), Some("Zm9vZg==".to_owned()));
        for bad in ["", "====", "Zg==\" onerror=x", "Z g<"] {
            assert_eq!(checked(bad), None, "{bad}");
        }
    }
}
