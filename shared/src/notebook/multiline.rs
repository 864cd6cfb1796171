//! nbformat's multi-line text, which is a string or a list of strings. How the lines of the
//! oldest notebooks end is known to [`super::top`].

use std::borrow::Cow;

use super::json::RawJson;

impl RawJson<'_> {
    /// nbformat's multi-line text: a string, or a list of strings to be joined.
    #[must_use]
    pub fn text(self) -> Option<String> {
        if self.is_array() {
            let mut text = String::with_capacity(self.json().len());
            for line in self.items().filter_map(Self::as_str) {
                text.push_str(&line);
            }
            return Some(text);
        }
        self.as_str().map(Cow::into_owned)
    }

    /// Whether it is text as nbformat wants it.
    pub(crate) fn is_text(self) -> bool {
        self.is_string() || (self.is_array() && self.items().all(Self::is_string))
    }
}
