//! The path prefix below which this page is served, known only at run time.
//!
//! The service writes the prefix into `<base href>`, against which the browser resolves the
//! relative URLs of fetches and of the event stream. Links and the router need the prefix itself.

use leptos::prelude::document;

/// The prefix without its last slash: `/services/dashboard`, or empty at the root.
pub fn prefix() -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let path = web_sys::Url::new(&base).map(|url| url.pathname());
    without_last_segment(&path.unwrap_or_default())
}

/// The path before its last slash.
fn without_last_segment(path: &str) -> String {
    path.rsplit_once('/')
        .map_or_else(String::new, |(prefix, _)| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::without_last_segment;

    #[test]
    fn the_prefix_has_no_last_slash() {
        assert_eq!(
            without_last_segment("/services/dashboard/"),
            "/services/dashboard"
        );
        assert_eq!(without_last_segment("/"), "");
        assert_eq!(without_last_segment("/index.html"), "");
        assert_eq!(without_last_segment(""), "");
    }
}
