//! A cell, whichever nbformat it is of.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash},
};

use serde_json::Value;

use super::{
    json::{RawJson, compact},
    output::{Output, is_error},
};

/// One cell: the JSON it came as, and ways to look at it.
#[derive(Clone, Debug)]
pub struct Cell {
    json: Box<str>,
    /// Where in it the values of [`INDEXED_FIELDS`] are; the empty place is that of what is not there.
    places: [(u32, u32); INDEXED_FIELDS.len()],
}

/// What is asked of nearly every cell, and so is found once.
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

/// By what they hold, wherever they come from.
impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
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
    /// The cell that `json` is, which was written by [`compact`].
    pub(super) fn new(json: String) -> Self {
        let json = json.into_boxed_str();
        let mut places = [(0, 0); INDEXED_FIELDS.len()];
        for (name, value) in RawJson::of(&json).entries() {
            if let Some(known) = INDEXED_FIELDS.iter().position(|known| *known == name) {
                let start = value.json().as_ptr().addr() - json.as_ptr().addr();
                // No notebook that is read has four gigabytes.
                places[known] = (start as u32, (start + value.json().len()) as u32);
            }
        }
        Self { json, places }
    }

    /// The cell that `text` is, when it is JSON.
    pub(super) fn read(text: &str) -> Option<Self> {
        compact(text).map(Self::new)
    }

    /// Hashes what the cell holds. The hash need not withstand an attack: it tells whether a
    /// cell is what it was.
    pub(crate) fn mark(&self, hasher: &mut DefaultHasher) {
        self.json.hash(hasher);
    }

    /// The JSON of the cell, whatever it is.
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

    /// The same as values, which take many times as much memory.
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
            .and_then(RawJson::text)
            .unwrap_or_default();
        if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        }
    }

    /// The id of nbformat 4.5, when there is one, as JSON has it between its quotes; a valid
    /// one has no escapes.
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
        value.is_some_and(RawJson::is_true)
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
    pub fn tags(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let tags = self.metadata().and_then(|metadata| metadata.get("tags"));
        let tags = tags.into_iter().flat_map(RawJson::items);
        tags.filter_map(RawJson::as_str)
    }

    /// The language of this cell alone, which nbformat 2 and 3 have, as JSON has it between
    /// its quotes.
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

    /// The images that came with the cell: name, and data by mime type.
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
        self.output_values().map(Output::of)
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
            && (self.execution_count().is_some() || self.output_values().next().is_some())
    }

    /// Whether one of its outputs is an error.
    pub(super) fn has_error(&self) -> bool {
        self.output_values().any(is_error)
    }

    /// Whether an output has a name that another output may refer to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn has_named_display(&self) -> bool {
        // Nearly no output has one, and looking at each takes longer.
        let may_have = self.json.contains("\"display_id\"");
        let is_named = |output: RawJson<'_>| {
            let transient = output.get("transient");
            transient.is_some_and(|transient| transient.get("display_id").is_some())
        };
        may_have && self.output_values().any(is_named)
    }

    /// How many outputs it has.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn output_count(&self) -> usize {
        self.output_values().count()
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
                let (start, end) = self.places[known];
                (end > 0).then(|| RawJson::of(&self.json[start as usize..end as usize]))
            }
            None => self.json().get(key),
        }
    }
}
