//! nbformat 2, 3 and 4, read tolerantly and cut down: tail, trim, merge.
//!
//! A [`Notebook`] keeps the JSON it was read from; [`Cell`] and [`Output`] read that JSON and
//! know the field names of every version. So unknown fields are kept, and a broken cell is shown
//! as such instead of failing the whole notebook. Deliberately not here: validation
//! against the schema, and anything about looks (see [`crate::prepare`]).

mod cell;
mod end;
mod json;
mod language;
mod merge;
mod merge_part;
mod multiline;
mod outline;
mod output;
mod private;
mod top;
mod trim;
mod upgrade;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use cell::MAX_DEFINING_BYTES;
pub use cell::{Cell, CellKind};
pub use end::NotebookEnd;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use json::compact;
pub use json::{Entries, Items, RawJson, unescaped};
pub use merge_part::MergePart;
pub use output::{MimeBundle, Output};
pub use private::{PRIVATE_TAG, without_private};

use top::TopLevelReader;

/// A notebook of any nbformat.
#[derive(Clone, Debug, PartialEq)]
pub struct Notebook {
    /// The JSON of the top-level object without its cells; their key stays in its place, with
    /// null.
    top: Box<str>,
    place: CellsPlace,
    cells: Vec<Cell>,
    /// The cells that were before these and may define macros of TeX, where these are the last
    /// ones of a notebook.
    earlier: Box<[Cell]>,
}

/// The place of the cells in the top-level object.
#[derive(Clone, Debug, PartialEq)]
enum CellsPlace {
    /// Under `cells`: nbformat 4.
    Cells,
    /// In a worksheet, whose object without the cells this is: nbformat 2 and 3.
    Worksheet(Box<str>),
    /// There is neither, so the notebook has no cells.
    Nowhere,
}

/// A notebook that was read, with warnings.
#[derive(Clone, Debug)]
pub struct ParsedNotebook {
    /// The notebook, as far as it could be read.
    pub notebook: Notebook,
    /// What could not be read, or was repaired, in words.
    pub warnings: Vec<String>,
}

/// Why bytes are not a notebook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct ParseError {
    /// The error in words.
    pub message: String,
    /// The line of the error, from 1.
    pub line: usize,
    /// The column of the error, from 1, in bytes.
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
        let top = r#"{"cells":null,"metadata":{},"nbformat":4,"nbformat_minor":5}"#.into();
        Self {
            top,
            place: CellsPlace::Cells,
            cells: Vec::new(),
            earlier: Box::default(),
        }
    }
}

impl Notebook {
    /// Reads nbformat 2, 3 or 4.
    ///
    /// It reads everything that Python writes: a byte order mark, `NaN`, lone surrogates. A
    /// broken cell becomes one of [`CellKind::Unknown`], and a warning.
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON, such as an empty or half-written file, or when the JSON is no
    /// notebook.
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
    pub fn parse(bytes: &[u8]) -> Result<ParsedNotebook, ParseError> {
        private::check_encoding(bytes)?;
        let (top, mut warnings) = json::read(bytes, |numbers| TopLevelReader {
            keeps: true,
            numbers,
        })?;
        let (top, place, cells) = top.into_parts(&mut warnings)?;
        for (n, cell) in cells.iter().enumerate() {
            if let CellKind::Unknown(reason) = cell.kind() {
                warnings.push(format!("cell {}: {reason}", n + 1));
            }
        }
        let notebook = Self {
            top,
            place,
            cells,
            earlier: Box::default(),
        };
        Ok(ParsedNotebook { notebook, warnings })
    }

    /// Fails where [`Notebook::parse`] would, but keeps no cells of a valid notebook of
    /// nbformat 4.
    fn check(bytes: &[u8]) -> Result<(), ParseError> {
        let read = json::read(bytes, |numbers| TopLevelReader {
            keeps: false,
            numbers,
        });
        let is_one = read.is_ok_and(|(top, _)| top.is_plain());
        // `parse` reads the rest again, because skipping values may find another error first.
        if is_one {
            Ok(())
        } else {
            Self::parse(bytes).map(drop)
        }
    }

    /// The number of cells.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the notebook has no cells.
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

    /// The major and minor version of the format; 4.0 when the notebook has none.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().nbformat(), (4, 5));
    /// ```
    pub fn nbformat(&self) -> (u64, u64) {
        let both = self.top().get_all(["nbformat", "nbformat_minor"]);
        let [major, minor] = both.map(|number| number.and_then(RawJson::as_u64));
        (major.unwrap_or(4), minor.unwrap_or(0))
    }

    /// The notebook's own metadata, when it has any.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [], "metadata": {"title": "Day 1"}}"#;
    /// let notebook = Notebook::parse(json)?.notebook;
    /// let title = notebook.metadata().and_then(|metadata| metadata.get("title"));
    /// assert_eq!(title.expect("it has one").json(), "\"Day 1\"");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn metadata(&self) -> Option<RawJson<'_>> {
        self.top().get("metadata").filter(|raw| raw.is_object())
    }

    fn top(&self) -> RawJson<'_> {
        RawJson::of(&self.top)
    }

    /// The language of the code cells as the kernel names it, or as it is known elsewhere in the
    /// metadata; `python` when the notebook names none, as old notebooks do.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// assert_eq!(Notebook::default().language(), "python");
    /// ```
    pub fn language(&self) -> &str {
        language::of(self.metadata())
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
            earlier: self.earlier_with(&self.cells[..first]),
        }
    }

    /// The earlier cells that define macros, and those among `cells`.
    fn earlier_with(&self, cells: &[Cell]) -> Box<[Cell]> {
        let defining = cells.iter().filter(|cell| cell.may_define_tex());
        self.earlier.iter().chain(defining).cloned().collect()
    }

    /// The cells that were before these, where these are the last ones of a notebook, and may
    /// define macros of TeX.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn defining_cells(&self) -> &[Cell] {
        &self.earlier
    }

    /// The notebook with long stream and text outputs cut to about `max_lines`.
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
            cells: cells.map(|cell| trim::cell(cell, max_lines)).collect(),
            ..self
        }
    }

    /// Whether the last code cell that was run ended in an error.
    ///
    /// The last cell is the last by its place, because execution counts start again when the
    /// kernel is restarted.
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

    /// The notebook without the saved state of widgets, which can be most of it, and which only a
    /// kernel or a script can use.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = br#"{"cells": [], "metadata": {"title": "Day 1", "widgets": {"x": 1}}}"#;
    /// let notebook = Notebook::parse(json)?.notebook.without_widgets();
    /// assert_eq!(notebook.metadata().expect("it has some").entries().count(), 1);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    #[must_use]
    pub fn without_widgets(mut self) -> Self {
        let metadata = self.metadata().filter(|own| own.get("widgets").is_some());
        if let Some(metadata) = metadata {
            let others = top::with_field(metadata, "widgets", None);
            self.top = top::with_field(self.top(), "metadata", Some(&others)).into();
        }
        self
    }

    /// Several participants' notebooks as one; each comes with the stem of its file name. `None`
    /// when `parts` is empty.
    ///
    /// One notebook is returned as it is. Several become one of nbformat 4.5 or newer
    /// with the metadata of the first: for each a Markdown cell with its name, then its
    /// cells, upgraded to nbformat 4, every cell with an id of its own. A broken cell becomes a
    /// raw one, so that Jupyter opens the result in any case. [`MergePart`]s merge faster when
    /// notebooks are merged again and again.
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

    /// The notebook's JSON as Jupyter writes it: indent 1, a newline at the end, UTF-8
    /// unescaped. Unknown fields are in it.
    ///
    /// ```
    /// use shared::notebook::Notebook;
    ///
    /// let json = "{\n \"cells\": [],\n \"nbformat\": 4,\n \"x\": \"é\"\n}\n";
    /// assert_eq!(Notebook::parse(json.as_bytes())?.notebook.to_json(), json);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let cells = || self.cells.iter().map(Cell::json);
        let mut out = "{".to_owned();
        let mut free = json::LinesAllowance::of_top();
        let mut separator = "";
        for (name, value) in self.top().entries() {
            out.push_str(separator);
            separator = ",";
            out.push_str("\n ");
            json::push_name(&mut out, name);
            match (name, &self.place) {
                ("cells", CellsPlace::Cells) => json::push_cells(&mut out, cells(), 1),
                ("worksheets", CellsPlace::Worksheet(sheet)) => {
                    out.push_str("[\n  ");
                    push_sheet(&mut out, RawJson::of(sheet), &self.cells, &mut free);
                    out.push_str("\n ]");
                }
                _ => json::push(&mut out, value, 1, &mut free),
            }
        }
        out.push_str(if separator.is_empty() { "}\n" } else { "\n}\n" });
        out
    }
}

/// Appends the only worksheet, with its cells, to `out`.
fn push_sheet(
    out: &mut String,
    sheet: RawJson<'_>,
    cells: &[Cell],
    free: &mut json::LinesAllowance,
) {
    out.push('{');
    let mut separator = "";
    for (name, value) in sheet.entries() {
        out.push_str(separator);
        separator = ",";
        out.push_str("\n   ");
        json::push_name(out, name);
        match name {
            "cells" => json::push_cells(out, cells.iter().map(Cell::json), 3),
            _ => json::push(out, value, 3, free),
        }
    }
    out.push_str("\n  }");
}
