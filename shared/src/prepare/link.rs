//! The links to addresses that a reader may follow.

pub(crate) use crate::render::link::{LINK_REL, push_start};

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
