//! Tests of odd files that are read as notebooks, and of files that are none.

use shared::notebook::{MergePart, Notebook, NotebookEnd};

use crate::support::{html, parse};

#[test]
fn json_of_python_is_read_with_warnings() {
    let parsed = Notebook::parse(include_bytes!("../../fixtures/python_json.ipynb")).unwrap();
    assert_eq!(parsed.warnings.len(), 2, "{:?}", parsed.warnings);
    assert_eq!(parsed.notebook.cells()[0].source(), "print('café')\nx = 1");
    let metadata = parsed.notebook.cells()[0].metadata().unwrap();
    let limits = metadata.get("limits").unwrap();
    assert_eq!(limits.json(), "[-Infinity,Infinity,1e999]");
    assert_eq!(limits.to_value(), serde_json::json!([null, null, null]));
}

#[test]
fn numbers_stay_as_they_were_written() {
    let json = include_str!("../../fixtures/numbers.ipynb");
    let notebook = parse(json);
    assert_eq!(notebook.to_json(), json);
    let end = NotebookEnd::parse(json.as_bytes(), 1).unwrap();
    assert_eq!(end.tail.to_json(), json);
    let part = MergePart::of("ana", &notebook, None);
    let mut merged = String::new();
    MergePart::merge([&part], &mut merged).unwrap();
    for number in [
        "1.10,",
        "123456789012345678901234567890,",
        "-0.0,",
        "1E5,",
        "NaN,",
    ] {
        assert!(merged.contains(number), "{number}");
    }
    let finite =
        r#"{"cells":[{"cell_type":"raw","metadata":{"x":1.10},"source":""}],"nbformat":4}"#;
    let end = NotebookEnd::parse(finite.as_bytes(), 1).unwrap();
    let cell = end.tail.cells()[0].json().json();
    assert_eq!(
        cell,
        r#"{"cell_type":"raw","metadata":{"x":1.10},"source":""}"#
    );
}

#[test]
fn lines_without_line_ends_are_joined_with_them() {
    let text = r#"{"nbformat": 2, "worksheets": [{"cells": [
        {"cell_type": "code", "input": ["a = 1", "b = 2"], "outputs": [
            {"output_type": "stream", "text": ["x", "y"]},
            {"output_type": "pyerr", "traceback": ["t", "u"]}]},
        {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "outputs": []}]}]}"#;
    let notebook = parse(text);
    for cell in notebook.cells() {
        assert_eq!(cell.source(), "a = 1\nb = 2");
    }
    assert!(html(&notebook).contains("x\ny"));
    assert!(html(&notebook).contains("t\nu"));
}

#[test]
fn broken_cells_are_read_with_warnings() {
    let parsed = Notebook::parse(include_bytes!("../../fixtures/broken.ipynb")).unwrap();
    assert_eq!(parsed.notebook.len(), 8);
    assert_eq!(parsed.warnings.len(), 4, "{:?}", parsed.warnings);
    assert_eq!(parsed.warnings[0], "cell 1: a cell that is not an object");
    let again = parse(&parsed.notebook.to_json());
    assert_eq!(again, parsed.notebook);
}

#[test]
fn errors_have_a_line_and_a_column() {
    for (text, message, line, column) in [
        ("", "the file is empty", 1, 1),
        (" \n", "the file is empty", 2, 1),
        ("{\n \"cells\": [", "the file ends in the middle", 2, 11),
        (
            "{\"cells\": \"\\ud83d",
            "the file ends in the middle",
            1,
            17,
        ),
        (
            "{\n\"cells\": [NaN, NaN, x]}",
            "not JSON: expected value",
            2,
            21,
        ),
        (
            "{\"cells\": []} more",
            "not JSON: trailing characters",
            1,
            15,
        ),
        ("<!doctype html>", "not JSON: expected value", 1, 1),
        ("[]", "not a notebook: the JSON is not an object", 1, 1),
        (
            "{\"a\": 1}",
            "not a notebook: the JSON has no cells and no nbformat",
            1,
            1,
        ),
    ] {
        let error = Notebook::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.message, message, "{text:?}");
        assert_eq!((error.line, error.column), (line, column), "{text:?}");
    }
}

#[test]
fn every_truncation_is_an_error_and_never_a_panic() {
    let whole = include_bytes!("../../fixtures/v4_5.ipynb");
    let end = whole.iter().rposition(|byte| *byte == b'}').unwrap();
    for length in 0..end {
        assert!(Notebook::parse(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn deep_json_does_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    let closed = format!("{deep}{}", "]".repeat(1_000_000));
    let inside = |value: &str| format!("{{\"nbformat\": 4, \"cells\": [{value}]}}");
    assert!(Notebook::parse(inside(&deep).as_bytes()).is_err());
    assert_eq!(parse(&inside(&closed)).len(), 1);
}

#[test]
fn a_notebook_without_cells_is_empty() {
    for json in [
        "{\"nbformat\": 4}",
        "{\"nbformat\": 3, \"worksheets\": []}",
        "{\"cells\": {}}",
        "{\"cells\": []}",
    ] {
        let notebook = parse(json);
        assert!(notebook.is_empty(), "{json}");
        assert_eq!(html(&notebook), "", "{json}");
        assert_eq!(parse(&notebook.to_json()), notebook, "{json}");
    }
}
