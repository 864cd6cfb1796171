//! Tests that the end of a notebook, read by itself, equals the end of the whole notebook.

use proptest::{collection::vec, prelude::*, sample};
use serde_json::{Value, json};
use shared::notebook::{Cell, Notebook, NotebookEnd, ParseError};

use crate::properties::{any_json, mutated, with_pieces};

/// Pieces that the two readers may read differently.
const ODD: [&str; 24] = [
    "NaN",
    "-Infinity",
    "1e999",
    "-0.0e-0",
    "00",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\uDC00\"",
    "\"\\x\"",
    "\"cells\": [],",
    "\"cells\":",
    "\"cell_type\": \"code\",",
    "\"cell_type\": 1,",
    "\"c\\u0065lls\": [],",
    "{}",
    "[]",
    "[[[[",
    "]]]]",
    "\"",
    "\\",
    ",",
    "\u{feff}",
    "é",
    "\0",
];

fn end_of_whole(bytes: &[u8], n: usize) -> Result<NotebookEnd, ParseError> {
    Notebook::parse(bytes).map(|parsed| NotebookEnd {
        tail: parsed.notebook.tail(n),
        total_cells: parsed.notebook.len(),
        ends_in_error: parsed.notebook.ends_in_error(),
        warnings: parsed.warnings,
    })
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    for n in [0, 2, usize::MAX] {
        let (end, expected) = (NotebookEnd::parse(bytes, n), end_of_whole(bytes, n));
        // Equal notebooks may differ in the order of their fields.
        let json = |end: &NotebookEnd| end.tail.to_json();
        let texts = (
            end.as_ref().ok().map(json),
            expected.as_ref().ok().map(json),
        );
        prop_assert_eq!(&texts.0, &texts.1);
        prop_assert_eq!(end, expected);
    }
    let cells = Notebook::parse(bytes).map(|parsed| parsed.notebook.cells().to_vec());
    prop_assert_eq!(NotebookEnd::map_cells(bytes, Cell::clone), cells);
    Ok(())
}

/// A notebook as Jupyter writes it, with any JSON in the places for it.
fn regular() -> impl Strategy<Value = String> {
    let kind = sample::select(vec!["code", "code", "code", "markdown", "raw", "heading"]);
    let output = prop_oneof![
        Just(json!({"output_type": "error", "ename": "E", "evalue": "", "traceback": []})),
        any_json().prop_map(|text| json!({"output_type": "stream", "text": text})),
    ];
    let count = prop_oneof![Just(Value::Null), Just(json!(1))];
    let cell =
        (kind, any_json(), vec(output, 0..2), count).prop_map(|(kind, any, outputs, count)| {
            json!({"cell_type": kind, "metadata": any, "source": any, "outputs": outputs,
                   "execution_count": count})
        });
    (vec(cell, 0..6), any_json(), any::<bool>()).prop_map(|(cells, any, pretty)| {
        let whole = json!({"x": any, "cells": cells, "metadata": any, "nbformat": 4});
        match pretty {
            true => serde_json::to_string_pretty(&whole).expect("a Value"),
            false => whole.to_string(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ends_of_regular_notebooks_agree(text in regular()) {
        check(text.as_bytes())?;
    }

    #[test]
    fn ends_of_notebooks_with_odd_pieces_agree(
        bytes in with_pieces(regular(), &ODD),
    ) {
        check(&bytes)?;
    }

    /// An odd piece replaces a whole value, so that the JSON around it stays valid.
    #[test]
    fn ends_of_notebooks_with_odd_values_agree(
        text in regular(),
        odd in vec((any::<sample::Index>(), sample::select(ODD.as_slice())), 1..4),
    ) {
        let mut text = text;
        for (at, piece) in odd {
            let places: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
            let places = if places.is_empty() { vec![0] } else { places };
            let at = places[at.index(places.len())];
            let end = text[at..].find([',', '\n', '}']).map_or(text.len(), |end| at + end);
            text.replace_range(at..end, piece);
        }
        check(text.as_bytes())?;
    }

    #[test]
    fn ends_of_damaged_notebooks_agree(bytes in mutated()) {
        check(&bytes)?;
    }

    #[test]
    fn ends_of_any_cells_agree(cell in any_json(), other in any_json()) {
        let json = json!({"cells": [cell, other, {"cell_type": "code", "x": cell}], "x": other});
        check(json.to_string().as_bytes())?;
    }
}

#[test]
fn ends_of_every_fixture_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let entries = std::fs::read_dir(folder).expect("the fixtures");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let notebooks = paths.filter(|path| path.extension().is_some_and(|ending| ending == "ipynb"));
    let checked = notebooks.map(|path| {
        let bytes = std::fs::read(&path).expect("a fixture");
        check(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    });
    assert!(checked.count() > 10);
}
