//! Images: always from data that came along, never from an address.

use super::escape;
use crate::prepared::Image;

/// What a reader who does not see an image is told when nobody described it.
pub(crate) const MISSING_ALT: &str = "image without a description";

/// An image of the page's own markup, onto the end of `out`.
pub(crate) fn push(out: &mut String, image: &Image, alt: &str) {
    out.push_str("<img class=\"nb-image\" src=\"data:");
    out.push_str(image.kind.mime());
    out.push_str(";base64,");
    out.push_str(&escape::attribute(&image.base64));
    out.push_str("\" alt=\"");
    let alt = if alt.trim().is_empty() {
        MISSING_ALT
    } else {
        alt
    };
    out.push_str(&escape::attribute(alt));
    out.push('"');
    for (name, pixels) in [("width", image.width), ("height", image.height)] {
        if let Some(pixels) = pixels {
            out.push_str(&format!(" {name}=\"{pixels}\""));
        }
    }
    out.push('>');
}
