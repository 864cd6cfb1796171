//! The links to addresses that a reader may follow.

use crate::render::escape;

/// The `rel` of a link from a notebook, by which the other site learns nothing of the page.
pub(crate) const LINK_REL: &str = "noopener noreferrer nofollow";

/// Whether `url` leads out of the page and is no script.
///
/// Relative addresses are refused, because they would lead below the service's address and not
/// beside the notebook.
pub(crate) fn is_allowed(url: &str) -> bool {
    let starts = |scheme: &str| {
        let start = url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("https://") || starts("http://") || starts("mailto:")
}

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
