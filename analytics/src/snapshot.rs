//! A version of a notebook as far as this crate needs it: kinds, sources, counts and errors.

use std::cell::Cell as Count;

use serde::{Deserialize, Serialize};
use shared::notebook::{Cell, CellKind, NotebookEnd, ParseError, RawJson};

use crate::{
    hash::hash,
    signature::{Failure, Names, Signature},
    similarity::Features,
};

/// Cells of a notebook that are followed; further ones are counted alone.
pub const MAX_CELLS: usize = 2_000;
/// Outputs of a cell in which an error is looked for, from the first: it is the last of a run.
const MAX_OUTPUTS: usize = 1_000;
/// Cells whose errors are read, of those that have one.
const MAX_ERRORS: usize = 200;
/// Characters of a heading.
const MAX_HEADING_CHARS: usize = 80;

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Source for the kernel.
    Code,
    /// Text for people.
    Text,
}

/// A cell of a version.
#[derive(Clone, Debug)]
pub struct CellSnapshot {
    pub(crate) kind: Kind,
    /// Its id's hash.
    pub(crate) id: Option<u64>,
    pub(crate) source: String,
    /// The source's hash, the space around it left out.
    pub(crate) text: u64,
    pub(crate) count: Option<u32>,
    /// The hash of its outputs; `None` when it has none.
    pub(crate) outputs: Option<u64>,
    pub(crate) error: Option<Signature>,
    /// Whether its author expects an error (the tag `raises-exception`).
    pub(crate) may_fail: bool,
}

/// What may still be read of a version.
struct Left {
    cells: Count<usize>,
    errors: Count<usize>,
}

/// Takes one of what is left, if there is any.
fn take_one(left: &Count<usize>) -> Option<()> {
    left.set(left.get().checked_sub(1)?);
    Some(())
}

/// A version of a notebook, without its private cells.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) cells: Vec<CellSnapshot>,
    /// Cells beyond [`MAX_CELLS`].
    pub further_cells: usize,
}

impl Snapshot {
    /// Reads a version. `names` are those of its owner, which must not be in what is kept of it.
    ///
    /// # Errors
    /// When the bytes are no notebook.
    ///
    /// ```
    /// use analytics::{signature::Names, snapshot::Snapshot};
    ///
    /// let json = br#"{"cells": [{"cell_type": "code", "source": "1 +", "metadata": {}},
    ///     {"cell_type": "raw", "source": "mine", "metadata": {"tags": ["private"]}}]}"#;
    /// let snapshot = Snapshot::read(json.to_vec(), &Names::default())?;
    /// assert_eq!(snapshot.len(), 1);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn read(bytes: Vec<u8>, names: &Names) -> Result<Self, ParseError> {
        // Whoever calls has cut private cells already; this makes it a property of a snapshot.
        let (bytes, top) = NotebookEnd::of_public(bytes, 0)?;
        let language = top.tail.language();
        // Only so many cells are looked at, however many there are.
        let left = Left {
            cells: Count::new(MAX_CELLS),
            errors: Count::new(MAX_ERRORS),
        };
        let cells = NotebookEnd::map_cells(&bytes, |cell| {
            take_one(&left.cells)?;
            Some(CellSnapshot::of(cell, language, names, &left))
        })?;
        Ok(Self {
            further_cells: cells.len().saturating_sub(MAX_CELLS),
            cells: cells.into_iter().flatten().collect(),
        })
    }

    /// The number of cells that are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells whose last run has failed, by their places, with the errors.
    pub fn errors(&self) -> impl Iterator<Item = (usize, &Signature)> {
        let cells = self.cells.iter().enumerate();
        cells.filter_map(|(at, cell)| Some((at, cell.error.as_ref()?)))
    }

    /// The sources of the cells, in order.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| &*cell.source)
    }

    /// The highest execution count.
    pub(crate) fn top_count(&self) -> u32 {
        let counts = self.cells.iter().filter_map(|cell| cell.count);
        counts.max().unwrap_or(0)
    }
}

impl CellSnapshot {
    fn of(cell: &Cell, language: &str, names: &Names, left: &Left) -> Self {
        let kind = match cell.kind() {
            CellKind::Code => Kind::Code,
            _ => Kind::Text,
        };
        let source = cell.source();
        let outputs = outputs_of(cell);
        let failure = outputs.and_then(|outputs| failure_in(outputs, language, &source));
        Self {
            kind,
            id: cell.id().map(|id| hash(id.as_bytes())),
            text: hash(source.trim().as_bytes()),
            count: cell
                .execution_count()
                .and_then(|count| u32::try_from(count).ok()),
            outputs: outputs.map(|outputs| hash(outputs.json().as_bytes())),
            error: failure.and_then(|failure| {
                take_one(&left.errors)?;
                Some(Signature::of(&failure, names))
            }),
            may_fail: may_fail(cell),
            source,
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.source.trim().is_empty()
    }

    pub(crate) fn features(&self) -> Features {
        Features::of(&self.source)
    }

    /// The first heading of a text.
    pub(crate) fn heading(&self) -> Option<String> {
        if self.kind != Kind::Text {
            return None;
        }
        let mut lines = self.source.lines().map(str::trim);
        let heading = lines.find(|line| line.starts_with('#'))?;
        let heading = heading.trim_start_matches('#').trim();
        (!heading.is_empty()).then(|| heading.chars().take(MAX_HEADING_CHARS).collect())
    }
}

/// The error of a cell's last run, unless its author expects one.
pub(crate) fn failure_of(cell: &Cell, language: &str) -> Option<Failure> {
    let outputs = outputs_of(cell).filter(|_| !may_fail(cell))?;
    failure_in(outputs, language, &cell.source())
}

fn may_fail(cell: &Cell) -> bool {
    cell.tags().any(|tag| tag == "raises-exception")
}

/// The outputs of a code cell that has some.
fn outputs_of(cell: &Cell) -> Option<RawJson<'_>> {
    let outputs = cell.json().get("outputs")?;
    (cell.kind() == CellKind::Code && outputs.items().next().is_some()).then_some(outputs)
}

/// The error among the outputs of a cell, or what a shell has printed instead of one.
fn failure_in(outputs: RawJson<'_>, language: &str, source: &str) -> Option<Failure> {
    let by_shell = Failure::is_of_shell(language, source);
    let (mut found, mut printed) = (None, None);
    for output in outputs.items().take(MAX_OUTPUTS) {
        let part = |key: &str| output.get(key).and_then(RawJson::text).unwrap_or_default();
        match output.get("output_type").and_then(RawJson::as_written) {
            // The kernel of a shell has the exit status there, and printed before what has failed.
            Some("error" | "pyerr") if by_shell && found.is_some() => {}
            Some("error" | "pyerr") => {
                let failure = Failure {
                    language: language.to_owned(),
                    name: part("ename"),
                    value: part("evalue"),
                    traceback: traceback(output),
                };
                found = Some(failure.after(printed.as_deref()));
            }
            Some("stream") if by_shell => {
                found = Failure::of_shell(&part("text")).or(found);
            }
            Some("stream")
                if output.get("name").and_then(RawJson::as_written) == Some("stderr") =>
            {
                printed = Some(part("text"));
            }
            _ => {}
        }
    }
    found
}

fn traceback(output: RawJson<'_>) -> String {
    let lines = output.get("traceback").into_iter().flat_map(RawJson::items);
    let lines: Vec<_> = lines.filter_map(RawJson::as_str).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{code, json_of, snapshot, text};

    #[test]
    fn a_version_is_read_without_its_private_cells() {
        let cells = [
            text("intro\n\n## Reading tables ##\n# later"),
            code("secret = 1").tag("private"),
            code("df")
                .failed(3, "NameError", "name 'df' is not defined")
                .id("a"),
            code("x = 1").tag("raises-exception"),
        ];
        let found = snapshot(&cells);
        assert_eq!(found.len(), 3);
        assert_eq!(
            found.cells[0].heading().as_deref(),
            Some("Reading tables ##")
        );
        assert_eq!((found.cells[1].count, found.top_count()), (Some(3), 3));
        assert!(found.cells[1].id.is_some() && found.cells[2].may_fail);
        let errors: Vec<(usize, String)> = found
            .errors()
            .map(|(at, error)| (at, error.to_string()))
            .collect();
        assert_eq!(errors, [(1, "NameError df".to_owned())]);
        assert!(!format!("{found:?}").contains("secret"));
    }

    /// The kernel of Bash writes the exit status as an error, and before it what was printed.
    #[test]
    fn a_shell_has_failed_by_what_it_printed() {
        let error = |outputs: serde_json::Value| {
            let cell = serde_json::json!({"cell_type": "code", "metadata": {}, "source": "ls", "outputs": outputs});
            let notebook = serde_json::json!({"cells": [cell], "metadata": {"language_info": {"name": "bash"}}, "nbformat": 4});
            let found =
                Snapshot::read(notebook.to_string().into_bytes(), &Names::default()).unwrap();
            found.errors().next().map(|(_, error)| error.to_string())
        };
        let status = serde_json::json!({"output_type": "error", "ename": "", "evalue": "127", "traceback": []});
        let printed = |text: &str| serde_json::json!({"output_type": "stream", "name": "stdout", "text": text});
        let missing = printed("bash: line 2: grpe: command not found\n");
        assert_eq!(
            error([missing, status.clone()].into_iter().collect()).as_deref(),
            Some("Error grpe: command not found")
        );
        assert_eq!(
            error([printed("ok"), status].into_iter().collect()).as_deref(),
            Some("Error exit status")
        );
        assert_eq!(error([printed("ok")].into_iter().collect()), None);
    }

    #[test]
    fn names_of_the_owner_are_in_no_error() {
        let cell = code("x").failed(1, "KeyError", "'Kovač'");
        let found = Snapshot::read(json_of(&[cell]), &Names::of(&["Ana Kovač"])).unwrap();
        assert_eq!(found.errors().next().unwrap().1.to_string(), "KeyError '…'");
    }

    #[test]
    fn errors_of_very_many_cells_are_not_read() {
        let cells: Vec<_> = (0..300)
            .map(|n| code("x").failed(n, "KeyError", "'k'"))
            .collect();
        assert_eq!(snapshot(&cells).errors().count(), MAX_ERRORS);
    }

    #[test]
    fn what_is_no_notebook_is_refused() {
        assert!(Snapshot::read(b"{\"cells\": [".to_vec(), &Names::default()).is_err());
    }
}
