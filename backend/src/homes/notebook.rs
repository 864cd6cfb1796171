//! What a participant's file holds, of which the service sees what is not private.
//!
//! Whoever reads a notebook gets one of these, and its bytes only without the cells that
//! its author keeps to themself. So nothing that comes after can show, build or keep one:
//! not by a mistake, and not for a moment.

use std::{fs, io, path::Path};

use shared::notebook::{NotebookEnd, ParseError, without_private};

/// The bytes of a file, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct OnDisk(Vec<u8>);

impl OnDisk {
    /// A file that whoever runs this program has named, wherever it is. What is below a
    /// home is read by [`super::read_notebook`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        fs::read(path).map(Self)
    }

    /// The file without its private cells; byte for byte, when it has none.
    ///
    /// # Errors
    /// When it is no notebook and may have such cells; what else is no notebook is told by
    /// whoever parses it.
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

impl From<Vec<u8>> for OnDisk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OnDisk({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_does_not_come_out() {
        let json = r#"{"cells": [{"metadata": {"tags": ["private"]}, "source": "canary"}]}"#;
        let file = OnDisk::from(json.as_bytes().to_vec());
        assert!(!format!("{file:?}").contains("canary"));
        assert_eq!(file.content().unwrap(), br#"{"cells": []}"#);
        let half = OnDisk::from(json.as_bytes()[..json.len() - 4].to_vec());
        assert!(!half.content().unwrap_err().to_string().contains("canary"));
    }
}
