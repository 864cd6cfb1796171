//! nbformat's multi-line text, which is a string or a list of strings. [`super::top`] adds the
//! missing line ends of the oldest notebooks.

use std::borrow::Cow;

use super::json::RawJson;

impl RawJson<'_> {
    /// The text of a multi-line text: a string, or the strings of a list joined.
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

    /// Whether it is a valid multi-line text of nbformat.
    pub(crate) fn is_text(self) -> bool {
        self.is_string() || (self.is_array() && self.items().all(Self::is_string))
    }
}
