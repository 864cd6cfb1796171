//! The end of a notebook, read without the rest where that can be.

use std::ops::Range;

use super::{
    CellsPlace, Notebook, ParseError, cell::Cell, json::compact, outline::Outline, without_private,
};

/// The last cells of a notebook, and what else a glance at it tells.
///
/// Reading it is far faster than reading the whole, and comes to the same.
#[derive(Clone, Debug, PartialEq)]
pub struct NotebookEnd {
    /// The last cells, in a notebook of their own, as [`Notebook::tail`] has it.
    pub tail: Notebook,
    /// How many cells the whole has.
    pub total_cells: usize,
    /// As [`Notebook::ends_in_error`] says of the whole.
    pub ends_in_error: bool,
    /// What could not be read of the whole, in words.
    pub warnings: Vec<String>,
}

impl NotebookEnd {
    /// The last `n` cells of what [`Notebook::parse`] reads in `bytes`.
    ///
    /// # Errors
    /// The same as there: all of the file is looked at, the end alone is kept.
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

    /// The same of `bytes` without the private cells, which [`without_private`] takes out,
    /// and what is left of `bytes`. Both are done in one pass where there is none.
    ///
    /// # Errors
    /// When there is no notebook in `bytes`.
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

    /// What `look` makes of each cell that [`Notebook::parse`] reads in `bytes`. Where that can
    /// be, there is one cell in memory at a time.
    ///
    /// # Errors
    /// The same as there.
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

    /// `None` for a notebook that is to be read whole.
    fn of_outline(outline: &Outline<'_>, n: usize) -> Option<Self> {
        let Outline {
            text, list, cells, ..
        } = outline;
        let cell = |place: &Range<usize>| Cell::read(&text[place.clone()]);
        // The key of the cells keeps its place with null.
        let top = [&text[..list.start], "null", &text[list.end..]].concat();
        let (before, last) = cells.split_at(cells.len().saturating_sub(n));
        let tail = Notebook {
            top: compact(&top)?.into(),
            place: CellsPlace::Cells,
            cells: last.iter().map(cell).collect::<Option<_>>()?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read_by_outline(json: &[u8]) -> bool {
        let outline = Outline::of(json);
        outline.is_some_and(|outline| NotebookEnd::of_outline(&outline, 1).is_some())
    }

    /// Whether the end of a notebook with this value somewhere is read by itself.
    fn is_read_alone(value: &str) -> bool {
        let json = format!(
            r#"{{"nbformat": 4, "x": {value}, "cells": [
                {{"cell_type": "code", "metadata": {{"x": [{value}]}}, "source": []}}]}}"#
        );
        is_read_by_outline(json.as_bytes())
    }

    #[test]
    fn what_jupyter_writes_is_read_alone() {
        for value in [
            r#""a \" \\ \/ \b\f\n\r\t \u00e9 \uD7FF é 😀""#,
            "[0, -0, 10, 0.5, -1.25e-7, 1E+5, 12345678901234567890123]",
            r#"{"": {}, "a": [], "a": [[], {}], "true": true}"#,
            "[true, false, null]",
        ] {
            assert!(is_read_alone(value), "{value}");
        }
    }

    #[test]
    fn what_is_odd_is_not() {
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
            assert!(!is_read_alone(value), "{value}");
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
