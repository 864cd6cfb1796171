//! The table: one line for each measurement, in Markdown.

use std::fmt;

use super::samples::Summary;

/// A measurement of the peer and of ours, in this order.
pub(super) struct Row<'a> {
    pub(super) what: &'static str,
    pub(super) notebook: &'a str,
    pub(super) times: [Summary; 2],
    /// What ours has to do natively before, in milliseconds, where that is not in its
    /// time already.
    pub(super) natively: Option<f64>,
    /// How many times faster ours is meant to be.
    pub(super) target: f64,
    pub(super) peaks_kib: [u64; 2],
    /// Of the result, raw and in brotli.
    pub(super) sizes: [(usize, usize); 2],
}

/// Lines, and remarks to go below them.
pub(super) struct Table {
    lines: Vec<String>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn new() -> Self {
        let head = "| | notebook | peer | ours | ratio | target | with the native part \
                    | peak, peer | peak, ours | result, peer (brotli) | result, ours (brotli) |\n\
                    |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|";
        Self {
            lines: vec![head.to_owned()],
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: &Row<'_>) {
        let [peer, ours] = row.times;
        let ratio = |ours: f64| {
            let ratio = peer.median / ours;
            let digits = usize::from(ratio < 20.0);
            format!("{ratio:.digits$}x")
        };
        let natively = row.natively.map_or_else(String::new, |natively| {
            let both = ours.median + natively;
            format!("{both:.2} ms, {}", ratio(both))
        });
        let [peer_peak, our_peak] = row.peaks_kib.map(|kib| format!("{} MB", kib / 1024));
        let kb = |bytes: usize| bytes.div_ceil(1000);
        let [peer_size, our_size] = row
            .sizes
            .map(|(raw, brotli)| format!("{} kB ({})", kb(raw), kb(brotli)));
        self.lines.push(format!(
            "| {} | {} | {peer} | {ours} | {} | {}x | {natively} | {peer_peak} | {our_peak} \
             | {peer_size} | {our_size} |",
            row.what,
            row.notebook,
            ratio(ours.median),
            row.target,
        ));
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
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
