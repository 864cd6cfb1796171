//! Tests of macros of TeX, which hold from the cell that defines them to the end of the notebook.

use serde_json::{Value, json};
use shared::{
    incremental::{self, PreparedCells},
    notebook::{Notebook, NotebookEnd},
    prepare,
    render::Options,
    sanitize::Ammonia,
};

use crate::support::{html, notebook, render};

fn markdown(source: &str) -> Value {
    json!({"cell_type": "markdown", "metadata": {}, "source": source})
}

/// A notebook whose first cell defines `\RR`, and whose last one uses it.
fn with_macro(body: &str) -> Notebook {
    notebook(json!([
        markdown(&format!("$\\newcommand{{\\RR}}{{{body}}}$")),
        markdown("between"),
        markdown("$x \\in \\RR$"),
    ]))
}

#[test]
fn a_macro_holds_in_later_cells() {
    assert!(html(&with_macro("\\mathbb{R}")).contains("<mi>ℝ</mi>"));
    let backwards = notebook(json!([markdown("$\\RR$"), markdown("$\\def\\RR{x}$")]));
    assert!(html(&backwards).contains("\\RR</mtext></merror>"));
    let in_output = notebook(json!([
        {"cell_type": "code", "metadata": {}, "source": "", "outputs": [
            {"output_type": "display_data", "metadata": {},
             "data": {"text/latex": "$\\def\\RR{\\mathbb{R}}$"}}]},
        markdown("$\\RR$"),
    ]));
    assert!(html(&in_output).contains("<mi>ℝ</mi>"));
}

#[test]
fn pictures_do_not_hide_a_macro() {
    let picture = "Zm9v".repeat(50_000);
    let attached = json!({"cell_type": "markdown", "metadata": {},
        "attachments": {"a.png": {"image/png": picture}},
        "source": "$\\def\\RR{\\mathbb{R}}$ ![](attachment:a.png)"});
    let in_output = json!({"cell_type": "code", "metadata": {}, "source": "", "outputs": [
        {"output_type": "display_data", "metadata": {},
         "data": {"image/png": picture, "text/latex": "$\\def\\RR{\\mathbb{R}}$"}}]});
    for cell in [attached, in_output] {
        let whole = notebook(json!([cell, markdown("between"), markdown("$\\RR$")]));
        assert!(html(&whole).contains("<mi>ℝ</mi>"));
        let end = NotebookEnd::parse(whole.to_json().as_bytes(), 1).expect("a notebook");
        assert_eq!(end.tail, whole.tail(1));
        assert!(render(&prepare::cells(&end.tail, 2, &Ammonia)).contains("<mi>ℝ</mi>"));
    }
}

#[test]
fn every_definition_holds_in_later_cells() {
    for (definition, usage, shown) in [
        ("\\gdef\\RR{\\mathbb{R}}", "\\RR", "<mi>ℝ</mi>"),
        (
            "\\definecolor{mine}{rgb}{1,0,0}",
            "\\color{mine} x",
            "ansi-fg-",
        ),
        (
            "\\renewenvironment{cases}{\\mathbb{R}}{}",
            "\\begin{cases}\\end{cases}",
            "<mi>ℝ</mi>",
        ),
    ] {
        let cells = [definition, "between", usage].map(|tex| markdown(&format!("${tex}$")));
        assert!(
            html(&notebook(json!(cells))).contains(shown),
            "{definition}"
        );
    }
}

#[test]
fn a_macro_holds_in_the_tail_without_its_cell() {
    let whole = with_macro("\\mathbb{R}");
    let json = whole.to_json();
    let end = NotebookEnd::parse(json.as_bytes(), 1).expect("a notebook");
    assert_eq!(end.tail, whole.tail(1));
    let cells = prepare::cells(&end.tail, 2, &Ammonia);
    assert!(render(&cells).contains("<mi>ℝ</mi>"));
    assert_eq!(cells.len(), 1);
    assert!(!end.tail.to_json().contains("newcommand"));
}

#[test]
fn cells_after_a_changed_macro_are_made_anew() {
    let (before, after) = (with_macro("\\mathbb{R}"), with_macro("\\mathbf{R}"));
    let options = Options::default();
    let (text, cells) = incremental::cells(&before, 0, &options, &Ammonia, None);
    let (changed, _) = incremental::cells(&after, 0, &options, &Ammonia, Some((&cells, &text)));
    assert_eq!(
        changed,
        incremental::cells(&after, 0, &options, &Ammonia, None).0
    );
    let tail = |notebook: &Notebook| notebook.tail(1);
    let tile = PreparedCells::of(&tail(&before), 2, &Ammonia, None);
    let tile = PreparedCells::of(&tail(&after), 2, &Ammonia, Some(&tile));
    assert_eq!(tile.cells(), prepare::cells(&tail(&after), 2, &Ammonia));
}

#[test]
fn macros_make_no_text_long() {
    let bomb = "$\\def\\a{xxxxxxxxxx}\\def\\b{\\a\\a\\a\\a\\a\\a\\a\\a\\a\\a}\\def\\c{\\b\\b\\b\\b\\b\\b}$";
    let uses = "$\\c\\c\\c$ ".repeat(1000);
    let notebook = notebook(json!([markdown(bomb), markdown(&uses)]));
    let html = html(&notebook);
    assert!(html.len() < 40 * uses.len(), "{}", html.len());
}
