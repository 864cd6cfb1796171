//! Everyone's last cells of one notebook, as one document and as one notebook.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    sync::Arc,
};

use shared::{notebook, standalone::summary};

use super::{
    known::Edition,
    part::{Line, Part},
};

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
        out.write_all(summary::END.as_bytes())
    }

    /// Writes the notebook.
    ///
    /// # Errors
    /// When `out` has one.
    pub fn write_ipynb(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Text { out, failed: None };
        let parts = self.parts.values().map(|part| part.json());
        match notebook::Part::merge(parts, &mut text) {
            Ok(()) => Ok(()),
            Err(fmt::Error) => Err(text.failed.unwrap_or_else(|| io::ErrorKind::Other.into())),
        }
    }
}

/// Writes text where bytes go, and keeps the error that text has no place for.
struct Text<'a> {
    out: &'a mut dyn Write,
    failed: Option<io::Error>,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}
