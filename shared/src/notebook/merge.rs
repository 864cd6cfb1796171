//! Merges several participants' notebooks to one; [`super::MergePart`] uses its functions, too.

use std::collections::HashMap;

use super::{
    CellsPlace, Notebook,
    cell::{Cell, CellKind},
    json::{RawJson, push_text},
    top,
    upgrade::{self, Fields},
};
use crate::render::escape;

/// nbformat allows ids of 1 to 64 characters.
const MAX_CELL_ID_CHARS: usize = 64;

/// The prefix of the ids of header cells.
const HEADER_ID_PREFIX: &str = "header";

/// The notebooks one after the other, each below a header cell.
pub(super) fn merge(parts: Vec<(String, Notebook)>) -> Notebook {
    let mut ids = CellIds::default();
    let mut top = None;
    let mut cells = Vec::new();
    for (stem, notebook) in parts {
        top.get_or_insert_with(|| top_of(&notebook));
        let slug = slug(&stem);
        let id = format!("\"{}\"", ids.header(&slug));
        let json = top::with_field(RawJson::of(&header(&stem)), "id", Some(&id));
        cells.push(Cell::new(json));
        for cell in notebook.cells {
            let (own, mut fields) = without_id(&cell);
            let id = ids.unique(&slug, own);
            // An id from `CellIds` needs no escaping.
            fields.set("id", format!("\"{id}\""));
            cells.push(Cell::new(fields.json()));
        }
    }
    Notebook {
        top: top.expect("merge is called with several notebooks"),
        place: CellsPlace::Cells,
        cells,
        earlier: Box::default(),
    }
}

/// The id of `cell`, and its fields in nbformat 4, in which the id is empty.
pub(super) fn without_id(cell: &Cell) -> (&str, Fields<'_>) {
    let mut fields = upgrade::cell(cell);
    let own = match cell.kind() {
        CellKind::Unknown(_) => None,
        _ => cell.id(),
    };
    fields.set("id", "\"\"");
    // Jupyter writes fields in this order.
    fields.sort();
    (own.unwrap_or_default(), fields)
}

/// The top-level fields of the first notebook, made valid for nbformat 4 with ids; its cells are
/// null.
pub(super) fn top_of(first: &Notebook) -> Box<str> {
    let (major, minor) = first.nbformat();
    // Ids are valid from 4.5 on.
    let minor = if major < 4 { 5 } else { minor.max(5) };
    let mut json = top::with_field(first.top(), "worksheets", None);
    let mut set =
        |name: &str, value: &str| json = top::with_field(RawJson::of(&json), name, Some(value));
    set("cells", "null");
    if first.metadata().is_none() {
        set("metadata", "{}");
    }
    set("nbformat", &major.max(4).to_string());
    set("nbformat_minor", &minor.to_string());
    json.into()
}

/// The JSON of a header cell, which names a participant and has an anchor to link to; its id is
/// empty.
pub(super) fn header(stem: &str) -> String {
    // A line break in the name of a file would end the heading, and with it the anchor.
    let name = stem.to_uppercase().replace(['\n', '\r'], " ");
    let name = escape::text(&name);
    let source = format!("# <a id=\"{name}\">{name}</a>");
    let mut json = r#"{"cell_type":"markdown","id":"","metadata":{},"source":["#.to_owned();
    push_text(&mut json, &source);
    json.push_str("]}");
    json
}

/// The characters of `stem` that an id may have.
pub(super) fn slug(stem: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let slug: String = stem
        .chars()
        .filter(allowed)
        .take(MAX_CELL_ID_CHARS / 2)
        .collect();
    if slug.is_empty() {
        "participant".to_owned()
    } else {
        slug
    }
}

/// The ids given to cells so far, and the last number appended to each.
#[derive(Default)]
pub(super) struct CellIds(HashMap<String, u32>);

impl CellIds {
    /// An id for the header cell of the participant with this slug.
    pub(super) fn header(&mut self, slug: &str) -> String {
        self.unique(HEADER_ID_PREFIX, slug)
    }

    /// `own` when it is valid and new, else a valid id that begins with `prefix`.
    pub(super) fn unique(&mut self, prefix: &str, own: &str) -> String {
        if is_valid(own) && prefix != HEADER_ID_PREFIX && !self.0.contains_key(own) {
            self.0.insert(own.to_owned(), 1);
            return own.to_owned();
        }
        let mut base = format!("{prefix}-{}", if is_valid(own) { own } else { "cell" });
        // This leaves room for a number; ids are ASCII, so any cut is between characters.
        base.truncate(MAX_CELL_ID_CHARS - 11);
        let mut number = self.0.get(&base).copied().unwrap_or(0);
        loop {
            number += 1;
            let id = match number {
                1 => base.clone(),
                _ => format!("{base}-{number}"),
            };
            if !self.0.contains_key(&id) {
                self.0.insert(id.clone(), 1);
                self.0.insert(base, number);
                return id;
            }
        }
    }
}

fn is_valid(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=MAX_CELL_ID_CHARS).contains(&id.len()) && id.bytes().all(allowed)
}
