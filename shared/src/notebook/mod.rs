//! nbformat 2, 3 and 4, read tolerantly and cut down: tail, trim, merge.
//!
//! A [`Notebook`] keeps the JSON it was read from and looks at it through [`Cell`] and
//! [`Output`], which know the names of every version. So nothing that is not
//! understood is lost on the way through, and a cell that makes no sense is shown as
//! such instead of ending the whole. What is deliberately not here: validation against
//! the schema, and anything about looks (see [`crate::prepare`]).

mod cell;
mod end;
mod json;
mod merge;
mod outline;
mod output;
mod part;
mod private;
mod trim;
mod upgrade;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use cell::text;
pub use cell::{Cell, CellKind};
pub use end::End;
pub use output::{Bundle, Output};
pub use part::Part;
pub use private::{TAG as PRIVATE_TAG, without_private};

use serde_json::{Map, Value, json};

/// A notebook of any nbformat.
#[derive(Clone, Debug, PartialEq)]
pub struct Notebook {
    /// The top-level object, whose cells were taken out; their key stays in its place.
    top: Map<String, Value>,
    place: Place,
    cells: Vec<Cell>,
}

/// Where in the top-level object the cells belong.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// Under `cells`: nbformat 4.
    Cells,
    /// In a worksheet, whose other fields these are: nbformat 2 and 3.
    Worksheet(Map<String, Value>),
    /// It has neither; there are no cells.
    Nowhere,
}

/// A notebook and what was odd about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What could be read.
    pub notebook: Notebook,
    /// What could not, in words.
    pub warnings: Vec<String>,
}

/// Why bytes are not a notebook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
}

impl ParseError {
    fn at_start(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            line: 1,
            column: 1,
        }
    }
}

impl Default for Notebook {
    /// An empty notebook of nbformat 4.5.
    fn default() -> Self {
        let mut top = Map::new();
        top.insert("cells".to_owned(), Value::Null);
        top.insert("metadata".to_owned(), json!({}));
        top.insert("nbformat".to_owned(), json!(4));
        top.insert("nbformat_minor".to_owned(), json!(5));
        Self {
            top,
            place: Place::Cells,
            cells: Vec::new(),
        }
    }
}

impl Notebook {
    /// Reads nbformat 2, 3 or 4.
    ///
    /// Whatever Python writes is read: a byte order mark, `NaN`, lone surrogates. A cell
    /// that makes no sense becomes one of [`CellKind::Unknown`], and a warning.
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON (an empty or half-written file is none), or when the
    /// JSON is no notebook at all.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let parsed = Notebook::parse(br#"{"nbformat": 4, "cells": [{"cell_type": "raw"}, 17]}"#)?;
    /// assert_eq!(parsed.notebook.len(), 2);
    /// assert_eq!(parsed.warnings, ["cell 2: a cell that is not an object"]);
    ///
    /// let error = Notebook::parse(b"{\n \"cells\": [").unwrap_err();
    /// assert_eq!(error.to_string(), "the file ends in the middle (line 2, column 11)");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
        let (value, mut warnings) = json::parse(bytes)?;
        let Value::Object(mut top) = value else {
            return Err(ParseError::at_start(
                "not a notebook: the JSON is not an object",
            ));
        };
        let known = ["cells", "worksheets", "nbformat"];
        if !known.iter().any(|key| top.contains_key(*key)) {
            return Err(ParseError::at_start(
                "not a notebook: the JSON has no cells and no nbformat",
            ));
        }
        let (place, cells) = take_cells(&mut top, &mut warnings);
        for (n, cell) in cells.iter().enumerate() {
            if let CellKind::Unknown(reason) = cell.kind() {
                warnings.push(format!("cell {}: {reason}", n + 1));
            }
        }
        let notebook = Self { top, place, cells };
        Ok(Parsed { notebook, warnings })
    }

    /// How many cells.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert!(Notebook::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells, in order; those of several worksheets one after the other.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a\n", "b"]}]}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// assert_eq!(notebook.cells()[0].source(), "a\nb");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The major and minor version; 4.0 when the notebook does not say.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().nbformat(), (4, 5));
    /// ```
    pub fn nbformat(&self) -> (u64, u64) {
        let number = |key| self.top.get(key).and_then(Value::as_u64);
        (
            number("nbformat").unwrap_or(4),
            number("nbformat_minor").unwrap_or(0),
        )
    }

    /// The notebook's own metadata, when it has any.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [], "metadata": {"title": "Day 1"}}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// assert_eq!(notebook.metadata().expect("it has some")["title"], "Day 1");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.top.get("metadata").and_then(Value::as_object)
    }

    /// The language of the code cells as the kernel names it; `python` when the notebook
    /// does not say, as old ones do not.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().language(), "python");
    /// ```
    pub fn language(&self) -> &str {
        let text = |table: &str, key: &str| {
            let table = self.metadata()?.get(table)?;
            table.get(key)?.as_str().filter(|name| !name.is_empty())
        };
        text("language_info", "name")
            .or_else(|| text("kernelspec", "language"))
            .unwrap_or("python")
    }

    /// The last `n` cells, in a notebook of their own; all of them when there are no more.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"source": "1"}, {"source": "2"}, {"source": "3"}]}"#;
    /// let tail = Notebook::parse(json)?.notebook.tail(2);
    /// assert_eq!(tail.len(), 2);
    /// assert_eq!(tail.cells()[0].source(), "2");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    #[must_use]
    pub fn tail(&self, n: usize) -> Self {
        let first = self.cells.len().saturating_sub(n);
        Self {
            top: self.top.clone(),
            place: self.place.clone(),
            cells: self.cells[first..].to_vec(),
        }
    }

    /// Long stream and text outputs cut to about `max_lines`.
    ///
    /// A `text` of more than `max_lines` lines keeps its first and its last
    /// `(max_lines + 1) / 2`, with the line `...` between them; `data` and tracebacks
    /// stay whole.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "outputs": [
    ///     {"output_type": "stream", "text": "1\n2\n3\n4\n5\n6\n"}]}]}"#;
    /// let trimmed = Notebook::parse(json)?.notebook.trim(4);
    /// let output = &trimmed.cells()[0].value()["outputs"][0];
    /// assert_eq!(output["text"], "1\n2\n...\n5\n6\n");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    #[must_use]
    pub fn trim(self, max_lines: usize) -> Self {
        let cells = self.cells.into_iter();
        Self {
            cells: cells
                .map(|cell| cell.trimmed(max_lines, trim::outputs))
                .collect(),
            ..self
        }
    }

    /// The last code cell that was run ended in an error.
    ///
    /// The last by its place: the counts in a notebook are of several runs of the
    /// kernel as soon as it was restarted.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "outputs": [{"output_type": "error"}]}]}"#;
    /// assert!(Notebook::parse(json)?.notebook.ends_in_error());
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn ends_in_error(&self) -> bool {
        let last_run = self.cells.iter().rev().find(|cell| cell.was_run());
        last_run.is_some_and(Cell::has_error)
    }

    /// The same without the saved state of widgets, which can be most of a notebook: only
    /// a kernel or a script has a use for it.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [], "metadata": {"title": "Day 1", "widgets": {"x": 1}}}"#;
    /// let notebook = Notebook::parse(json)?.notebook.without_widgets();
    /// assert_eq!(notebook.metadata().expect("it has some").len(), 1);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    #[must_use]
    pub fn without_widgets(mut self) -> Self {
        if let Some(Value::Object(metadata)) = self.top.get_mut("metadata") {
            metadata.shift_remove("widgets");
        }
        self
    }

    /// Several participants' notebooks as one; each comes with its name, the stem of
    /// its file. `None` when there is none.
    ///
    /// One notebook is returned as it is. Several become one of nbformat 4.5 or newer
    /// with the metadata of the first: for each a Markdown cell with its name, then its
    /// cells, upgraded to nbformat 4, every cell with an id of its own. What is no cell
    /// becomes a raw one, so that Jupyter opens the result whatever was put in. What is
    /// merged again and again is better kept as [`Part`]s.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let part = |name: &str| (name.to_owned(), Notebook::default());
    /// let merged = Notebook::merge(vec![part("ana"), part("bo")]).expect("there are two");
    /// assert_eq!(merged.len(), 2);
    /// assert_eq!(merged.cells()[1].source(), "# <a id=\"BO\">BO</a>");
    /// assert_eq!(Notebook::merge(Vec::new()), None);
    /// ```
    pub fn merge(mut parts: Vec<(String, Notebook)>) -> Option<Self> {
        if parts.len() > 1 {
            return Some(merge::merge(parts));
        }
        parts.pop().map(|(_, notebook)| notebook)
    }

    /// JSON as Jupyter writes it: indent 1, a newline at the end, UTF-8 as it is. Fields
    /// that nothing here knows are in it.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = "{\n \"cells\": [],\n \"nbformat\": 4,\n \"x\": \"é\"\n}\n";
    /// assert_eq!(Notebook::parse(json.as_bytes())?.notebook.to_json(), json);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut top = self.top.clone();
        let cells = self.cells.iter().map(|cell| cell.value().clone());
        let cells = Value::Array(cells.collect());
        match &self.place {
            Place::Cells => drop(top.insert("cells".to_owned(), cells)),
            Place::Worksheet(fields) => {
                let mut sheet = fields.clone();
                sheet.insert("cells".to_owned(), cells);
                let sheets = Value::Array(vec![Value::Object(sheet)]);
                top.insert("worksheets".to_owned(), sheets);
            }
            Place::Nowhere => {}
        }
        json::write(&top)
    }
}

/// Takes the cells out of `top`; the key they stood under keeps its place with null.
fn take_cells(top: &mut Map<String, Value>, warnings: &mut Vec<String>) -> (Place, Vec<Cell>) {
    if let Some(slot @ Value::Array(_)) = top.get_mut("cells") {
        return (Place::Cells, array_cells(slot.take()));
    }
    if let Some(slot @ Value::Array(_)) = top.get_mut("worksheets") {
        let (fields, cells) = flatten_worksheets(slot.take());
        return (Place::Worksheet(fields), cells);
    }
    if top.contains_key("cells") {
        warnings.push("the notebook's cells are not a list".to_owned());
    }
    (Place::Nowhere, Vec::new())
}

/// The cells of all worksheets, and the other fields of the first.
fn flatten_worksheets(sheets: Value) -> (Map<String, Value>, Vec<Cell>) {
    let mut fields = None;
    let mut cells = Vec::new();
    let Value::Array(sheets) = sheets else {
        return (Map::new(), cells);
    };
    for sheet in sheets {
        match sheet {
            Value::Object(mut sheet) => {
                let own = sheet.get_mut("cells").map(Value::take);
                match own {
                    Some(own @ Value::Array(_)) => {
                        let mut own = array_cells(own);
                        own.iter_mut().for_each(|cell| end_lines(cell.value_mut()));
                        cells.append(&mut own);
                    }
                    None | Some(Value::Null) => {}
                    Some(other) => cells.push(Cell::new(other)),
                }
                fields.get_or_insert(sheet);
            }
            other => cells.push(Cell::new(other)),
        }
    }
    let mut fields = fields.unwrap_or_default();
    fields.insert("cells".to_owned(), Value::Null);
    (fields, cells)
}

/// The texts of a cell of nbformat 2 or 3, and of its outputs.
const OLD_TEXTS: [&str; 8] = [
    "source",
    "input",
    "text",
    "html",
    "svg",
    "latex",
    "javascript",
    "json",
];

/// The oldest notebooks were written with lines that do not say where they end; joined as
/// they are they would run together. Jupyter tells them by their first line.
fn end_lines(cell: &mut Value) {
    let Value::Object(fields) = cell else { return };
    for (name, value) in fields {
        let Value::Array(items) = value else { continue };
        if name == "outputs" {
            items.iter_mut().for_each(end_lines);
        } else if OLD_TEXTS.contains(&name.as_str()) {
            let ended = items
                .first()
                .and_then(Value::as_str)
                .is_none_or(|first| first.ends_with(['\n', '\r']));
            let but_the_last = items.len().saturating_sub(1);
            for line in items.iter_mut().take(if ended { 0 } else { but_the_last }) {
                if let Value::String(line) = line {
                    line.push('\n');
                }
            }
        }
    }
}

fn array_cells(cells: Value) -> Vec<Cell> {
    match cells {
        Value::Array(cells) => cells.into_iter().map(Cell::new).collect(),
        _ => Vec::new(),
    }
}
