//! Tests of tail, trim and merge, and of the JSON that is written.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::notebook::{CellKind, Notebook};

use crate::support::{notebook, outputs, parse};

/// A code cell whose source is its id.
fn cell(source: &str) -> Value {
    json!({"cell_type": "code", "execution_count": null, "id": source, "metadata": {},
           "outputs": [], "source": source})
}

fn sources(notebook: &Notebook) -> Vec<String> {
    notebook.cells().iter().map(|cell| cell.source()).collect()
}

/// The text of the only output after trimming to `max_lines`.
fn trimmed(text: &Value, max_lines: usize) -> Value {
    let output = json!([{"output_type": "stream", "name": "stdout", "text": text}]);
    let trimmed = outputs(output).trim(max_lines);
    trimmed.cells()[0].value()["outputs"][0]["text"].clone()
}

#[test]
fn the_tail_has_the_last_cells() {
    let cells: Vec<Value> = (1..=49).map(|n| cell(&n.to_string())).collect();
    let whole = notebook(cells.into());
    assert_eq!(sources(&whole.tail(5)), ["45", "46", "47", "48", "49"]);
    assert_eq!(whole.tail(0).len(), 0);
    assert_eq!(whole.tail(usize::MAX).len(), 49);
    assert_eq!(whole.tail(5).metadata(), whole.metadata());
}

#[test]
fn trimming_keeps_both_ends() {
    let lines = json!(["1\n", "2\n", "3\n", "4\n", "5\n", "6\n"]);
    assert_eq!(
        trimmed(&lines, 4),
        json!(["1\n", "2\n", "...\n", "5\n", "6\n"])
    );
    assert_eq!(trimmed(&lines, 6), lines);
    assert_eq!(trimmed(&lines, 0), json!(["...\n"]));
    assert_eq!(
        trimmed(&lines, usize::MAX).as_array().map(Vec::len),
        Some(6)
    );
    assert_eq!(
        trimmed(&json!("1\n2\n3\n4\n5\n6"), 4),
        json!("1\n2\n...\n5\n6")
    );
    assert_eq!(trimmed(&json!(17), 0), json!(17));
}

#[test]
fn data_and_tracebacks_are_not_trimmed() {
    let long = "x\n".repeat(100);
    let whole = outputs(json!([
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": [long.clone()]},
        {"output_type": "execute_result", "execution_count": 1, "metadata": {},
         "data": {"text/plain": long}},
    ]));
    assert_eq!(whole.clone().trim(1), whole);
}

#[test]
fn cells_of_worksheets_are_joined() {
    let old = parse(include_str!("../../fixtures/v3.ipynb"));
    assert_eq!(old.len(), 4);
    let tail = old.tail(2);
    assert_eq!(tail.cells()[0].kind(), CellKind::Code);
    let again = parse(&tail.to_json());
    assert_eq!((again.nbformat(), again.len()), ((3, 0), 2));
}

#[test]
fn the_last_run_cell_decides_whether_a_notebook_ends_in_an_error() {
    let error = json!([{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]);
    let run = |count: Value, outputs: Value| json!({"cell_type": "code", "execution_count": count, "source": "", "outputs": outputs});
    let failed = run(json!(1), error);
    let passed = run(json!(2), json!([]));
    let not_run = run(Value::Null, json!([]));
    for (cells, ends) in [
        (json!([]), false),
        (json!([not_run]), false),
        (json!([passed, failed, not_run]), true),
        (json!([failed, passed]), false),
    ] {
        assert_eq!(notebook(cells.clone()).ends_in_error(), ends, "{cells}");
    }
}

#[test]
fn merging_none_or_one_changes_nothing() {
    assert_eq!(Notebook::merge(Vec::new()), None);
    let one = parse(include_str!("../../fixtures/v3.ipynb"));
    assert_eq!(
        Notebook::merge(vec![("ana".to_owned(), one.clone())]),
        Some(one)
    );
}

#[test]
fn merging_several_adds_headers_and_ids() {
    let ana = notebook(json!([cell("a"), cell("b")]));
    let bo = notebook(json!([cell("a"), {"cell_type": "markdown", "source": "no id"}]));
    let parts = vec![("ana".to_owned(), ana), ("<bo>".to_owned(), bo)];
    let merged = Notebook::merge(parts).expect("there are two");
    let headers = [
        "# <a id=\"ANA\">ANA</a>",
        "# <a id=\"&lt;BO&gt;\">&lt;BO&gt;</a>",
    ];
    let expected = [headers[0], "a", "b", headers[1], "a", "no id"];
    assert_eq!(sources(&merged), expected);
    let ids: Vec<_> = merged
        .cells()
        .iter()
        .map(|cell| cell.id().unwrap_or(""))
        .collect();
    assert_eq!(
        ids,
        ["header-ana", "a", "b", "header-bo", "bo-a", "bo-cell"]
    );
}

#[test]
fn merging_upgrades_to_valid_nbformat_4() {
    let all = ["v2", "v3", "broken", "v4_5", "v2"].map(|name| {
        let path = format!("{}/fixtures/{name}.ipynb", env!("CARGO_MANIFEST_DIR"));
        let json = std::fs::read_to_string(path).expect("the fixture");
        (name.to_owned(), parse(&json))
    });
    let merged = Notebook::merge(all.to_vec()).expect("there are several");
    assert_eq!(merged.nbformat(), (4, 5));
    let json: Value = serde_json::from_str(&merged.to_json()).expect("JSON");
    assert_eq!(json.get("worksheets"), None);
    assert_eq!(json["metadata"]["name"], "old");
    let mut ids = HashSet::new();
    for cell in json["cells"].as_array().expect("cells") {
        let id = cell["id"].as_str().expect("every cell has an id");
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(
            !id.is_empty() && id.len() <= 64 && id.chars().all(valid),
            "{id}"
        );
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(cell["metadata"].is_object(), "{cell}");
        let kind = cell["cell_type"].as_str().unwrap_or("");
        assert!(["code", "markdown", "raw"].contains(&kind), "{cell}");
        let lines = cell["source"].as_array().map(Vec::as_slice);
        let text = lines.map_or(cell["source"].is_string(), |lines| {
            lines.iter().all(Value::is_string)
        });
        assert!(text, "{cell}");
        for old in ["input", "prompt_number", "collapsed", "level", "language"] {
            assert_eq!(cell.get(old), None, "{cell}");
        }
        for output in cell["outputs"].as_array().into_iter().flatten() {
            let kind = output["output_type"].as_str().unwrap_or("");
            let known = ["stream", "error", "execute_result", "display_data"];
            assert!(known.contains(&kind), "{output}");
        }
    }
}

#[test]
fn json_is_as_jupyter_writes_it() {
    let json = "{\n \"cells\": [],\n \"metadata\": {\n  \"title\": \"Übung\"\n },\n \
                \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";
    assert_eq!(parse(json).to_json(), json);
}
