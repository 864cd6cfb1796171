//! Properties of every input, tested on random ones.

use proptest::{collection::vec, prelude::*, sample};
use serde_json::{Value, json};
use shared::{
    notebook::Notebook,
    prepare::{self, Sanitizer},
    sanitize::Ammonia,
};

use crate::support::{assert_regular, assert_safe, html, notebook, outputs};

const FIXTURES: [&[u8]; 4] = [
    include_bytes!("../../fixtures/v3.ipynb"),
    include_bytes!("../../fixtures/v4_5.ipynb"),
    include_bytes!("../../fixtures/broken.ipynb"),
    include_bytes!("../../fixtures/traceback.ipynb"),
];

/// Pieces with a meaning to one of the readers, which are joined at random.
const PIECES: [&str; 74] = [
    "$$",
    "\\",
    "\\begin{align}",
    "\\end{align}",
    "<a id='x y' name=z>",
    "<a href='#X y'>",
    "](#x)",
    "[^1]: ",
    "<b>",
    "</b>",
    "<p>",
    "</p>",
    "<a href='http://x'>",
    "</a>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<div>",
    "</div>",
    "<svg>",
    "</svg>",
    "<math>",
    "<style>",
    "</style>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<pre>",
    "</pre>",
    "\n",
    "\n\n",
    "<img src=x onerror=y>",
    "<img src='data:image/png;base64,Zg=='>",
    "<img alt='&lt;&quot;' src=http://x>",
    "<title>",
    "<textarea>",
    "<ul>",
    "<li>",
    "<i style='color:red'>",
    "<font color=red>",
    "<h1>",
    "</h1>",
    "<details open>",
    "<code>",
    "&amp;",
    "&lt;",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "x",
    " ",
    "*",
    "_",
    "`",
    "```",
    "$",
    "[",
    "](",
    ")",
    "#",
    "- ",
    "> ",
    "|",
    "|-|\n",
    "\r",
    "\u{8}",
    "\u{1b}[31m",
    "\u{1b}[A",
    "é",
    "\0",
];

/// Pieces of LaTeX, which are joined at random, to valid and invalid formulas.
const TEX: [&str; 56] = [
    "x",
    "1",
    "+",
    "<",
    ">",
    "&",
    "\\\\",
    "{",
    "}",
    "[",
    "]",
    "^",
    "_",
    "'",
    "\"",
    "~",
    "%",
    "#",
    "\\frac",
    "\\sqrt",
    "\\left(",
    "\\right)",
    "\\left",
    "\\right",
    "\\middle|",
    "\\begin{matrix}",
    "\\end{matrix}",
    "\\begin{cases}",
    "\\end{cases}",
    "\\begin{align}",
    "\\end{align}",
    "\\begin{array}{c|l}",
    "\\end{array}",
    "\\text{",
    "\\textbf{",
    "\\mathrm{",
    "\\color{red}",
    "\\textcolor{blue}{",
    "\\sum",
    "\\limits",
    "\\int",
    "\\hat",
    "\\overline{",
    "\\underbrace{",
    "\\label{a}",
    "\\tag{1}",
    "\\href{javascript:x}{",
    "\\def\\x",
    "\\hline",
    "\\operatorname{",
    "\\not",
    "\\big",
    "\\hspace{1em}",
    "\\\"",
    "é",
    "\u{1d465}",
];

fn text() -> impl Strategy<Value = String> {
    vec(sample::select(PIECES.as_slice()), 0..40).prop_map(|pieces| pieces.concat())
}

/// A text of the strategy `text` with some of these pieces inserted anywhere.
pub(crate) fn with_pieces(
    text: impl Strategy<Value = String>,
    pieces: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<sample::Index>(), 0..4_usize, sample::select(pieces));
    (text, vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (at, length, piece) in changes {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes.splice(at..end, piece.bytes());
        }
        bytes
    })
}

/// A fixture with some of its bytes changed.
pub(crate) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<sample::Index>(), any::<u8>(), 0..4_u8);
    (sample::select(FIXTURES.as_slice()), vec(change, 1..8)).prop_map(|(whole, changes)| {
        let mut bytes = whole.to_vec();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"[]{}\",:\\"[usize::from(byte % 8)]),
            }
        }
        bytes
    })
}

/// Any JSON, not too deep.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = sample::select(vec!["source", "output_type", "data", "text", "name", "x"]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key, inner), 0..4).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

/// Does everything that can be done with a notebook; checks that results are safe and bounded.
fn exercise(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(parsed) = Notebook::parse(bytes) else {
        return Ok(());
    };
    let whole = parsed.notebook;
    let html = html(&whole);
    assert_safe(&html);
    let outputs: usize = whole
        .cells()
        .iter()
        .map(|cell| cell.outputs().count())
        .sum();
    prop_assert!(html.len() <= 8 * bytes.len() + 4096 * (whole.len() + outputs));
    let again = Notebook::parse(whole.to_json().as_bytes()).expect("JSON of its own");
    prop_assert_eq!(&again.notebook, &whole);
    let cut = whole.tail(2).trim(3);
    prop_assert!(cut.len() <= 2);
    let parts = vec![("a".to_owned(), whole), ("b".to_owned(), cut)];
    let merged = Notebook::merge(parts).expect("there are two");
    prop_assert!(Notebook::parse(merged.to_json().as_bytes()).is_ok());
    Ok(())
}

proptest! {
    // A failure prints its input, which belongs in a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        exercise(&bytes)?;
    }

    #[test]
    fn damaged_notebooks_are_read_or_refused(bytes in mutated()) {
        exercise(&bytes)?;
    }

    #[test]
    fn odd_cells_are_shown(cell in any_json(), output in any_json(), field in any_json()) {
        let json = json!({"nbformat": 4, "cells": [cell, {"cell_type": "code",
            "outputs": [output], "source": field}, {"cell_type": "markdown", "source": field,
            "attachments": field, "metadata": field}]});
        exercise(json.to_string().as_bytes())?;
    }

    #[test]
    fn unknown_fields_survive(extra in any_json()) {
        let json = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {"x": extra}, "y": extra,
            "cells": [{"cell_type": "code", "source": "", "metadata": {"x": extra}, "z": extra,
                       "outputs": [{"output_type": "stream", "text": "", "q": extra}]}]});
        let notebook = Notebook::parse(json.to_string().as_bytes()).expect("a notebook").notebook;
        let written: Value = serde_json::from_str(&notebook.tail(1).trim(5).to_json()).unwrap();
        prop_assert_eq!(written, json);
    }

    #[test]
    fn odd_displays_are_shown(
        kinds in vec((0..4_u8, 0..3_u8, any_json()), 0..8),
        cell in 0..3_usize,
        output in 0..9_usize,
    ) {
        let outputs: Vec<Value> = kinds.iter().map(|(kind, id, data)| match kind {
            0 => json!({"output_type": "clear_output", "wait": id % 2 == 0}),
            1 => json!({"output_type": "stream", "name": "stdout", "text": data}),
            kind => json!({
                "output_type": if *kind == 2 { "display_data" } else { "update_display_data" },
                "transient": {"display_id": format!("id {id}")},
                "data": {"application/json": data, "text/html": data, "text/latex": data},
            }),
        }).collect();
        let cells: Vec<Value> = outputs
            .chunks(3)
            .map(|outputs| json!({"cell_type": "code", "source": "", "outputs": outputs}))
            .collect();
        let notebook = notebook(cells.into());
        assert_safe(&html(&notebook));
        // Only an output has a document for a frame; nothing panics.
        let document = prepare::frame_document(&notebook, cell, output);
        let there = notebook.cells().get(cell).is_some_and(|cell| output < cell.outputs().count());
        prop_assert!(there || document.is_none());
    }

    #[test]
    fn formulas_are_mathml_or_code(pieces in vec(sample::select(TEX.as_slice()), 0..30)) {
        let tex = pieces.concat();
        for source in [format!("${tex}$"), format!("$$\n{tex}\n$$"), format!("<b>${tex}$</b>")] {
            let html = html(&notebook(json!([{"cell_type": "markdown", "source": source}])));
            assert_safe(&html);
            // No stand-in is left.
            let left = html.contains(['\u{fdd1}', '\u{fdd2}']);
            prop_assert!(!left);
        }
        assert_safe(&html(&outputs(json!([
            {"output_type": "display_data", "data": {"text/latex": format!("${tex}$")}},
        ]))));
    }

    #[test]
    fn sanitising_twice_changes_nothing(text in text()) {
        let once = Ammonia.sanitize(&text);
        prop_assert_eq!(&Ammonia.sanitize(once.as_str()), &once);
        assert_regular(once.as_str(), "");
    }

    #[test]
    fn text_is_safe_everywhere(text in text()) {
        assert_safe(&html(&notebook(json!([
            {"cell_type": "code", "source": text}, {"cell_type": "markdown", "source": text},
            {"cell_type": "raw", "source": text}, {"cell_type": text},
        ]))));
        assert_safe(&html(&outputs(json!([
            {"output_type": "stream", "name": "stdout", "text": text},
            {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
            {"output_type": "display_data", "data": {"text/html": text}},
            {"output_type": "display_data", "data": {"text/markdown": text}},
            {"output_type": "display_data", "data": {"text/latex": text}},
            {"output_type": "display_data", "data": {"image/svg+xml": text, "text/plain": text}},
        ]))));
    }
}
