//! Several participants' notebooks to one, from [`super::Part`]s or from the notebooks.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Notebook, Place, cell::Cell, upgrade};
use crate::render::escape;

/// nbformat allows ids of 1 to 64 characters.
const MAX_ID: usize = 64;

/// What the ids of header cells begin with.
const HEADER: &str = "header";

/// `parts` one after the other, each below a header.
pub(super) fn merge(parts: Vec<(String, Notebook)>) -> Notebook {
    let mut ids = Ids::default();
    let mut top = None;
    let mut cells = Vec::new();
    for (stem, notebook) in parts {
        top.get_or_insert_with(|| top_of(&notebook));
        let slug = slug(&stem);
        let mut push = |mut fields: Map<String, Value>, id: String| {
            fields.insert("id".to_owned(), json!(id));
            cells.push(Cell::new(Value::Object(fields)));
        };
        push(header(&stem), ids.header(&slug));
        for cell in notebook.cells {
            let (own, fields) = without_id(cell);
            push(fields, ids.unique(&slug, &own));
        }
    }
    Notebook {
        top: top.expect("merge is called with several notebooks"),
        place: Place::Cells,
        cells,
    }
}

/// The fields of `cell` in nbformat 4, and what its id was, which is empty in them.
pub(super) fn without_id(cell: Cell) -> (String, Map<String, Value>) {
    let mut fields = upgrade::cell(cell);
    let own = fields.insert("id".to_owned(), json!(""));
    // As Jupyter writes them.
    fields.sort_keys();
    let own = own.as_ref().and_then(Value::as_str).unwrap_or("");
    (own.to_owned(), fields)
}

/// The first notebook's own fields, as nbformat 4 with ids wants them; there is null for
/// its cells.
pub(super) fn top_of(first: &Notebook) -> Map<String, Value> {
    let (major, minor) = first.nbformat();
    let mut top = first.top.clone();
    top.remove("worksheets");
    top.insert("cells".to_owned(), Value::Null);
    if !top.get("metadata").is_some_and(Value::is_object) {
        top.insert("metadata".to_owned(), json!({}));
    }
    // Ids are valid from 4.5 on.
    let minor = if major < 4 { 5 } else { minor.max(5) };
    top.insert("nbformat".to_owned(), json!(major.max(4)));
    top.insert("nbformat_minor".to_owned(), json!(minor));
    top
}

/// The cell that names a participant, as an anchor to link to; its id is empty.
pub(super) fn header(stem: &str) -> Map<String, Value> {
    // A line break in a file's name would end the heading, and with it the anchor.
    let name = stem.to_uppercase().replace(['\n', '\r'], " ");
    let name = escape::text(&name);
    let source = format!("# <a id=\"{name}\">{name}</a>");
    let fields = [
        ("cell_type", json!("markdown")),
        ("id", json!("")),
        ("metadata", json!({})),
        ("source", json!([source])),
    ];
    let owned = fields.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}

/// What of `stem` may stand in an id.
pub(super) fn slug(stem: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let slug: String = stem.chars().filter(allowed).take(MAX_ID / 2).collect();
    if slug.is_empty() {
        "participant".to_owned()
    } else {
        slug
    }
}

/// Ids given out so far, and the last number put behind each.
#[derive(Default)]
pub(super) struct Ids(HashMap<String, u32>);

impl Ids {
    /// One for the header of the participant that `slug` was made of.
    pub(super) fn header(&mut self, slug: &str) -> String {
        self.unique(HEADER, slug)
    }

    /// `own` when it is valid and new, else a valid id that begins with `prefix`.
    pub(super) fn unique(&mut self, prefix: &str, own: &str) -> String {
        if is_valid(own) && prefix != HEADER && !self.0.contains_key(own) {
            self.0.insert(own.to_owned(), 1);
            return own.to_owned();
        }
        let mut base = format!("{prefix}-{}", if is_valid(own) { own } else { "cell" });
        // Room for a number; ids are ASCII, so any cut is between characters.
        base.truncate(MAX_ID - 11);
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
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(allowed)
}
