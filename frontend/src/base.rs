//! The prefix this page is served below, known only at run time.
//!
//! The service writes it into `<base href>`; relative URLs of fetches and of the event
//! stream follow that by themselves. Links and the router need it spelled out.

use leptos::prelude::document;

/// The prefix without its last slash: `/services/dashboard`, or empty at the root.
pub fn prefix() -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let path = web_sys::Url::new(&base).map(|url| url.pathname());
    trim(&path.unwrap_or_default())
}

/// Removes what follows the last slash, and the slash.
fn trim(path: &str) -> String {
    path.rsplit_once('/')
        .map_or_else(String::new, |(prefix, _)| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::trim;

    #[test]
    fn the_last_slash_goes() {
        assert_eq!(trim("/services/dashboard/"), "/services/dashboard");
        assert_eq!(trim("/"), "");
        assert_eq!(trim("/index.html"), "");
        assert_eq!(trim(""), "");
    }
}
