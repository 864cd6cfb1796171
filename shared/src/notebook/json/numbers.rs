//! Numbers as they are written.
//!
//! serde_json reads a number as a whole one of 64 bits or as a floating-point one, and what it
//! writes of the latter is another text: `1.10` becomes `1.1`, and an integer of thirty digits
//! loses most of them. So the text of these is kept while the JSON is read, in order, and written
//! again in their place.

use std::cell::Cell;

/// The floating-point numbers of a text, in order, each as it is written.
#[derive(Debug, Default)]
pub(in crate::notebook) struct WrittenNumbers {
    /// The numbers, each with a line end.
    text: String,
    at: Cell<usize>,
}

impl WrittenNumbers {
    /// Keeps the next number if serde_json reads it as a floating-point one.
    pub(super) fn keep(&mut self, token: &str) {
        if is_floating(token) {
            self.text.push_str(token);
            self.text.push('\n');
        }
    }

    /// Appends the next number, whose value is `value`, to `out`.
    pub(super) fn push_next(&self, out: &mut String, value: f64) {
        let rest = &self.text[self.at.get()..];
        let token = rest.split('\n').next().unwrap_or_default();
        if token.is_empty() {
            // A value that was made here.
            let number = serde_json::Number::from_f64(value);
            out.push_str(&number.map_or_else(|| "null".to_owned(), |number| number.to_string()));
            return;
        }
        self.at.set(self.at.get() + token.len() + 1);
        out.push_str(token);
    }
}

/// Whether serde_json reads a number as a floating-point one.
fn is_floating(token: &str) -> bool {
    let is_whole = token.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_whole || token == "-0" {
        return true;
    }
    token.len() > 18 && token.parse::<i64>().is_err() && token.parse::<u64>().is_err()
}
