//! The content of a participant's file, of which the service sees all but the private cells.
//!
//! Reading a notebook gives one of these, and its bytes only without the cells that its author
//! marked as private. So no later code can show, build or keep a private cell: not by a mistake,
//! and not for a moment.

use std::{fs, io, path::Path};

use shared::notebook::{NotebookEnd, ParseError, without_private};

/// The bytes of a notebook's file, given out only without its private cells.
#[derive(Clone, PartialEq, Eq)]
pub struct NotebookFile(Vec<u8>);

impl NotebookFile {
    /// Reads a file that a command's argument names, wherever it is. A file below a home is read
    /// by [`super::read_notebook`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        fs::read(path).map(Self)
    }

    /// The file without its private cells; byte for byte, when it has none.
    ///
    /// # Errors
    /// When it is no notebook and may have private cells; of other files parsing says that they
    /// are no notebook.
    pub fn content(self) -> Result<Vec<u8>, ParseError> {
        without_private(self.0)
    }

    /// The same, and the last `cells` cells of it.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn content_and_end(self, cells: usize) -> Result<(Vec<u8>, NotebookEnd), ParseError> {
        NotebookEnd::of_public(self.0, cells)
    }
}

impl From<Vec<u8>> for NotebookFile {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for NotebookFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NotebookFile({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_cell_is_not_given_out() {
        let json = r#"{"cells": [{"metadata": {"tags": ["private"]}, "source": "canary"}]}"#;
        let file = NotebookFile::from(json.as_bytes().to_vec());
        assert!(!format!("{file:?}").contains("canary"));
        assert_eq!(file.content().unwrap(), br#"{"cells": []}"#);
        let half = NotebookFile::from(json.as_bytes()[..json.len() - 4].to_vec());
        assert!(!half.content().unwrap_err().to_string().contains("canary"));
    }
}
