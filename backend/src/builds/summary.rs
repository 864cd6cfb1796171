//! Summaries: all participants' last cells of one notebook, as a document and as a notebook.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use shared::{notebook, standalone::summary};

use super::section::{ContentsLine, SummarySection};
use crate::text;

/// Numbers of a summary's content. Two summaries of one notebook have the same content in a form
/// when the form's number is the same. No number is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edition {
    pub(super) document: u64,
    pub(super) notebook: u64,
}

/// A summary at one moment: its participants' sections, by user. It is put together while it is
/// written, so the whole is never in memory.
pub struct Summary {
    pub(super) filename: String,
    pub(super) sections: BTreeMap<String, Arc<SummarySection>>,
    pub(super) edition: Edition,
}

impl Summary {
    /// Number of participants in it.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.sections.len()
    }

    /// Writes the HTML document.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_html(&self, out: &mut dyn Write) -> io::Result<()> {
        let lines: Vec<ContentsLine<'_>> = self
            .sections
            .iter()
            .map(|(user, section)| ContentsLine::of(user, section))
            .collect();
        let entries: Vec<_> = lines.iter().map(ContentsLine::entry).collect();
        out.write_all(summary::head(&self.filename, &entries, "en").as_bytes())?;
        for (entry, section) in entries.iter().zip(self.sections.values()) {
            out.write_all(summary::section(entry).as_bytes())?;
            out.write_all(section.html().as_bytes())?;
            out.write_all(summary::SECTION_END.as_bytes())?;
        }
        out.write_all(summary::SUMMARY_END.as_bytes())
    }

    /// Writes the notebook.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_ipynb(&self, out: &mut dyn Write) -> io::Result<()> {
        let sections = self.sections.values().map(|section| section.json());
        text::write(out, |out| notebook::MergePart::merge(sections, out))
    }
}
