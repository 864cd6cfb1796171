//! A value as its JSON text, which is searched without being parsed.

use std::borrow::Cow;

use serde_json::Value;

use crate::scan;

/// A value of a notebook: its JSON, without white space and with each key once.
///
/// It stays text, because a tree of values takes up to fifty times the memory of its text and
/// most of a notebook is never read. Each method searches the text, in a time proportional to
/// its length.
///
/// ```
/// use shared::notebook::Notebook;
///
/// let json = br#"{"cells": [], "metadata": {"authors": [{"name": "Ana"}, 7]}}"#;
/// let notebook = Notebook::parse(json)?.notebook;
/// let authors = notebook.metadata().and_then(|metadata| metadata.get("authors"));
/// let authors = authors.expect("there are some");
/// assert_eq!(authors.json(), r#"[{"name":"Ana"},7]"#);
/// let first = authors.items().next().expect("there are two");
/// assert_eq!(first.get("name").and_then(|name| name.as_str()).as_deref(), Some("Ana"));
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// The value of this JSON, which [`super::compact`] has written.
    pub(crate) fn of(json: &'a str) -> Self {
        Self(json)
    }

    /// The JSON of the value.
    #[must_use]
    pub fn json(self) -> &'a str {
        self.0
    }

    /// The value as a tree of serde_json, which takes many times as much memory. A number that
    /// JSON does not have is null in it.
    #[must_use]
    pub fn to_value(self) -> Value {
        if let Ok(value) = serde_json::from_str(self.0) {
            return value;
        }
        if self.is_object() {
            let entries = self.entries();
            let entries = entries.map(|(name, value)| (unescaped(name).into(), value.to_value()));
            return Value::Object(entries.collect());
        }
        match self.is_array() {
            true => self.items().map(Self::to_value).collect(),
            false => Value::Null,
        }
    }

    /// The value of `key`, which must need no escapes; `None` when there is none, or no object.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        let found = self.entries().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// The values of several keys, found in one pass.
    pub(in crate::notebook) fn get_all<const N: usize>(self, keys: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        for (name, value) in self.entries() {
            if let Some(at) = keys.iter().position(|key| *key == name) {
                found[at] = Some(value);
            }
        }
        found
    }

    /// The keys of an object and their values, in order. A key is as it stands between the quotes
    /// of the JSON; [`unescaped`] reads its escapes.
    #[must_use]
    pub fn entries(self) -> Entries<'a> {
        Entries(self.0.strip_prefix('{').unwrap_or("}"))
    }

    /// The items of a list, in order.
    #[must_use]
    pub fn items(self) -> Items<'a> {
        Items(self.0.strip_prefix('[').unwrap_or("]"))
    }

    /// The text, when the value is one.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.as_written().map(unescaped)
    }

    /// The text as it stands between the quotes of the JSON, when the value is one.
    #[must_use]
    pub fn as_written(self) -> Option<&'a str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// The number, when the value is a whole one that fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The number, when the value is a whole one that fits and is not negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The number, when the value is one.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        let is_number = self.0.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        is_number.then(|| self.0.parse().ok()).flatten()
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether the value is `true`.
    #[must_use]
    pub fn is_true(self) -> bool {
        self.0 == "true"
    }

    /// Whether the value is a text.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.0.starts_with('"')
    }

    /// Whether the value is a list.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// Whether the value is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }
}

/// The text that stands between two quotes of JSON, with its escapes read.
#[must_use]
pub fn unescaped(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    let quoted = format!("\"{written}\"");
    Cow::Owned(serde_json::from_str(&quoted).expect("it was written as JSON"))
}

/// Iterates over the items of a list; the rest of its JSON begins with an item, a comma or the
/// closing bracket.
#[derive(Clone, Debug)]
pub struct Items<'a>(&'a str);

impl<'a> Iterator for Items<'a> {
    type Item = RawJson<'a>;

    fn next(&mut self) -> Option<RawJson<'a>> {
        let rest = self.0.strip_prefix(',').unwrap_or(self.0);
        if rest.starts_with(']') {
            return None;
        }
        let (value, rest) = rest.split_at(length(rest.as_bytes()));
        self.0 = rest;
        Some(RawJson(value))
    }
}

/// Iterates over the keys of an object and their values; the rest of its JSON begins with a key,
/// a comma or the closing brace.
#[derive(Clone, Debug)]
pub struct Entries<'a>(&'a str);

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, RawJson<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.strip_prefix(',').unwrap_or(self.0);
        if rest.starts_with('}') {
            return None;
        }
        let (key, rest) = rest.split_at(text_length(rest.as_bytes()));
        let rest = &rest[1..];
        let (value, rest) = rest.split_at(length(rest.as_bytes()));
        self.0 = rest;
        Some((&key[1..key.len() - 1], RawJson(value)))
    }
}

/// The length of the value that `json` begins with.
fn length(json: &[u8]) -> usize {
    match json[0] {
        b'"' => text_length(json),
        b'{' | b'[' => container_length(json),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}');
            json.iter().position(ends).unwrap_or(json.len())
        }
    }
}

/// The length of the text that `json` begins with, with its quotes.
pub(super) fn text_length(json: &[u8]) -> usize {
    let mut at = 1;
    loop {
        at += scan::length_before(&json[at..], *b"\"\\");
        match json[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
}

/// By how much a byte outside of texts changes how deep what follows it is.
const DEPTH_CHANGES: [i8; 256] = {
    let mut changes = [0; 256];
    changes[b'{' as usize] = 1;
    changes[b'[' as usize] = 1;
    changes[b'}' as usize] = -1;
    changes[b']' as usize] = -1;
    changes
};

/// The length of the list or object that `json` begins with.
///
/// A table instead of a branch for each kind of byte, since in nested lists no processor guesses
/// which comes next.
fn container_length(json: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_isize);
    loop {
        let byte = json[at];
        if byte == b'"' {
            at += text_length(&json[at..]);
            continue;
        }
        depth += isize::from(DEPTH_CHANGES[usize::from(byte)]);
        at += 1;
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RawJson;

    #[test]
    fn values_are_found_in_the_text() {
        let raw = RawJson(r#"{"a":[1,"]\"",[],{}],"b":{"c":"x\\"},"":-1.5e300,"d":null}"#);
        let items: Vec<&str> = raw.get("a").unwrap().items().map(RawJson::json).collect();
        assert_eq!(items, ["1", r#""]\"""#, "[]", "{}"]);
        let c = raw.get("b").and_then(|b| b.get("c")).unwrap();
        assert_eq!(c.as_str().as_deref(), Some("x\\"));
        assert_eq!(raw.get("").and_then(RawJson::as_f64), Some(-1.5e300));
        assert!(raw.get("d").unwrap().is_null() && raw.get("e").is_none());
        let [d, none, a] = raw.get_all(["d", "x", "a"]);
        assert!(d.is_some() && none.is_none() && a.is_some_and(RawJson::is_array));
        assert_eq!(
            RawJson("7").items().count() + RawJson("[]").entries().count(),
            0
        );
    }
}
