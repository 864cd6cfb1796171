//! A cell, whichever nbformat it is of.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
};

use serde_json::{Map, Value};

use super::output::Output;

/// One cell: the JSON it came as, and ways to look at it.
#[derive(Clone, Debug)]
pub struct Cell {
    value: Value,
    /// The hash of the text it was read from, of which hashing the value is ten times slower.
    mark: Option<u64>,
}

/// By what they hold, wherever they come from.
impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// What a cell is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Source for the kernel, with outputs.
    Code,
    /// Markdown; also nbformat 3's cells of HTML, which Markdown may contain.
    Markdown,
    /// Text for another program, such as LaTeX for an export.
    Raw,
    /// A heading of nbformat 2 and 3, of the level from 1 to 6.
    Heading(u8),
    /// No cell this version knows; why, in words.
    Unknown(String),
}

impl Cell {
    pub(super) fn new(value: Value) -> Self {
        Self { value, mark: None }
    }

    /// The cell that `text` is, when it is JSON.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value = serde_json::from_str(text).ok()?;
        let mark = Some(hash_of(text));
        Some(Self { value, mark })
    }

    /// The same trimmed by `trim` to `lines`.
    pub(super) fn trimmed(mut self, lines: usize, trim: impl Fn(&mut Value, usize)) -> Self {
        trim(&mut self.value, lines);
        self.mark = self.mark.map(|mark| hash_of(&(mark, lines)));
        self
    }

    /// Hashes what the cell holds. The hash need not withstand an attack, and two equal cells
    /// may have different ones: it tells whether a cell is what it was.
    pub(crate) fn mark(&self, hasher: &mut DefaultHasher) {
        match self.mark {
            Some(mark) => mark.hash(hasher),
            None => serde_json::to_writer(Hashing(hasher), &self.value)
                .expect("a Value has text keys and hashing cannot fail"),
        }
    }

    /// The JSON of the cell, whatever it is.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"x": 1}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.value()["x"], 1);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn value_mut(&mut self) -> &mut Value {
        self.mark = None;
        &mut self.value
    }

    pub(super) fn into_value(self) -> Value {
        self.value
    }

    /// What the cell is.
    ///
    /// ```
    /// use shared::notebook::{CellKind, Notebook};
    ///
    /// let json = br#"{"cells": [{"cell_type": "heading", "level": 2}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// assert_eq!(notebook.cells()[0].kind(), CellKind::Heading(2));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn kind(&self) -> CellKind {
        let Value::Object(fields) = &self.value else {
            return CellKind::Unknown("a cell that is not an object".to_owned());
        };
        match fields.get("cell_type").and_then(Value::as_str) {
            Some("code") => CellKind::Code,
            Some("markdown" | "html") => CellKind::Markdown,
            Some("raw") => CellKind::Raw,
            Some("heading") => {
                let level = fields.get("level").and_then(Value::as_u64).unwrap_or(1);
                CellKind::Heading(level.clamp(1, 6) as u8)
            }
            Some(other) => CellKind::Unknown(format!("a cell of the unknown type “{other}”")),
            None => CellKind::Unknown("a cell without a type".to_owned()),
        }
    }

    /// The text of the cell, lines joined, each ending in `\n` alone; empty when there is
    /// none.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"source": ["a\r\n", "b"]}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.source(), "a\nb");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn source(&self) -> String {
        let text = self
            .get("source")
            .or_else(|| self.get("input"))
            .and_then(text)
            .unwrap_or_default();
        if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        }
    }

    /// The id of nbformat 4.5, when there is one.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"id": "a1"}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.id(), Some("a1"));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn id(&self) -> Option<&str> {
        self.get("id").and_then(Value::as_str)
    }

    /// The number in the prompt; `None` when the cell was never run.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"execution_count": 3}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.execution_count(), Some(3));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn execution_count(&self) -> Option<i64> {
        self.get("execution_count")
            .or_else(|| self.get("prompt_number"))
            .and_then(Value::as_i64)
    }

    /// The cell's metadata, when it has any.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"metadata": {"name": "x"}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.metadata().expect("it has some")["name"], "x");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.get("metadata").and_then(Value::as_object)
    }

    /// Whether the metadata's field `key`, in `table` when one is named, is true.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"metadata": {"jupyter": {"source_hidden": true}}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert!(cell.flag(Some("jupyter"), "source_hidden"));
    /// assert!(!cell.flag(None, "collapsed"));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn flag(&self, table: Option<&str>, key: &str) -> bool {
        let Some(metadata) = self.metadata() else {
            return false;
        };
        let value = match table {
            Some(table) => metadata.get(table).and_then(|table| table.get(key)),
            None => metadata.get(key),
        };
        value == Some(&Value::Bool(true))
    }

    /// The tags somebody gave the cell.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"metadata": {"tags": ["exercise"]}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.tags().collect::<Vec<_>>(), ["exercise"]);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.metadata().and_then(|metadata| metadata.get("tags"));
        let tags = tags.and_then(Value::as_array).map(Vec::as_slice);
        tags.unwrap_or_default().iter().filter_map(Value::as_str)
    }

    /// The language of this cell alone, which nbformat 2 and 3 have.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"language": "R"}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert_eq!(cell.language(), Some("R"));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn language(&self) -> Option<&str> {
        self.get("language").and_then(Value::as_str)
    }

    /// The images that came with the cell: name, and data by mime type.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"attachments": {"a.png": {"image/png": "Zg=="}}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert!(cell.attachments().expect("there is one").contains_key("a.png"));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn attachments(&self) -> Option<&Map<String, Value>> {
        self.get("attachments").and_then(Value::as_object)
    }

    /// The outputs of a code cell, in order. What is no list is taken for the only one.
    ///
    /// ```
    /// use shared::notebook::{Notebook, Output};
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "outputs": [
    ///     {"output_type": "stream", "name": "stderr", "text": ["careful\n"]}]}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let outputs: Vec<Output<'_>> = notebook.cells()[0].outputs().collect();
    /// let text = "careful\n".to_owned();
    /// assert_eq!(outputs, [Output::Stream { stderr: true, text }]);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        self.output_values().iter().map(Output::of)
    }

    /// Whether a code cell shows signs of having been run.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "execution_count": 1}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert!(cell.was_run());
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn was_run(&self) -> bool {
        self.kind() == CellKind::Code
            && (self.execution_count().is_some() || !self.output_values().is_empty())
    }

    /// Whether one of its outputs is an error.
    pub(super) fn has_error(&self) -> bool {
        self.outputs()
            .any(|output| matches!(output, Output::Error { .. }))
    }

    /// Whether an output has a name that another output may refer to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_named_display(&self) -> bool {
        let is_named = |output: &Value| {
            let transient = output.get("transient");
            transient.is_some_and(|transient| transient.get("display_id").is_some())
        };
        self.output_values().iter().any(is_named)
    }

    fn output_values(&self) -> &[Value] {
        match self.get("outputs") {
            Some(Value::Array(outputs)) => outputs,
            None | Some(Value::Null) => &[],
            Some(other) => std::slice::from_ref(other),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.value.as_object().and_then(|fields| fields.get(key))
    }
}

/// nbformat's multi-line text: a string, or a list of strings to be joined.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn hash_of(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// A writer into a hash, so that JSON need not be made as text.
struct Hashing<'a>(&'a mut DefaultHasher);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
