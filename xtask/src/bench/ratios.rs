//! A small table: the peer, ours, and the ratio.

use std::fmt;

/// A row of [`RatioTable`].
pub(super) struct RatioRow<'a> {
    pub(super) label: &'a str,
    pub(super) peer: String,
    pub(super) ours: String,
    pub(super) ratio: f64,
    /// The target in words; empty when there is none.
    pub(super) target: String,
}

/// A table in Markdown with notes below it.
pub(super) struct RatioTable {
    lines: Vec<String>,
    notes: Vec<String>,
}

impl RatioTable {
    /// `peer` is the heading of the peer's column.
    pub(super) fn new(peer: &str) -> Self {
        let head = format!("| | {peer} | ours | ratio | target |\n|---|---:|---:|---:|---:|");
        Self {
            lines: vec![head],
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: RatioRow<'_>) {
        let RatioRow {
            label,
            peer,
            ours,
            ratio,
            target,
        } = row;
        let digits = usize::from(ratio < 20.0);
        let line = format!("| {label} | {peer} | {ours} | {ratio:.digits$}x | {target} |");
        self.lines.push(line);
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for RatioTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "* {note}")?;
        }
        Ok(())
    }
}
