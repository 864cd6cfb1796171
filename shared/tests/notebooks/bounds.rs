//! Tests of how large a rendering can be, and that it comes to an end.
//!
//! The bound is eight bytes for each byte of the notebook, 4 KiB for each cell and each output,
//! and 24 bytes for each byte of a formula.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::{
    notebook::Notebook,
    render::{self, Options},
};

use crate::support::{PREFIX, assert_safe, html, notebook, outputs, prepare};

/// Texts that grow when they are written as HTML.
const DENSE: [&str; 34] = [
    "<",
    "&",
    "\"",
    "'",
    ">",
    "a ",
    "1,",
    "1+",
    "[",
    "[1],",
    "{",
    "\n",
    "\n\n",
    "# a\n",
    "- ",
    "- a\n",
    "> ",
    "`x`",
    "*a*",
    "|a",
    "[^1]",
    "[^1]: a\n\n",
    "[](#a)",
    "[a](#b) ",
    "![](x)",
    "<b>",
    "<p id=x>",
    "<a href='#x'></a>",
    "<img src=http://x>",
    "<td>",
    "\u{1b}[31mx\u{1b}[1;4mx",
    "x=1\n",
    "é",
    "\u{0}",
];

fn size(notebook: &Notebook) -> usize {
    let options = Options {
        id_prefix: PREFIX.to_owned(),
        page: Some(format!("notebook?filename={}", "x".repeat(60))),
        frames: true,
        ..Options::default()
    };
    render::cells(&prepare(notebook), &options).as_str().len()
}

fn limit(notebook: &Notebook) -> usize {
    let cells = notebook.cells();
    let outputs: usize = cells.iter().map(|cell| cell.outputs().count()).sum();
    8 * notebook.to_json().len() + 4096 * (cells.len() + outputs)
}

fn sinks(text: &str) -> Vec<(&'static str, Notebook)> {
    let display = |mime: &str| {
        outputs(json!([{"output_type": "display_data", "metadata": {}, "data": {mime: text}}]))
    };
    let cell = |kind: &str| notebook(json!([{"cell_type": kind, "source": text}]));
    let as_json: Value = serde_json::from_str(&format!("[{}]", text.trim_end_matches(',')))
        .unwrap_or_else(|_| json!(vec![text; 3]));
    vec![
        ("code", cell("code")),
        ("markdown", cell("markdown")),
        ("raw", cell("raw")),
        ("unknown", cell("x")),
        (
            "stream",
            outputs(json!([{"output_type": "stream", "name": "stdout", "text": text}])),
        ),
        (
            "error",
            outputs(
                json!([{"output_type": "error", "ename": text, "evalue": text,
                                   "traceback": [text]}]),
            ),
        ),
        ("plain", display("text/plain")),
        ("html", display("text/html")),
        ("markdown output", display("text/markdown")),
        ("latex", display("text/latex")),
        ("svg", display("image/svg+xml")),
        ("javascript", display("application/javascript")),
        (
            "json",
            outputs(json!([{"output_type": "display_data",
                                  "data": {"application/json": as_json}}])),
        ),
        (
            "mime type",
            outputs(json!([{"output_type": "display_data", "data": {text: ""}}])),
        ),
        (
            "tags",
            notebook(json!([{"cell_type": "code", "source": "",
                                   "metadata": {"tags": [text, "a", "b"]}}])),
        ),
    ]
}

#[test]
fn every_sink_is_bounded() {
    for part in DENSE {
        for length in [1, 500, 8000] {
            let text = part.repeat(length / part.len() + 1);
            for (sink, notebook) in sinks(&text) {
                let (size, limit) = (size(&notebook), limit(&notebook));
                assert!(
                    size <= limit,
                    "{part:?} x {length} as {sink}: {size} > {limit}"
                );
            }
        }
    }
}

/// A quadratic time is seen without an exact clock: at this length it takes minutes, and a linear
/// time takes milliseconds.
#[test]
fn every_sink_ends() {
    const LENGTH: usize = 400_000;
    const HANGS: Duration = Duration::from_secs(30);
    // Each of these sinks has a parser of its own; the others share one of these.
    const PARSERS: [&str; 6] = ["code", "markdown", "stream", "html", "latex", "json"];
    for part in DENSE {
        let text = part.repeat(LENGTH / part.len());
        for (sink, notebook) in sinks(&text) {
            if !PARSERS.contains(&sink) {
                continue;
            }
            let begun = Instant::now();
            size(&notebook);
            assert!(
                begun.elapsed() < HANGS,
                "{LENGTH} bytes of {part:?} as {sink}"
            );
        }
    }
}

#[test]
fn formulas_are_bounded() {
    for part in [
        "$x$",
        "$$x$$",
        "$<$",
        "$&$ ",
        "$a&b\\\\c&d$ ",
        "\\\\(x\\\\)",
        "$\\nosuch$ ",
    ] {
        let text = part.repeat(2000);
        for (sink, notebook) in sinks(&text) {
            let (size, limit) = (size(&notebook), limit(&notebook) + 24 * text.len());
            assert!(size <= limit, "{part:?} as {sink}: {size} > {limit}");
        }
    }
}

/// The work is bounded, too, because a huge text is cut before it is rendered.
#[test]
fn huge_texts_are_cut_with_a_note() {
    let huge = "x".repeat(1_500_000);
    let huge_html = outputs(json!([{"output_type": "display_data",
                               "data": {"text/html": huge.repeat(6)}}]));
    let sinks = sinks(&huge)
        .into_iter()
        .filter(|(sink, _)| !["html", "svg"].contains(sink));
    for (sink, notebook) in sinks.chain([("html", huge_html)]) {
        let html = html(&notebook);
        assert!(html.len() < 2_500_000, "{sink}: {}", html.len());
        let silent = ["tags", "json"];
        let text: String = html
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
            .collect();
        let says = text.contains(" bytes are not shown here") || text.contains("not shown here.");
        assert!(says || silent.contains(&sink), "{sink}: {html:.300}");
        assert_safe(&html);
    }
}

#[test]
fn many_trivial_cells_stay_small() {
    let cells: Vec<Value> = (0..2000)
        .map(|_| json!({"cell_type": "code", "source": "", "outputs": []}))
        .collect();
    let notebook = notebook(cells.into());
    // The frame of a cell is a section with an id and a label, two `div`s and a prompt.
    assert!(html(&notebook).len() <= 2000 * 200);
}
