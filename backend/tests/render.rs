//! `pipalhub render`: its files, its messages and its exit codes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::json;
use tempfile::TempDir;

fn render(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    // The environment of the tests must not matter.
    command.env_clear().current_dir(folder).arg("render");
    command.args(args).output().unwrap()
}

fn notebook(sources: &[&str]) -> String {
    let cell = |source: &&str| json!({"cell_type": "markdown", "metadata": {}, "source": source});
    let cells: Vec<_> = sources.iter().map(cell).collect();
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

/// A folder with these notebooks, each of one cell that is its name.
fn folder_with(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, notebook(&[name])).unwrap();
    }
    folder
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_document_appears_beside_its_notebook() {
    let folder = folder_with(&["day1.ipynb"]);
    for _ in 0..2 {
        let output = render(folder.path(), &["day1.ipynb"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(output.stdout.len(), 0);
        assert_eq!(names_in(folder.path()), ["day1.html", "day1.ipynb"]);
    }
    let html = fs::read_to_string(folder.path().join("day1.html")).unwrap();
    assert!(html.starts_with("<!doctype html>"));
    assert!(html.contains("<title>day1</title>"));
}

#[test]
fn a_document_is_written_to_the_output_path() {
    let folder = folder_with(&["day1.ipynb"]);
    let output = render(folder.path(), &["day1.ipynb", "-o", "-"]);
    assert!(output.stdout.starts_with(b"<!doctype html>"));
    assert!(
        render(folder.path(), &["day1.ipynb", "-o", "a/b.htm"])
            .status
            .success()
    );
    assert_eq!(names_in(&folder.path().join("a")), ["b.htm"]);
    assert!(
        render(folder.path(), &["day1.ipynb", "--output", "a"])
            .status
            .success()
    );
    assert_eq!(names_in(&folder.path().join("a")), ["b.htm", "day1.html"]);
    assert_eq!(names_in(folder.path()), ["a", "day1.ipynb"]);
}

#[test]
fn notebooks_of_one_name_do_not_overwrite_each_other() {
    let class = ["ana/m1/day1.ipynb", "bo/m1/day1.ipynb"];
    let folder = folder_with(&class);
    let output = render(folder.path(), &[class[0], class[1], "-o", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for user in ["ana", "bo"] {
        let path = folder.path().join(format!("out/{user}/m1/day1.html"));
        assert!(fs::read_to_string(path).unwrap().contains(user));
    }
}

#[test]
fn unreadable_notebooks_are_named_and_the_others_rendered() {
    let folder = folder_with(&["a.ipynb", "b.ipynb"]);
    fs::write(folder.path().join("torn.ipynb"), "{\"cells\": [").unwrap();
    let files = ["a.ipynb", "torn.ipynb", "none.ipynb", "b.ipynb"];
    let output = render(folder.path(), &files);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("torn.ipynb") && said.contains("line 1"),
        "{said}"
    );
    assert!(said.contains("none.ipynb"), "{said}");
    let names = names_in(folder.path());
    assert_eq!(
        names,
        ["a.html", "a.ipynb", "b.html", "b.ipynb", "torn.ipynb"]
    );
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = folder_with(&["a.ipynb", "page.html", "page.ipynb"]);
    for args in [
        &["page.html"][..],
        &["a.ipynb", "-o", "./a.ipynb"],
        &["page.ipynb", "page.html"],
        &["a.ipynb", "page.ipynb", "-o", "-"],
    ] {
        let output = render(folder.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr(&output).contains("-o"), "{}", stderr(&output));
    }
    assert_eq!(
        names_in(folder.path()),
        ["a.ipynb", "page.html", "page.ipynb"]
    );
    let kept = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert_eq!(kept, notebook(&["page.html"]));
}

#[test]
fn the_tail_keeps_its_cell_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let long = notebook(&["first", "second", "third"]);
    fs::write(folder.path().join("a.ipynb"), long).unwrap();
    let output = render(folder.path(), &["a.ipynb", "--tail", "1", "-o", "-"]);
    let html = String::from_utf8(output.stdout).unwrap();
    assert!(html.contains("third") && !html.contains("second"));
    assert!(html.contains("nb-cell-3"), "{html}");
    let output = render(folder.path(), &["a.ipynb", "--tail", "0", "-o", "-"]);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("third"));
}
