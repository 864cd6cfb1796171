//! Everyone's last cells of one notebook, as one document and as one notebook.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use shared::{notebook, standalone::summary};

use super::part::{Line, Part};
use crate::text;

/// Two summaries of one notebook say the same in a form if its number is the same in both.
/// No number is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edition {
    pub(super) document: u64,
    pub(super) notebook: u64,
}

/// A summary as it is at this moment: its participants' parts, by user. It is put together
/// while it is written, so that it never stands in memory as a whole.
pub struct Summary {
    pub(super) filename: String,
    pub(super) parts: BTreeMap<String, Arc<Part>>,
    pub(super) edition: Edition,
}

impl Summary {
    /// How many participants are in it.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.parts.len()
    }

    /// Writes the HTML document.
    ///
    /// # Errors
    /// When `out` has one.
    pub fn write_html(&self, out: &mut dyn Write) -> io::Result<()> {
        let lines: Vec<Line<'_>> = self
            .parts
            .iter()
            .map(|(user, part)| Line::of(user, part))
            .collect();
        let entries: Vec<_> = lines.iter().map(Line::entry).collect();
        out.write_all(summary::head(&self.filename, &entries, "en").as_bytes())?;
        for (entry, part) in entries.iter().zip(self.parts.values()) {
            out.write_all(summary::section(entry).as_bytes())?;
            out.write_all(part.html().as_bytes())?;
            out.write_all(summary::SECTION_END.as_bytes())?;
        }
        out.write_all(summary::SUMMARY_END.as_bytes())
    }

    /// Writes the notebook.
    ///
    /// # Errors
    /// When `out` has one.
    pub fn write_ipynb(&self, out: &mut dyn Write) -> io::Result<()> {
        let parts = self.parts.values().map(|part| part.json());
        text::write(out, |out| notebook::MergePart::merge(parts, out))
    }
}
