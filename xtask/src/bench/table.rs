//! The table of `bench render` in Markdown, a row for each measurement.

use std::fmt;

use super::samples::Quartiles;

/// A measurement of the peer and of ours, in this order.
pub(super) struct RenderRow<'a> {
    pub(super) label: &'static str,
    pub(super) notebook: &'a str,
    pub(super) times: [Quartiles; 2],
    /// The native part of ours in milliseconds, if it is not part of the measured time.
    pub(super) natively: Option<f64>,
    /// The target: how many times faster ours has to be.
    pub(super) target: f64,
    pub(super) peaks_kib: [u64; 2],
    /// The sizes of the result, raw and in brotli.
    pub(super) sizes: [(usize, usize); 2],
}

/// A table with notes below it.
pub(super) struct RenderTable {
    lines: Vec<String>,
    notes: Vec<String>,
}

impl RenderTable {
    pub(super) fn new() -> Self {
        let head = "| | notebook | peer | ours | ratio | target | with the native part \
                    | peak, peer | peak, ours | result, peer (brotli) | result, ours (brotli) |\n\
                    |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|";
        Self {
            lines: vec![head.to_owned()],
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: &RenderRow<'_>) {
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
            row.label,
            row.notebook,
            ratio(ours.median),
            row.target,
        ));
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for RenderTable {
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
