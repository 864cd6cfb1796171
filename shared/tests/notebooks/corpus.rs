//! Tests on notebooks of other projects, which are not part of this repository, run by hand:
//! `PIPALHUB_CORPUS=folder cargo test -p shared corpus`.

use std::{env, fs};

use shared::{notebook::Notebook, report::RenderReport};

use crate::support::{html, prepare};

#[test]
fn every_cell_of_the_corpus_is_accounted_for() {
    let Some(folder) = env::var_os("PIPALHUB_CORPUS") else {
        return;
    };
    let mut report = RenderReport::default();
    for entry in fs::read_dir(folder).expect("the corpus is a folder") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "ipynb")
        {
            continue;
        }
        let name = path.display();
        let bytes = fs::read(&path).expect("the notebook can be read");
        let parsed = Notebook::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let notebook = parsed.notebook;
        let cells = prepare(&notebook);
        assert_eq!(cells.len(), notebook.len(), "{name}");
        let html = html(&notebook);
        let mut own = RenderReport::default();
        own.add(&cells, &html);
        assert_eq!(own.cells, [notebook.len(); 2], "{name}");
        assert_eq!(own.outputs[0], own.outputs[1], "{name}");
        report.add(&cells, &html);
        for (cell, raw) in cells.iter().zip(notebook.cells()) {
            if let shared::prepared::CellContent::Code(code) = &cell.content {
                assert!(raw.outputs().count() >= code.outputs.len(), "{name}");
                assert_eq!(
                    raw.outputs().count() == 0,
                    code.outputs.is_empty(),
                    "{name}"
                );
            }
        }
        let again = Notebook::parse(notebook.to_json().as_bytes()).expect("JSON of its own");
        assert_eq!(again.notebook, notebook, "{name}");
        println!("{name}: {} cells, {:?}", notebook.len(), parsed.warnings);
    }
    println!("{report}");
    assert!(report.notebooks > 0, "the corpus holds no notebook");
}
