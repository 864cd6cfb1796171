//! The interface of sanitisers.

use crate::prepared::SafeHtml;

/// Turns untrusted HTML into HTML that is safe to put into a page.
pub trait Sanitizer {
    /// The harmless part of `html`, a fragment for the inside of an element.
    ///
    /// ```
    /// use shared::{prepare::Sanitizer, sanitize::Ammonia};
    ///
    /// let safe = Ammonia.sanitize("<b onclick=x()>bold</b><script>y()</script>");
    /// assert_eq!(safe.as_str(), "<b>bold</b>");
    /// ```
    fn sanitize(&self, html: &str) -> SafeHtml;
}
