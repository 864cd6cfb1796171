//! What the service does with a file, each thing by itself, to be measured.
//!
//! Included by whoever measures, as [`super::evil`] is.

use shared::{
    incremental::PreparedCells,
    notebook::{Cell, MergePart, Notebook, NotebookEnd, without_private},
    prepare,
    render::{self, Options},
    sanitize::Ammonia,
};

/// Something done with a file; the answer is how large what came of it is.
pub type Work = (&'static str, fn(&[u8]) -> usize);

/// All of it. What cannot be read is done with when that is known.
pub const WORKS: [Work; 6] = [
    ("what is public", |bytes| {
        without_private(bytes.to_vec()).map_or(0, |rest| rest.len())
    }),
    ("read", |bytes| {
        Notebook::parse(bytes).map_or(0, |parsed| parsed.notebook.len())
    }),
    ("tile", |bytes| {
        let Ok((rest, end)) = NotebookEnd::of_public(bytes.to_vec(), 5) else {
            return 0;
        };
        let tail = end.tail.trim(25).without_widgets();
        let prepared = PreparedCells::of(&tail, 0, &Ammonia, None);
        rest.len() + prepared.cells().len()
    }),
    ("page", |bytes| {
        let Ok(parsed) = Notebook::parse(bytes) else {
            return 0;
        };
        let cells = prepare::cells(&parsed.notebook, 0, &Ammonia);
        drop(parsed);
        render::cells(&cells, &Options::default()).as_str().len()
    }),
    ("marks", |bytes| {
        NotebookEnd::map_cells(bytes, |cell: &Cell| cell.json().json().len())
            .map_or(0, |all| all.len())
    }),
    ("merged", |bytes| {
        let Ok(parsed) = Notebook::parse(bytes) else {
            return 0;
        };
        let part = MergePart::of("ana", &parsed.notebook, None);
        drop(parsed);
        let mut merged = Length(0);
        MergePart::merge([&part, &part], &mut merged).expect("it takes everything");
        merged.0
    }),
];

/// Only how much is written.
struct Length(usize);

impl std::fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
