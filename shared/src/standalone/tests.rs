//! Tests of the document: its markup, and that it needs nothing else.

use std::{env, fs, path::Path};

use super::{DOCUMENT_STYLE, document};
use crate::{notebook::Notebook, prepare, prepared::PreparedCell, sanitize::Ammonia};

/// One cell of prose and one of code, without anything whose markup another test checks.
const SMALL: &[u8] = br#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
    {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "*Hello*"},
    {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 2, "source": "x",
     "outputs": [{"output_type": "stream", "name": "stdout", "text": "a < b\n"}]}]}"#;

fn prepared(bytes: &[u8]) -> Vec<PreparedCell> {
    let notebook = Notebook::parse(bytes).expect("a notebook").notebook;
    prepare::cells(&notebook, 0, &Ammonia)
}

fn cells(fixture: &str) -> Vec<PreparedCell> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let bytes = fs::read(folder.join(fixture)).expect("the fixture");
    prepared(&bytes)
}

/// Compares the document without its stylesheet with `golden.html`; `UPDATE=1` writes it anew.
#[test]
fn the_document_equals_the_golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/standalone/golden.html");
    let whole = document("a < b & \"c\"", &prepared(SMALL), "en");
    let actual = whole.replace(DOCUMENT_STYLE.as_str(), "(the stylesheet)");
    assert_ne!(whole, actual);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, actual).expect("the golden file can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, actual, "UPDATE=1 writes golden.html anew");
}

#[test]
fn the_document_loads_and_runs_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the fixtures").flatten() {
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if !name.ends_with(".ipynb") {
            continue;
        }
        let html = document(&name, &cells(&name), "en").to_ascii_lowercase();
        let tags = html
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split('>').next());
        for tag in tags {
            let element = tag.split([' ', '/']).next().unwrap_or_default();
            let never = [
                "script", "iframe", "object", "embed", "link", "base", "form", "button",
            ];
            assert!(!never.contains(&element), "{name}: <{tag}>");
            // A browser loads only the address of an image, a sound or a film without a click.
            let source = tag.split(" src=\"").nth(1);
            let is_data = |source: &str| {
                let kinds = ["data:image/", "data:audio/", "data:video/"];
                kinds.iter().any(|kind| source.starts_with(kind))
            };
            assert!(source.is_none_or(is_data), "{name}: <{tag}>");
            // Only names are left: values stand in quotes and contain none.
            let names: String = tag.split('"').step_by(2).collect();
            for attribute in [" srcset=", " style=", " on", " background=", " poster="] {
                assert!(!names.contains(attribute), "{name}: <{tag}>");
            }
        }
        seen += 1;
    }
    assert!(seen > 10);
    for loading in ["url(", "@import", "image-set(", "//", "</"] {
        assert!(!DOCUMENT_STYLE.contains(loading), "{loading}");
    }
}

#[test]
fn the_language_and_the_title_are_text() {
    let html = document("</title><script>", &[], "e\"n");
    assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    assert!(html.contains("<html lang=\"e&quot;n\">"));
}

#[test]
fn the_document_has_one_main_landmark() {
    let html = document("day1", &[], "en");
    assert_eq!(html.matches("<main").count(), 1);
    assert!(html.contains("name=\"viewport\""));
}
