//! A cell of any nbformat.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash},
};

use serde_json::Value;

use super::{
    json::{RawJson, compact},
    output::{Output, is_error},
};
use crate::scan;

/// One cell: its JSON, and methods that read it.
#[derive(Clone, Debug)]
pub struct Cell {
    json: Box<str>,
    /// Start and end of the values of [`INDEXED_FIELDS`] in `json`; `(0, 0)` for a missing field.
    ranges: [(u32, u32); INDEXED_FIELDS.len()],
}

/// The fields that nearly every reader asks for; their values are found once.
const INDEXED_FIELDS: [&str; 12] = [
    "cell_type",
    "execution_count",
    "id",
    "input",
    "language",
    "level",
    "metadata",
    "outputs",
    "prompt_number",
    "source",
    "attachments",
    "collapsed",
];

/// The most bytes of a source, and at each end of the outputs, that are searched for definitions of
/// TeX, which hold in later cells. Definitions are few and short, so that the large cells of pictures
/// and tables need not be searched through.
pub(crate) const MAX_DEFINING_BYTES: usize = 64 * 1024;

/// The beginnings of the commands of TeX that define something for later formulas.
const DEFINING_COMMANDS: [&str; 11] = [
    "newcommand",
    "renewcommand",
    "providecommand",
    "def",
    "definecolor",
    "gdef",
    "let",
    "Declare",
    "newenvironment",
    "renewenvironment",
    "tag",
];

/// The first and the last `most` bytes of `json`; the second part is empty when the first is all.
pub(super) fn ends(json: &str, most: usize) -> [&str; 2] {
    let (first, rest) = json.split_at(json.floor_char_boundary(most));
    let start = rest.ceil_char_boundary(rest.len().saturating_sub(most));
    [first, &rest[start..]]
}

/// Whether JSON holds a command that defines something of TeX.
pub(super) fn may_define_tex(json: &str) -> bool {
    let mut rest = json.as_bytes();
    loop {
        let before = scan::length_before(rest, [b'\\']);
        // A backslash and what it escapes.
        let Some((escape, behind)) = rest[before..].split_at_checked(2) else {
            return false;
        };
        rest = behind;
        // A backslash is written as two.
        let is_command = escape == br"\\";
        if is_command
            && DEFINING_COMMANDS
                .iter()
                .any(|name| rest.starts_with(name.as_bytes()))
        {
            return true;
        }
    }
}

/// Cells are equal when their JSON is.
impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// The type of a cell.
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
    /// A cell of an unknown type, or a broken one; why, in words.
    Unknown(String),
}

impl Cell {
    /// The cell of this JSON, which [`compact`] has written.
    pub(super) fn new(json: String) -> Self {
        let json = json.into_boxed_str();
        let mut ranges = [(0, 0); INDEXED_FIELDS.len()];
        for (name, value) in RawJson::of(&json).entries() {
            if let Some(known) = INDEXED_FIELDS.iter().position(|known| *known == name) {
                let start = value.json().as_ptr().addr() - json.as_ptr().addr();
                // A notebook that is read is smaller than four gigabytes.
                ranges[known] = (start as u32, (start + value.json().len()) as u32);
            }
        }
        Self { json, ranges }
    }

    /// Reads the cell in `text`; `None` when it is no JSON.
    pub(super) fn read(text: &str) -> Option<Self> {
        compact(text).map(Self::new)
    }

    /// Hashes the cell's JSON, to recognise an unchanged cell. The hash need not withstand an
    /// attack.
    pub(crate) fn mark(&self, hasher: &mut DefaultHasher) {
        self.json.hash(hasher);
    }

    /// The JSON of the cell, which need not be an object.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"x": 1}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// assert_eq!(notebook.cells()[0].json().json(), r#"{"x":1}"#);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn json(&self) -> RawJson<'_> {
        RawJson::of(&self.json)
    }

    /// The JSON as a value of serde_json, which takes many times as much memory.
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
    pub fn value(&self) -> Value {
        self.json().to_value()
    }

    /// The type of the cell.
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
        if !self.json().is_object() {
            return CellKind::Unknown("a cell that is not an object".to_owned());
        }
        match self.get("cell_type").and_then(RawJson::as_str).as_deref() {
            Some("code") => CellKind::Code,
            Some("markdown" | "html") => CellKind::Markdown,
            Some("raw") => CellKind::Raw,
            Some("heading") => {
                let level = self.get("level").and_then(RawJson::as_u64).unwrap_or(1);
                CellKind::Heading(level.clamp(1, 6) as u8)
            }
            Some(other) => CellKind::Unknown(format!("a cell of the unknown type “{other}”")),
            None => CellKind::Unknown("a cell without a type".to_owned()),
        }
    }

    /// The source of the cell, lines joined, each ending in `\n` alone; empty when there is none.
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
            .and_then(RawJson::text)
            .unwrap_or_default();
        if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        }
    }

    /// The id of nbformat 4.5, when there is one, as it stands between the quotes of the JSON; a
    /// valid id has no escapes.
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
        self.get("id").and_then(RawJson::as_written)
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
            .and_then(RawJson::as_i64)
    }

    /// The cell's metadata, when it has any.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"metadata": {"name": "x"}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// let name = cell.metadata().and_then(|metadata| metadata.get("name"));
    /// assert_eq!(name.expect("it has one").json(), "\"x\"");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn metadata(&self) -> Option<RawJson<'_>> {
        self.get("metadata").filter(|raw| raw.is_object())
    }

    /// Whether the field `key` of the metadata, or of its object `table`, is true.
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
        value.is_some_and(RawJson::is_true)
    }

    /// The tags of the cell.
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
    pub fn tags(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let tags = self.metadata().and_then(|metadata| metadata.get("tags"));
        let tags = tags.into_iter().flat_map(RawJson::items);
        tags.filter_map(RawJson::as_str)
    }

    /// The language of this cell alone, a field of nbformat 2 and 3, as it stands between the
    /// quotes of the JSON.
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
        self.get("language").and_then(RawJson::as_written)
    }

    /// Whether the outputs are folded, in a field of nbformat 2 and 3.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_collapsed(&self) -> bool {
        self.get("collapsed").is_some_and(RawJson::is_true)
    }

    /// The attached images: by name, their data by mime type.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"attachments": {"a.png": {"image/png": "Zg=="}}}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let cell = &notebook.cells()[0];
    /// assert!(cell.attachments().expect("there is one").get("a.png").is_some());
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn attachments(&self) -> Option<RawJson<'_>> {
        self.get("attachments").filter(|raw| raw.is_object())
    }

    /// The outputs of a code cell, in order. An `outputs` that is no list counts as one output.
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
        self.output_values().map(Output::of)
    }

    /// Whether the cell is a code cell with an execution count or an output.
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
            && (self.execution_count().is_some() || self.output_values().next().is_some())
    }

    /// Whether one of its outputs is an error.
    pub(super) fn has_error(&self) -> bool {
        self.output_values().any(is_error)
    }

    /// Whether an output has a display id, which another output may refer to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_named_display(&self) -> bool {
        // A search of the text is faster than reading each output, and nearly no cell has an id.
        let may_have = self.json.contains("\"display_id\"");
        let is_named = |output: RawJson<'_>| {
            let transient = output.get("transient");
            transient.is_some_and(|transient| transient.get("display_id").is_some())
        };
        may_have && self.output_values().any(is_named)
    }

    /// Whether an output is a view of a widget.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_widget(&self) -> bool {
        // It stands before the data of large outputs, which need not be searched.
        let start = self.json.floor_char_boundary(MAX_DEFINING_BYTES);
        self.json[..start].contains("jupyter.widget-view")
    }

    /// The number of outputs.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn output_count(&self) -> usize {
        self.output_values().count()
    }

    /// Whether the cell may define something of TeX that holds in later cells, too. Attachments and
    /// large pictures are not searched.
    pub(crate) fn may_define_tex(&self) -> bool {
        let source = self.get("source").or_else(|| self.get("input"));
        let source = source.map_or("", RawJson::json);
        let outputs = self.get("outputs").map_or("", RawJson::json);
        (source.len() <= MAX_DEFINING_BYTES && may_define_tex(source))
            || ends(outputs, MAX_DEFINING_BYTES)
                .into_iter()
                .any(may_define_tex)
    }

    fn output_values(&self) -> impl Iterator<Item = RawJson<'_>> {
        let outputs = self.get("outputs").filter(|outputs| !outputs.is_null());
        let only = outputs.filter(|outputs| !outputs.is_array());
        let all = outputs.into_iter().flat_map(RawJson::items);
        all.chain(only)
    }

    pub(super) fn get(&self, key: &str) -> Option<RawJson<'_>> {
        match INDEXED_FIELDS.iter().position(|known| *known == key) {
            Some(known) => {
                let (start, end) = self.ranges[known];
                (end > 0).then(|| RawJson::of(&self.json[start as usize..end as usize]))
            }
            None => self.json().get(key),
        }
    }
}
