//! A small table: the peer, ours, and how many times the one is the other.

use std::fmt;

/// One line.
pub(super) struct Ratio<'a> {
    pub(super) what: &'a str,
    pub(super) peer: String,
    pub(super) ours: String,
    pub(super) ratio: f64,
    /// In words, empty when there is none.
    pub(super) target: String,
}

/// Lines in Markdown, and remarks to go below them.
pub(super) struct Ratios {
    lines: Vec<String>,
    notes: Vec<String>,
}

impl Ratios {
    /// `peer` is the head of its column.
    pub(super) fn new(peer: &str) -> Self {
        let head = format!("| | {peer} | ours | ratio | target |\n|---|---:|---:|---:|---:|");
        Self {
            lines: vec![head],
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: Ratio<'_>) {
        let Ratio {
            what,
            peer,
            ours,
            ratio,
            target,
        } = row;
        let digits = usize::from(ratio < 20.0);
        let line = format!("| {what} | {peer} | {ours} | {ratio:.digits$}x | {target} |");
        self.lines.push(line);
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Ratios {
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
