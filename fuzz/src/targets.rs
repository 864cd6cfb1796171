//! One function for each target. It takes any bytes and panics when a property does not hold.

use serde_json::{Value, json};
use shared::{
    notebook::{Notebook, NotebookEnd, without_private},
    prepare::{self, Sanitizer},
    render::{self, Options},
    sanitize::Ammonia,
};

use crate::markup;

/// The prefix of every `id`.
const PREFIX: &str = "nb1-";

/// Languages with different lexers, and an unknown one.
const LANGUAGES: [&str; 9] = [
    "python",
    "ipython",
    "bash",
    "sql",
    "R",
    "julia",
    "javascript",
    "json",
    "x\"><b>",
];

/// The notebook parser and the operations on a notebook: parsing only the end gives the tail of the
/// whole, a round trip through JSON changes nothing, and rendering is safe and bounded.
pub fn parser(data: &[u8]) {
    let Ok(parsed) = Notebook::parse(data) else {
        return;
    };
    let notebook = parsed.notebook;
    let end = NotebookEnd::parse(data, 3).expect("the whole was read");
    assert_eq!(end.tail, notebook.tail(3));
    let public = without_private(data.to_vec());
    let both = public.and_then(|rest| NotebookEnd::parse(&rest, 3).map(|end| (rest, end)));
    assert_eq!(NotebookEnd::of_public(data.to_vec(), 3), both);
    let json = notebook.to_json();
    let again = Notebook::parse(json.as_bytes())
        .expect("JSON of its own")
        .notebook;
    assert_eq!(again, notebook);
    assert_eq!(again.to_json(), json);
    show(&notebook, 3 * data.len());
}

/// Private cells: the rest after cutting them parses if the whole does, and has no private cells.
pub fn private(data: &[u8]) {
    let before = Notebook::parse(data);
    let rest = match without_private(data.to_vec()) {
        Ok(rest) => rest,
        Err(error) => {
            assert_eq!(Some(error), before.err());
            return;
        }
    };
    if before.is_err() {
        assert_eq!(rest, data);
        return;
    }
    let after = Notebook::parse(&rest).expect("what is left of a notebook is one");
    assert_eq!(without_private(rest.clone()).as_ref(), Ok(&rest));
    let tags = after.notebook.cells().iter().flat_map(|cell| cell.tags());
    assert!(
        tags.into_iter()
            .all(|tag| !tag.trim().eq_ignore_ascii_case("private"))
    );
}

/// Tail, trim and merge. The first two bytes are the numbers of cells and lines to keep; each part
/// of the rest, between NULs, is one participant's notebook.
pub fn cut(data: &[u8]) {
    let [cells, lines, rest @ ..] = data else {
        return;
    };
    let (cells, lines) = (usize::from(*cells), usize::from(*lines));
    let mut parts = Vec::new();
    for (at, text) in rest.split(|byte| *byte == 0).enumerate().take(4) {
        let Ok(parsed) = Notebook::parse(text) else {
            continue;
        };
        let whole = parsed.notebook;
        let tail = whole.tail(cells);
        assert_eq!(tail.len(), whole.len().min(cells));
        assert_eq!(tail.cells(), &whole.cells()[whole.len() - tail.len()..]);
        let trimmed = tail.clone().trim(lines);
        assert_eq!(trimmed.len(), tail.len());
        if lines > 1 {
            // An even number leaves one line more: the marker.
            assert_eq!(trimmed.clone().trim(lines + 2), trimmed);
        }
        parts.push((format!("p{at}<\"{cells}"), trimmed));
    }
    let (several, total) = (
        parts.len() > 1,
        parts.iter().map(|(_, part)| part.len()).sum::<usize>(),
    );
    let headers = parts.len();
    let Some(merged) = Notebook::merge(parts) else {
        return;
    };
    let json = merged.to_json();
    let again = Notebook::parse(json.as_bytes()).expect("JSON of its own");
    assert_eq!(again.notebook, merged);
    if several {
        assert_eq!(merged.len(), total + headers);
        assert_eq!(again.warnings, Vec::<String>::new());
        assert_ids(&json);
    }
    show(&merged, 3 * rest.len() + 4096);
}

/// Terminal text, in streams and tracebacks.
pub fn ansi(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (one, other) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let outputs = json!([
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "stream", "name": "stderr", "text": [one, other]},
        {"output_type": "error", "ename": one, "evalue": other, "traceback": [one, other]},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": text}},
    ]);
    let cell = json!({"cell_type": "code", "source": "", "outputs": outputs});
    let shown = show(&notebook(&[cell]), 4 * data.len());
    // No part of an escape sequence is left.
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

/// Markdown with formulas, as a cell and as an output, with a neighbour that it must not affect.
pub fn markdown(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let attachments = json!({"a": {"image/png": "iVBORw0KGgo="}});
    let cell = json!({"cell_type": "markdown", "source": text, "attachments": attachments});
    let outputs = json!([
        {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": text}},
        {"output_type": "display_data", "metadata": {}, "data": {"text/latex": text}},
    ]);
    let code = json!({"cell_type": "code", "source": "", "outputs": outputs});
    // A formula may become 24 times as long as its source, other text 8 times.
    show(&notebook(&[cell.clone(), code, cell]), 3 * 4 * data.len());
}

/// The sanitiser: its result is safe and bounded, and sanitising it again changes nothing.
pub fn sanitizer(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let clean = Ammonia.sanitize(&html);
    assert_eq!(Ammonia.sanitize(clean.as_str()), clean, "from {html:?}");
    assert!(clean.as_str().len() <= 8 * html.len() + 4096);
    // Ids get their prefix when the notebook is rendered.
    markup::read(clean.as_str(), "");
}

/// The highlighter: it changes no character of the source. The first byte chooses the language.
pub fn highlighter(data: &[u8]) {
    let [language, source @ ..] = data else {
        return;
    };
    let language = LANGUAGES[usize::from(*language) % LANGUAGES.len()];
    let source = String::from_utf8_lossy(source);
    let cell = json!({"cell_type": "code", "source": source, "language": language, "outputs": []});
    let html = html(&notebook(&[cell]));
    let shown = markup::read(&html, PREFIX);
    assert!(html.len() <= 8 * source.len() + 4096 + 1024);
    let expected = source
        .replace("\r\n", "\n")
        .replace(['\r'], "\n")
        .replace('\0', "\u{fffd}");
    let shown_source = shown.strip_prefix("[ ]:").unwrap_or(&shown);
    assert_eq!(
        shown_source.trim_end_matches('\n'),
        expected.trim_end_matches('\n')
    );
}

fn notebook(cells: &[Value]) -> Notebook {
    let json = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    Notebook::parse(json.to_string().as_bytes())
        .expect("a notebook")
        .notebook
}

fn html(notebook: &Notebook) -> String {
    let options = Options {
        id_prefix: PREFIX.to_owned(),
        ..Options::default()
    };
    render::cells(&prepare::cells(notebook, 0, &Ammonia), &options).into_string()
}

/// The text of a rendered notebook. Its HTML must be safe, have every cell, and be of a size in
/// proportion to `bytes`.
fn show(notebook: &Notebook, bytes: usize) -> String {
    let html = html(notebook);
    let outputs: usize = notebook
        .cells()
        .iter()
        .map(|cell| cell.outputs().count())
        .sum();
    assert!(
        html.len() <= 8 * bytes + 4096 * (notebook.len() + outputs + 1),
        "{} of {bytes}",
        html.len()
    );
    assert_eq!(
        html.matches("<section class=\"nb-cell ").count(),
        notebook.len()
    );
    markup::read(&html, PREFIX)
}

/// Checks that every cell of a merged notebook has a unique id that nbformat 4.5 allows.
fn assert_ids(json: &str) {
    let merged: Value = serde_json::from_str(json).expect("JSON of its own");
    let cells = merged["cells"].as_array().expect("cells");
    let mut ids: Vec<&str> = cells
        .iter()
        .map(|cell| cell["id"].as_str().expect("an id"))
        .collect();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    for id in &ids {
        assert!(
            (1..=64).contains(&id.len()) && id.bytes().all(allowed),
            "{id}"
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), cells.len(), "an id is there twice");
}
