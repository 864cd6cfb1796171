//! The parts of a merged notebook, of which one changes at a time.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

use super::{
    Cell, Notebook,
    json::{self, RawJson},
    merge,
};

/// One participant's part of a merged notebook, as the JSON that stands there.
///
/// Merging parts only joins texts and chooses ids, because ids must differ from one participant
/// to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePart {
    slug: Box<str>,
    header: CellText,
    cells: Box<[Arc<CellText>]>,
    /// The notebook's top-level fields, before its cells and after them.
    before: Box<str>,
    after: Box<str>,
}

/// The JSON of a cell without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CellText {
    /// The hash of the cell that it was made of.
    mark: u64,
    own_id: Box<str>,
    text: Box<str>,
    /// The offset in the text at which the id is inserted.
    id_at: usize,
}

/// The empty id of a cell, three levels deep: in an object in a list in an object. Nothing else
/// looks like it, because no text in JSON holds a line break.
const EMPTY_ID: &str = "\n   \"id\": \"\"";
/// The null in place of a notebook's cells, which nothing else looks like either.
const NULL_CELLS: &str = "\n \"cells\": null";

impl MergePart {
    /// The part of the participant `stem` (as [`Notebook::merge`] takes it) with the cells of
    /// `notebook`. Unchanged cells are taken from `before`, the participant's part until now.
    ///
    /// ```
    /// use shared::notebook::{Notebook, MergePart};
    ///
    /// let part = |name: &str| MergePart::of(name, &Notebook::default(), None);
    /// let mut json = String::new();
    /// MergePart::merge([&part("ana"), &part("bo")], &mut json)?;
    /// let merged = Notebook::parse(json.as_bytes())?.notebook;
    /// assert_eq!(merged.cells()[1].source(), "# <a id=\"BO\">BO</a>");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(stem: &str, notebook: &Notebook, before: Option<&Self>) -> Self {
        let known = before.map_or(&[][..], |part| &part.cells);
        let known: HashMap<u64, _> = known.iter().map(|cell| (cell.mark, cell)).collect();
        let cell = |cell: &Cell| {
            let mut mark = DefaultHasher::new();
            cell.mark(&mut mark);
            let mark = mark.finish();
            match known.get(&mark) {
                Some(known) => Arc::clone(known),
                None => Arc::new(CellText::of(mark, cell)),
            }
        };
        let [before, after] = around_cells(notebook);
        let header = merge::header(stem);
        Self {
            slug: merge::slug(stem).into(),
            header: CellText::of_fields(0, "", RawJson::of(&header).entries()),
            cells: notebook.cells.iter().map(cell).collect(),
            before,
            after,
        }
    }

    /// Writes the merged notebook of `parts`, byte for byte the same that [`Notebook::merge`]
    /// makes of several; here a single part has its header as well. Without parts it writes
    /// nothing.
    ///
    /// # Errors
    /// When writing to `out` fails.
    ///
    /// ```
    /// use shared::notebook::{Notebook, MergePart};
    ///
    /// let mut json = String::new();
    /// MergePart::merge([&MergePart::of("ana", &Notebook::default(), None)], &mut json)?;
    /// assert!(json.starts_with("{\n \"cells\": [\n  {\n"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    pub fn merge<'a>(
        parts: impl IntoIterator<Item = &'a Self>,
        out: &mut impl Write,
    ) -> fmt::Result {
        let mut ids = merge::CellIds::default();
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

/// The JSON of the notebook's top-level fields, before its cells and after them.
fn around_cells(notebook: &Notebook) -> [Box<str>; 2] {
    let own = merge::top_of(notebook);
    let mut top = String::new();
    json::push_object(&mut top, RawJson::of(&own).entries(), 0);
    drop(own);
    top.push('\n');
    let start = top.find(NULL_CELLS).expect("the top has null for cells");
    let end = start + NULL_CELLS.len();
    // The longer part keeps its memory.
    if start < top.len() - end {
        let before = top[..start].into();
        top.drain(..end);
        [before, top.into()]
    } else {
        let after = top[end..].into();
        top.truncate(start);
        [top.into(), after]
    }
}

impl CellText {
    /// The text of `cell`, whose hash is `mark`.
    fn of(mark: u64, cell: &Cell) -> Self {
        let (own_id, fields) = merge::without_id(cell);
        Self::of_fields(mark, own_id, fields.iter())
    }

    /// The text of a cell of these fields, in which the id is empty.
    fn of_fields<'a>(
        mark: u64,
        own_id: &str,
        fields: impl Iterator<Item = (&'a str, RawJson<'a>)>,
    ) -> Self {
        // The cell begins a line, in a list in an object.
        let mut text = "\n  ".to_owned();
        // The cell as one value, as `Notebook::to_json` writes it.
        let mut cell = "{".to_owned();
        for (name, value) in fields {
            cell.push_str(if cell.len() > 1 { "," } else { "" });
            for part in ["\"", name, "\":"] {
                cell.push_str(part);
            }
            cell.push_str(value.json());
        }
        cell.push('}');
        json::push(
            &mut text,
            RawJson::of(&cell),
            2,
            &mut json::LinesAllowance::of_cell(),
        );
        let id = text.find(EMPTY_ID).expect("an empty id was put there");
        Self {
            mark,
            own_id: own_id.into(),
            text: text.into(),
            id_at: id + EMPTY_ID.len() - 1,
        }
    }

    /// Writes the cell with `id`, which needs no escaping, because it has letters, digits and
    /// dashes only.
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
    fn merged_parts_equal_merged_notebooks() {
        let mut notebooks = parts();
        // The first notebook gives the merged one its top-level fields.
        for _ in 0..notebooks.len() {
            notebooks.rotate_left(1);
            let parts: Vec<MergePart> = notebooks
                .iter()
                .map(|(name, notebook)| MergePart::of(name, notebook, None))
                .collect();
            let mut merged = String::new();
            MergePart::merge(&parts, &mut merged).unwrap();
            let expected = Notebook::merge(notebooks.clone()).unwrap().to_json();
            assert_eq!(merged, expected);
        }
    }

    /// A cell of nbformat 4 is written as it is; each of these differs from one in one field.
    #[test]
    fn cells_that_differ_from_nbformat_4_are_upgraded() {
        let code = |more: &str| {
            let outputs = if more.contains("outputs") {
                ""
            } else {
                r#""outputs": [],"#
            };
            format!(
                r#"{{"cell_type": "code", "metadata": {{}}, "source": ["a\n", "b"], {outputs}
                    "execution_count": 1, {more}}}"#
            )
        };
        let output = |output: &str| code(&format!(r#""outputs": [{{{output}}}]"#));
        for cell in [
            code(r#""id": "a""#),
            code(r#""id": 3"#),
            code(r#""collapsed": true"#),
            code(r#""collapsed": 1"#),
            code(r#""language": "R""#),
            code(r#""input": "x""#),
            code(r#""prompt_number": 2"#),
            code(r#""execution_count": null"#),
            code(r#""execution_count": 1.5"#),
            code(r#""metadata": null"#),
            code(r#""source": {"a": 1}"#),
            code(r#""source": [1]"#),
            code(r#""outputs": null"#),
            code(r#""outputs": {"output_type": "stream"}"#),
            output(r#""output_type": "stream", "name": "stdout", "text": "x""#),
            output(r#""output_type": "stream", "text": "x""#),
            output(r#""output_type": "stream", "name": "stdout""#),
            output(r#""output_type": "stream", "name": "a", "text": "x", "stream": "stderr""#),
            output(r#""output_type": "error""#),
            output(r#""output_type": "pyerr""#),
            output(r#""output_type": "display_data", "data": {}, "metadata": {}"#),
            output(r#""output_type": "display_data", "data": {}"#),
            output(r#""output_type": "display_data", "metadata": {}, "text": "x""#),
            output(r#""output_type": "update_display_data", "data": {}, "metadata": {}"#),
            output(r#""output_type": "execute_result", "data": {}, "metadata": {}"#),
            output(
                r#""output_type": "execute_result", "data": {}, "metadata": {},
                   "execution_count": 1, "prompt_number": 2"#,
            ),
            output(r#""output_type": "pyout", "html": "x", "prompt_number": 2"#),
            output(r#""output_type": "clear_output""#),
            r#"{"cell_type": "markdown", "source": "x", "metadata": {}}"#.to_owned(),
            r#"{"cell_type": "markdown", "source": "x"}"#.to_owned(),
            r#"{"cell_type": "markdown", "metadata": {}}"#.to_owned(),
            r#"{"cell_type": "html", "source": "x", "metadata": {}}"#.to_owned(),
            r#"{"cell_type": "heading", "source": "x", "metadata": {}, "level": 2}"#.to_owned(),
            r#"{"cell_type": "raw", "source": [], "metadata": [], "id": ""}"#.to_owned(),
        ] {
            let json = format!(r#"{{"nbformat": 4, "cells": [{cell}]}}"#);
            let notebook = Notebook::parse(json.as_bytes()).unwrap().notebook;
            let both = ["ana", "bo"].map(|name| (name.to_owned(), notebook.clone()));
            let parts = ["ana", "bo"].map(|name| MergePart::of(name, &notebook, None));
            let mut merged = String::new();
            MergePart::merge(&parts, &mut merged).unwrap();
            assert_eq!(
                merged,
                Notebook::merge(both.into()).unwrap().to_json(),
                "{cell}"
            );
        }
    }

    #[test]
    fn a_single_part_has_its_header() {
        let (name, notebook) = parts().swap_remove(0);
        let mut merged = String::new();
        MergePart::merge([&MergePart::of(&name, &notebook, None)], &mut merged).unwrap();
        let merged = Notebook::parse(merged.as_bytes()).unwrap().notebook;
        assert_eq!(merged.len(), 3);
        assert_eq!(merged.cells()[0].source(), "# <a id=\"ANA\">ANA</a>");
    }
}
