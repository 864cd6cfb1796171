//! Images, always from data in the notebook, never from an address.

use super::escape;
use crate::prepared::Image;

/// The `alt` text of an image that has no description.
pub(crate) const MISSING_ALT: &str = "image without a description";

/// Appends the `img` element of `image` to `out`.
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
