//! The last cells of a notebook, read without the other cells where that is possible.

use std::ops::Range;

use super::{
    CellsPlace, Notebook, ParseError,
    cell::{Cell, MAX_DEFINING_BYTES, ends, may_define_tex},
    json::compact,
    outline::Outline,
    without_private,
};

/// The last cells of a notebook, and a few facts about the whole.
///
/// Reading it is far faster than reading the whole notebook, with the same result.
#[derive(Clone, Debug, PartialEq)]
pub struct NotebookEnd {
    /// The last cells, in a notebook of their own, as [`Notebook::tail`] has it.
    pub tail: Notebook,
    /// The number of cells of the whole notebook.
    pub total_cells: usize,
    /// [`Notebook::ends_in_error`] of the whole notebook.
    pub ends_in_error: bool,
    /// What could not be read of the whole notebook, in words.
    pub warnings: Vec<String>,
}

impl NotebookEnd {
    /// The last `n` cells of the notebook that [`Notebook::parse`] reads in `bytes`.
    ///
    /// # Errors
    /// The same as [`Notebook::parse`]: it checks all of the file and only keeps its end.
    ///
    /// ```
    /// use shared::notebook::NotebookEnd;
    ///
    /// let json = br#"{"cells": [{"cell_type": "raw"}, {"cell_type": "raw", "source": "2"}]}"#;
    /// let end = NotebookEnd::parse(json, 1)?;
    /// assert_eq!((end.tail.len(), end.total_cells), (1, 2));
    /// assert_eq!(end.tail.cells()[0].source(), "2");
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn parse(bytes: &[u8], n: usize) -> Result<Self, ParseError> {
        if let Some(end) = Outline::of(bytes).and_then(|outline| Self::of_outline(&outline, n)) {
            return Ok(end);
        }
        let parsed = Notebook::parse(bytes)?;
        Ok(Self {
            tail: parsed.notebook.tail(n),
            total_cells: parsed.notebook.len(),
            ends_in_error: parsed.notebook.ends_in_error(),
            warnings: parsed.warnings,
        })
    }

    /// The bytes without their private cells, as [`without_private`] returns them, and
    /// [`NotebookEnd::parse`] of the rest. Where there is no private cell, one pass does both.
    ///
    /// # Errors
    /// When `bytes` are no notebook.
    ///
    /// ```
    /// use shared::notebook::NotebookEnd;
    ///
    /// let json = br#"{"cells": [{"cell_type": "raw", "metadata": {"tags": ["private"]}}]}"#;
    /// let (rest, end) = NotebookEnd::of_public(json.to_vec(), 1)?;
    /// assert_eq!((&*rest, end.total_cells), (&br#"{"cells": []}"#[..], 0));
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn of_public(bytes: Vec<u8>, n: usize) -> Result<(Vec<u8>, Self), ParseError> {
        let outline = Outline::of(&bytes).filter(|outline| !outline.may_have_private);
        if let Some(end) = outline.and_then(|outline| Self::of_outline(&outline, n)) {
            return Ok((bytes, end));
        }
        let rest = without_private(bytes)?;
        let end = Self::parse(&rest, n)?;
        Ok((rest, end))
    }

    /// Calls `look` with each cell that [`Notebook::parse`] reads in `bytes`, and returns the
    /// results. Where possible, only one cell is in memory at a time.
    ///
    /// # Errors
    /// The same as [`Notebook::parse`].
    ///
    /// ```
    /// use shared::notebook::{Cell, NotebookEnd};
    ///
    /// let json = br#"{"cells": [{"cell_type": "raw", "source": "1"}, {"source": "2"}]}"#;
    /// assert_eq!(NotebookEnd::map_cells(json, Cell::source)?, ["1", "2"]);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn map_cells<T>(bytes: &[u8], look: impl Fn(&Cell) -> T) -> Result<Vec<T>, ParseError> {
        let one_by_one = Outline::of(bytes).and_then(|Outline { text, cells, .. }| {
            let cells = cells.iter().map(|place| Cell::read(&text[place.clone()]));
            cells.map(|cell| cell.as_ref().map(&look)).collect()
        });
        match one_by_one {
            Some(seen) => Ok(seen),
            None => Notebook::parse(bytes)
                .map(|parsed| parsed.notebook.cells().iter().map(look).collect()),
        }
    }

    /// The last `n` cells by an outline; `None` when the whole notebook has to be read.
    fn of_outline(outline: &Outline<'_>, n: usize) -> Option<Self> {
        let Outline {
            text, list, cells, ..
        } = outline;
        let cell = |place: &Range<usize>| Cell::read(&text[place.clone()]);
        // The key of the cells stays, with null.
        let top = [&text[..list.start], "null", &text[list.end..]].concat();
        let (before, last) = cells.split_at(cells.len().saturating_sub(n));
        let tail = Notebook {
            top: compact(&top)?.into(),
            place: CellsPlace::Cells,
            cells: last.iter().map(cell).collect::<Option<_>>()?,
            earlier: defining_cells(text, before)?,
        };
        let shown = tail.cells.iter().rev().find(|cell| cell.was_run());
        let ends_in_error = match shown {
            Some(last_run) => last_run.has_error(),
            None => {
                let mut hidden = before.iter().rev().map_while(cell);
                let last_run = hidden.find(Cell::was_run);
                last_run.is_some_and(|cell| cell.has_error())
            }
        };
        Some(Self {
            tail,
            total_cells: cells.len(),
            ends_in_error,
            warnings: Vec::new(),
        })
    }
}

/// The cells at these places that may define macros of TeX.
fn defining_cells(text: &str, places: &[Range<usize>]) -> Option<Box<[Cell]>> {
    let may_define = |place: &&Range<usize>| {
        // Pretty JSON is longer than compact JSON, by which a cell is measured.
        let ends = ends(&text[(*place).clone()], 4 * MAX_DEFINING_BYTES);
        let escaped = ["\\u005c", "\\u005C"];
        ends.into_iter()
            .any(|json| may_define_tex(json) || escaped.iter().any(|it| json.contains(it)))
    };
    let cells = places.iter().filter(may_define);
    let cells = cells.map(|place| Cell::read(&text[place.clone()]));
    let cells: Option<Vec<Cell>> = cells.collect();
    cells.map(|cells| cells.into_iter().filter(Cell::may_define_tex).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read_by_outline(json: &[u8]) -> bool {
        let outline = Outline::of(json);
        outline.is_some_and(|outline| NotebookEnd::of_outline(&outline, 1).is_some())
    }

    /// Whether a notebook that holds this value is read by its outline.
    fn value_is_read_by_outline(value: &str) -> bool {
        let json = format!(
            r#"{{"nbformat": 4, "x": {value}, "cells": [
                {{"cell_type": "code", "metadata": {{"x": [{value}]}}, "source": []}}]}}"#
        );
        is_read_by_outline(json.as_bytes())
    }

    #[test]
    fn json_as_jupyter_writes_it_is_read_by_outline() {
        for value in [
            r#""a \" \\ \/ \b\f\n\r\t \u00e9 \uD7FF é 😀""#,
            "[0, -0, 10, 0.5, -1.25e-7, 1E+5, 12345678901234567890123]",
            r#"{"": {}, "a": [], "a": [[], {}], "true": true}"#,
            "[true, false, null]",
        ] {
            assert!(value_is_read_by_outline(value), "{value}");
        }
    }

    #[test]
    fn odd_json_has_no_outline() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let long = "9".repeat(400);
        for value in [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999",
            &long,
            &deep,
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "tru",
            "nul",
            "[1,]",
            "{\"a\": 1,}",
            "[1 2]",
            "{\"a\" 1}",
            "{1: 2}",
            "'a'",
            "\"a\nb\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\ud83d\\ude00\"",
            "\"\\udfff\"",
            "\"a",
        ] {
            assert!(!value_is_read_by_outline(value), "{value}");
        }
        for json in [
            r#"{"cells": [], "cells": []}"#,
            r#"{"c\u0065lls": [], "nbformat": 4}"#,
            r#"{"cells": []} x"#,
            r#"{"cells": {}}"#,
            r#"{"nbformat": 4}"#,
            r#"{"cells": [17]}"#,
            r#"{"cells": [], "worksheets": []}"#,
            r#"{"cells": [{"cell_type": "raw", "cells": []}]}"#,
            r#"{"cells": [{}]}"#,
            r#"{"cells": [{"cell_type": "other"}]}"#,
            r#"{"cells": [{"cell_type": "raw", "cell_type": "code"}]}"#,
            r#"{"cells": [{"cell_type": "raw", "s\u006furce": ""}]}"#,
            "\u{feff}{\"cells\": []}",
            "[]",
            "",
        ] {
            assert!(!is_read_by_outline(json.as_bytes()), "{json}");
        }
        assert!(!is_read_by_outline(b"{\"cells\": [], \"x\": \"\xff\"}"));
    }
}
