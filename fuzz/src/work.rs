//! The operations of the service on a file, one by one, for measurements.
//!
//! Included by the programs that measure, like [`super::evil`].

use shared::{
    incremental::PreparedCells,
    notebook::{Cell, MergePart, Notebook, NotebookEnd, without_private},
    prepare,
    render::{self, Options},
    sanitize::Ammonia,
};

/// The name of an operation, and its function, which returns the size of the result.
pub type FileOperation = (&'static str, fn(&[u8]) -> usize);

/// All operations. For a file that cannot be parsed they end with that error.
pub const WORKS: [FileOperation; 6] = [
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
        let tail = end.tail.trim(25);
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
        let mut merged = LengthWriter(0);
        MergePart::merge([&part, &part], &mut merged).expect("it takes everything");
        merged.0
    }),
];

/// A writer that only counts the length of the text.
struct LengthWriter(usize);

impl std::fmt::Write for LengthWriter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
