//! Images: always from data that came along, never from an address.

use super::escape;
use crate::prepared::{Image, ImageKind};

/// What a reader who does not see an image is told when nobody described it.
pub(crate) const NO_ALT: &str = "image without a description";

/// An image of the page's own markup, onto the end of `out`.
pub(crate) fn push(out: &mut String, image: &Image, alt: &str) {
    out.push_str("<img class=\"nb-image\" src=\"data:");
    out.push_str(image.kind.mime());
    out.push_str(";base64,");
    out.push_str(&escape::attribute(&image.base64));
    out.push_str("\" alt=\"");
    let alt = if alt.trim().is_empty() { NO_ALT } else { alt };
    out.push_str(&escape::attribute(alt));
    out.push('"');
    for (name, pixels) in [("width", image.width), ("height", image.height)] {
        if let Some(pixels) = pixels {
            out.push_str(&format!(" {name}=\"{pixels}\""));
        }
    }
    out.push('>');
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
