//! An output of any nbformat.

use super::json::{Entries, RawJson};

/// The names of nbformat 3 for mime types, which are fields of the output itself.
const NBFORMAT_3_MIMES: [(&str, &str); 9] = [
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
    /// Printed text.
    Stream {
        /// Whether it was printed to standard error, and not to standard output.
        stderr: bool,
        /// The text as it was printed, with escapes and carriage returns.
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
    /// A display or a result, in one or more mime types.
    Bundle(MimeBundle<'a>),
    /// The outputs before it are no longer shown.
    Clear {
        /// Whether they are shown until the next output comes.
        wait: bool,
    },
    /// An output of an unknown type, or a broken one; why, in words.
    Unknown(String),
}

/// The same data in several mime types: a MIME bundle of Jupyter.
#[derive(Clone, Debug, PartialEq)]
pub struct MimeBundle<'a> {
    /// Whether it is the cell's result, and not a display.
    pub is_result: bool,
    /// Whether it updates the display of the same id.
    pub is_update: bool,
    /// The display id, when the file has it, as it stands between the quotes of the JSON.
    pub display_id: Option<&'a str>,
    /// The data by mime type, as it stands between the quotes of the JSON, in the order of the
    /// file: the first 32 types.
    pub data: Vec<(&'a str, RawJson<'a>)>,
    /// Whether it is of nbformat 2 or 3, where JSON is a text.
    pub is_old: bool,
    /// The metadata by mime type, such as the width of an image.
    pub metadata: Option<RawJson<'a>>,
}

/// The most mime types of one bundle that are read; libraries write fewer.
const MAX_MIME_TYPES: usize = 32;

/// Whether [`Output::of`] would read `value` as an output of a known type that shows something.
pub(super) fn is_shown(value: RawJson<'_>) -> bool {
    let kind = value.get("output_type").and_then(RawJson::as_written);
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

/// Whether `value` is an exception.
pub(super) fn is_error(value: RawJson<'_>) -> bool {
    let kind = value.get("output_type").and_then(RawJson::as_written);
    matches!(kind, Some("error" | "pyerr"))
}

impl<'a> Output<'a> {
    pub(crate) fn of(value: RawJson<'a>) -> Self {
        if !value.is_object() {
            return Self::Unknown("an output that is not an object".to_owned());
        }
        let part = |key: &str| value.get(key).and_then(RawJson::text).unwrap_or_default();
        match value
            .get("output_type")
            .and_then(RawJson::as_str)
            .as_deref()
        {
            Some("stream") => {
                let [name, stream, text] = value.get_all(["name", "stream", "text"]);
                let name = name.or(stream).and_then(RawJson::as_written);
                Self::Stream {
                    stderr: name == Some("stderr"),
                    text: text.and_then(RawJson::text).unwrap_or_default(),
                }
            }
            Some("error" | "pyerr") => Self::Error {
                ename: part("ename"),
                evalue: part("evalue"),
                traceback: value.get("traceback").map(traceback).unwrap_or_default(),
            },
            Some("execute_result" | "pyout") => Self::Bundle(MimeBundle::of(value, true)),
            Some("display_data" | "update_display_data") => {
                Self::Bundle(MimeBundle::of(value, false))
            }
            Some("clear_output") => Self::Clear {
                wait: value.get("wait").is_some_and(RawJson::is_true),
            },
            Some(other) => Self::Unknown(format!("an output of the unknown type “{other}”")),
            None => Self::Unknown("an output without a type".to_owned()),
        }
    }
}

impl<'a> MimeBundle<'a> {
    fn of(fields: RawJson<'a>, is_result: bool) -> Self {
        let [data, metadata, transient, kind] =
            fields.get_all(["data", "metadata", "transient", "output_type"]);
        let display_id = transient.and_then(|transient| transient.get("display_id"));
        let data = data.filter(|data| data.is_object());
        let is_old = data.is_none();
        let mut data: Vec<_> = match data {
            Some(data) => data.entries().take(MAX_MIME_TYPES).collect(),
            None => old_data(fields).take(MAX_MIME_TYPES).collect(),
        };
        data.shrink_to_fit();
        Self {
            is_result,
            is_update: kind.and_then(RawJson::as_written) == Some("update_display_data"),
            display_id: display_id.and_then(RawJson::as_written),
            data,
            is_old,
            metadata: metadata.filter(|metadata| metadata.is_object()),
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
    pub fn get(&self, mime: &str) -> Option<RawJson<'a>> {
        let found = self.data.iter().find(|(name, _)| *name == mime);
        found.map(|(_, value)| *value)
    }

    /// The data of one mime type as text; lists of lines are joined. `None` when the bundle has
    /// no such data, or when it is no text.
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
        self.get(mime).and_then(RawJson::text)
    }
}

/// The data of an output of nbformat 2 or 3.
fn old_data<'a>(fields: RawJson<'a>) -> impl Iterator<Item = (&'a str, RawJson<'a>)> {
    let named = NBFORMAT_3_MIMES
        .into_iter()
        .filter_map(move |(old, mime)| fields.get(old).map(|value| (mime, value)));
    let all: Entries<'a> = fields.entries();
    named.chain(all.filter(|(key, _)| key.contains('/')))
}

/// The mime type that nbformat 3 calls `name`.
pub(super) fn mime_of_old_name(name: &str) -> Option<&'static str> {
    let found = NBFORMAT_3_MIMES.iter().find(|(old, _)| *old == name);
    found.map(|(_, mime)| *mime)
}

/// Whether nbformat 3 has a name for this mime type.
pub(super) fn mime_has_old_name(mime: &str) -> bool {
    NBFORMAT_3_MIMES.iter().any(|(_, known)| *known == mime)
}

/// The traceback as one text: its list holds lines without their ends.
fn traceback(value: RawJson<'_>) -> String {
    if !value.is_array() {
        return value.as_str().unwrap_or_default().into_owned();
    }
    let mut lines = String::with_capacity(value.json().len());
    for (at, line) in value.items().filter_map(RawJson::as_str).enumerate() {
        lines.push_str(if at > 0 { "\n" } else { "" });
        lines.push_str(&line);
    }
    lines
}
