//! The start tags of links that lead out of the page.

use super::escape;

/// The `rel` of a link from a notebook, by which the other site learns nothing of the page.
pub(crate) const LINK_REL: &str = "noopener noreferrer nofollow";

/// Appends the start tag of a link to an allowed address to `out`.
pub(crate) fn push_start(out: &mut String, url: &str, title: &str) {
    out.push_str("<a href=\"");
    out.push_str(&escape::attribute(url));
    if !title.is_empty() {
        out.push_str("\" title=\"");
        out.push_str(&escape::attribute(title));
    }
    out.push_str("\" target=\"_blank\" rel=\"");
    out.push_str(LINK_REL);
    out.push_str("\">");
}
