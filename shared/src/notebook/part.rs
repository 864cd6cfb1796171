//! A merged notebook whose parts change one at a time.

use std::fmt::{self, Write};

use serde_json::{Map, Value};

use super::{Notebook, json, merge};

/// What one participant adds to a merged notebook, as the JSON it will be there.
///
/// Merging parts is putting texts one after the other; only the ids are chosen then,
/// because they must differ from one participant to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    slug: Box<str>,
    header: CellText,
    cells: Box<[CellText]>,
    /// The notebook's own fields, before its cells and after them.
    before: Box<str>,
    after: Box<str>,
}

/// A cell, its id left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CellText {
    own_id: Box<str>,
    text: Box<str>,
    /// Where in the text the id goes.
    id_at: usize,
}

/// The id in a cell, which stands in a list in an object: three levels down. No text in
/// JSON holds a line break, so nothing else looks like it.
const EMPTY_ID: &str = "\n   \"id\": \"\"";
/// The same for the cells of a notebook.
const NO_CELLS: &str = "\n \"cells\": null";

impl Part {
    /// The part of the participant `stem` (as [`Notebook::merge`] takes it), who has these
    /// cells.
    ///
    /// ```
    /// use shared::notebook::{Notebook, Part};
    ///
    /// let part = |name: &str| Part::of(name, Notebook::default());
    /// let mut json = String::new();
    /// Part::merge([&part("ana"), &part("bo")], &mut json)?;
    /// let merged = Notebook::parse(json.as_bytes())?.notebook;
    /// assert_eq!(merged.cells()[1].source(), "# <a id=\"BO\">BO</a>");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(stem: &str, notebook: Notebook) -> Self {
        let top = json::write(&Value::Object(merge::top_of(&notebook)));
        let (before, after) = top
            .split_once(NO_CELLS)
            .expect("the top has null for cells");
        let cells = notebook.cells.into_iter().map(merge::without_id);
        Self {
            slug: merge::slug(stem).into(),
            header: CellText::of(String::new(), merge::header(stem)),
            cells: cells
                .map(|(own, fields)| CellText::of(own, fields))
                .collect(),
            before: before.into(),
            after: after.into(),
        }
    }

    /// Writes the merged notebook of `parts`, byte for byte what [`Notebook::merge`] of
    /// several makes; here one has its header as well. Of no part it is an empty text.
    ///
    /// # Errors
    /// When `out` has one.
    ///
    /// ```
    /// use shared::notebook::{Notebook, Part};
    ///
    /// let mut json = String::new();
    /// Part::merge([&Part::of("ana", Notebook::default())], &mut json)?;
    /// assert!(json.starts_with("{\n \"cells\": [\n  {\n"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    pub fn merge<'a>(
        parts: impl IntoIterator<Item = &'a Self>,
        out: &mut impl Write,
    ) -> fmt::Result {
        let mut ids = merge::Ids::default();
        let mut after = None;
        for part in parts {
            if after.is_none() {
                out.write_str(&part.before)?;
                out.write_str("\n \"cells\": [")?;
                after = Some(&part.after);
            } else {
                out.write_char(',')?;
            }
            part.header.write(&ids.header(&part.slug), out)?;
            for cell in &part.cells {
                out.write_char(',')?;
                cell.write(&ids.unique(&part.slug, &cell.own_id), out)?;
            }
        }
        match after {
            Some(after) => {
                out.write_str("\n ]")?;
                out.write_str(after)
            }
            None => Ok(()),
        }
    }
}

impl CellText {
    fn of(own_id: String, fields: Map<String, Value>) -> Self {
        // In two lists it is indented as in the list of an object.
        let text = json::write(&[[fields]]);
        let text = text
            .strip_prefix("[\n [")
            .and_then(|text| text.strip_suffix("\n ]\n]\n"));
        let text = text.expect("the lists were put around it");
        let id = text.find(EMPTY_ID).expect("an empty id was put there");
        Self {
            own_id: own_id.into(),
            text: text.into(),
            id_at: id + EMPTY_ID.len() - 1,
        }
    }

    /// `id` needs no escaping: the ids given out are letters, digits and dashes.
    fn write(&self, id: &str, out: &mut impl Write) -> fmt::Result {
        let (before, after) = self.text.split_at(self.id_at);
        for part in [before, id, after] {
            out.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<(String, Notebook)> {
        let texts = [
            (
                "ana",
                r#"{"nbformat": 4, "nbformat_minor": 2, "metadata": {"a": "\n \"cells\": null"},
                    "x": 1, "cells": [
                    {"cell_type": "code", "id": "same", "metadata": {"id": ""}, "outputs": [],
                     "source": "\n   \"id\": \"\"", "execution_count": null},
                    {"cell_type": "markdown", "id": "header-bo", "source": []}]}"#,
            ),
            (
                "bo",
                r#"{"cells": [{"cell_type": "raw", "id": "same"}, 7, {"id": 3}]}"#,
            ),
            (
                "c d",
                r#"{"nbformat": 3, "worksheets": [{"cells": [
                    {"cell_type": "heading", "level": 2, "source": "T"}]}]}"#,
            ),
            ("Ü", r#"{"nbformat": 4}"#),
        ];
        let parse = |text: &str| Notebook::parse(text.as_bytes()).unwrap().notebook;
        texts
            .map(|(name, text)| (name.to_owned(), parse(text)))
            .into()
    }

    #[test]
    fn parts_merge_to_what_notebooks_merge_to() {
        let mut notebooks = parts();
        // Whoever comes first gives the notebook its own fields.
        for _ in 0..notebooks.len() {
            notebooks.rotate_left(1);
            let parts: Vec<Part> = notebooks
                .iter()
                .map(|(name, notebook)| Part::of(name, notebook.clone()))
                .collect();
            let mut merged = String::new();
            Part::merge(&parts, &mut merged).unwrap();
            let expected = Notebook::merge(notebooks.clone()).unwrap().to_json();
            assert_eq!(merged, expected);
        }
    }

    #[test]
    fn one_part_has_its_header_too() {
        let (name, notebook) = parts().swap_remove(0);
        let mut merged = String::new();
        Part::merge([&Part::of(&name, notebook)], &mut merged).unwrap();
        let merged = Notebook::parse(merged.as_bytes()).unwrap().notebook;
        assert_eq!(merged.len(), 3);
        assert_eq!(merged.cells()[0].source(), "# <a id=\"ANA\">ANA</a>");
    }
}
