//! An output, whichever nbformat it is of.

use serde_json::{Map, Value};

use super::cell::text;

/// nbformat 3's names for mime types, which stand on the output itself.
const OLD_NAMES: [(&str, &str); 9] = [
    ("html", "text/html"),
    ("svg", "image/svg+xml"),
    ("latex", "text/latex"),
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("json", "application/json"),
    ("javascript", "application/javascript"),
    ("pdf", "application/pdf"),
    ("text", "text/plain"),
];

/// One output of a code cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// What was printed.
    Stream {
        /// On standard error rather than standard output.
        stderr: bool,
        /// As it was written: with escapes and carriage returns.
        text: String,
    },
    /// An exception.
    Error {
        /// Its type.
        ename: String,
        /// Its message.
        evalue: String,
        /// As the kernel formatted it, with ANSI escapes; may be empty.
        traceback: String,
    },
    /// Something displayed, in one or more mime types.
    Bundle(Bundle<'a>),
    /// What came before it is no longer shown.
    Clear {
        /// Only when the next output comes.
        wait: bool,
    },
    /// No output this version knows; why, in words.
    Unknown(String),
}

/// One thing in several mime types.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle<'a> {
    /// It is the value of the cell, and not something displayed on the way.
    pub is_result: bool,
    /// It replaces what was displayed under the same id.
    pub is_update: bool,
    /// What it was displayed under, when a tool kept that.
    pub display_id: Option<&'a str>,
    /// By mime type, in the order of the file.
    pub data: Vec<(&'a str, &'a Value)>,
    /// By mime type, such as the width of an image.
    pub metadata: Option<&'a Map<String, Value>>,
}

/// Whether `value` is an output with something to show, as [`Output::of`] would tell it.
pub(super) fn is_shown(value: &Value) -> bool {
    let kind = value.get("output_type").and_then(Value::as_str);
    matches!(
        kind,
        Some(
            "stream"
                | "error"
                | "pyerr"
                | "execute_result"
                | "pyout"
                | "display_data"
                | "update_display_data"
        )
    )
}

impl<'a> Output<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let Value::Object(fields) = value else {
            return Self::Unknown("an output that is not an object".to_owned());
        };
        let part = |key: &str| fields.get(key).and_then(text).unwrap_or_default();
        match fields.get("output_type").and_then(Value::as_str) {
            Some("stream") => Self::Stream {
                stderr: fields.get("name").or_else(|| fields.get("stream"))
                    == Some(&Value::from("stderr")),
                text: part("text"),
            },
            Some("error" | "pyerr") => Self::Error {
                ename: part("ename"),
                evalue: part("evalue"),
                traceback: traceback(fields.get("traceback")),
            },
            Some("execute_result" | "pyout") => Self::Bundle(Bundle::of(fields, true)),
            Some("display_data" | "update_display_data") => Self::Bundle(Bundle::of(fields, false)),
            Some("clear_output") => Self::Clear {
                wait: fields.get("wait") == Some(&Value::Bool(true)),
            },
            Some(other) => Self::Unknown(format!("an output of the unknown type “{other}”")),
            None => Self::Unknown("an output without a type".to_owned()),
        }
    }
}

impl<'a> Bundle<'a> {
    fn of(fields: &'a Map<String, Value>, is_result: bool) -> Self {
        let data = match fields.get("data") {
            Some(Value::Object(data)) => data
                .iter()
                .map(|(mime, value)| (mime.as_str(), value))
                .collect(),
            _ => old_data(fields),
        };
        let metadata = fields.get("metadata").and_then(Value::as_object);
        let transient = fields.get("transient");
        let display_id = transient.and_then(|transient| transient.get("display_id"));
        Self {
            is_result,
            is_update: fields.get("output_type") == Some(&Value::from("update_display_data")),
            display_id: display_id.and_then(Value::as_str),
            data,
            metadata,
        }
    }

    /// The data of one mime type.
    ///
    /// ```
    /// use shared::notebook::{Notebook, Output};
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "outputs": [
    ///     {"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}}]}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let Some(Output::Bundle(bundle)) = notebook.cells()[0].outputs().next() else {
    ///     panic!("it is one");
    /// };
    /// assert!(bundle.get("text/plain").is_some_and(|data| data.is_array()));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn get(&self, mime: &str) -> Option<&'a Value> {
        let found = self.data.iter().find(|(name, _)| *name == mime);
        found.map(|(_, value)| *value)
    }

    /// The data of one mime type as text; lists of lines are joined. `None` when there is
    /// none, or when it is no text.
    ///
    /// ```
    /// use shared::notebook::{Notebook, Output};
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "outputs": [
    ///     {"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}}]}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let Some(Output::Bundle(bundle)) = notebook.cells()[0].outputs().next() else {
    ///     panic!("it is one");
    /// };
    /// assert_eq!(bundle.text("text/plain").as_deref(), Some("a\nb"));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn text(&self, mime: &str) -> Option<String> {
        self.get(mime).and_then(text)
    }
}

/// The data of an output of nbformat 2 or 3.
fn old_data(fields: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let named = OLD_NAMES
        .iter()
        .filter_map(|(old, mime)| fields.get(*old).map(|value| (*mime, value)));
    let full = fields.iter().filter(|(key, _)| key.contains('/'));
    named
        .chain(full.map(|(key, value)| (key.as_str(), value)))
        .collect()
}

/// The mime type of nbformat 3's name for it.
pub(super) fn mime_of_old_name(name: &str) -> Option<&'static str> {
    let found = OLD_NAMES.iter().find(|(old, _)| *old == name);
    found.map(|(_, mime)| *mime)
}

/// The parts of a traceback are lines without their ends.
fn traceback(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(lines)) => {
            let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
            lines.join("\n")
        }
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}
