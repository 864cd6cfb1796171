//! What text needs to become a part of HTML that is made as text.

/// Text for HTML and for an attribute in double quotes.
pub fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}
