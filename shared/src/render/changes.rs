//! The cells that differ between two versions, line by line.
//!
//! ```text
//! article.change[data-change=added|removed|changed]
//!   header > h3, span.chip.verdict, span.chip
//!   pre > span | ins | del | em      a line each, with its sign; em: lines left out
//! p.no-changes                       when no cell differs, or more than are drawn
//! ```
//!
//! It is bounded by what a browser draws at once. It is made natively only, because the weight
//! of text is only measured natively.

use super::escape::push as push_text;
use crate::prepare::budget::text_weight;
use crate::prepared::SafeHtml;
use crate::wire::{CellDiff, DiffResponse, LineDiff};

/// The most cells that are drawn, the most lines of all of them together, and their most text
/// in letters.
const MAX_CHANGED_CELLS: usize = 2000;
const MAX_CHANGED_LINES: usize = 20_000;
const MAX_CHANGES_WEIGHT: u64 = 1_500_000;

/// The lines and the text that may still be drawn.
struct DiffBudget {
    lines: usize,
    text: u64,
}

impl DiffBudget {
    /// Whether there is room for a line of this text; if not, there is none for later lines.
    fn take(&mut self, text: &str) -> bool {
        // A line that is longer than all text together may be need not be weighed.
        let fits = self.lines > 0 && text.len() as u64 <= 4 * MAX_CHANGES_WEIGHT;
        let weight = if fits { text_weight(text) } else { u64::MAX };
        let fits = weight <= self.text;
        self.lines = if fits { self.lines - 1 } else { 0 };
        self.text = self.text.saturating_sub(weight);
        fits
    }
}

/// The HTML of the changes between two versions.
///
/// ```
/// use shared::{
///     render,
///     wire::{CellDiff, DiffResponse, LineDiff, VersionSummary},
/// };
///
/// let version = VersionSummary {
///     version: 2,
///     saved_at_ms: 0,
///     cells: 1,
///     added: 0,
///     changed: 1,
///     removed: 0,
/// };
/// let diff = DiffResponse {
///     from: Some(VersionSummary { version: 1, ..version }),
///     handout: None,
///     to: version,
///     cells: vec![CellDiff {
///         before: Some(0),
///         after: Some(0),
///         kind: "code".to_owned(),
///         lines: vec![LineDiff::Added("1 < 2".to_owned())],
///         outputs_changed: true,
///         details_changed: false,
///     }],
///     more: 0,
/// };
/// let html = render::changes(&diff).into_string();
/// assert!(html.contains("<h3>Cell 1 · code</h3>"));
/// assert!(html.contains("<ins>+ 1 &lt; 2\n</ins>"));
/// ```
pub fn changes(diff: &DiffResponse) -> SafeHtml {
    let mut out = String::new();
    if diff.from.is_none() && diff.handout.is_none() {
        out.push_str(
            "<p class=\"no-changes\">This is the first version that is kept: there is nothing \
             before it to compare with.</p>",
        );
    } else if diff.cells.is_empty() {
        let before = match diff.handout {
            Some(_) => "what was handed out",
            None => "the version before",
        };
        out.push_str(&format!(
            "<p class=\"no-changes\">No cell is different from {before}.</p>"
        ));
    } else {
        let mut left = DiffBudget {
            lines: MAX_CHANGED_LINES,
            text: MAX_CHANGES_WEIGHT,
        };
        let cells = diff.cells.iter().take(MAX_CHANGED_CELLS);
        cells.for_each(|cell| push_cell(&mut out, cell, &mut left));
        let more = diff.cells.len().saturating_sub(MAX_CHANGED_CELLS);
        if more > 0 {
            out.push_str(&format!(
                "<p class=\"no-changes\">{more} more cells are different; that is too much to \
                 draw. Both versions can be downloaded.</p>"
            ));
        }
    }
    if diff.more > 0 {
        let cells = if diff.more == 1 {
            "cell differs"
        } else {
            "cells differ"
        };
        out.push_str(&format!(
            "<p class=\"no-changes\">{} more {cells}; download both versions to compare them.</p>",
            diff.more
        ));
    }
    SafeHtml::trust(out)
}

/// The HTML of the lines of one cell that differ.
///
/// ```
/// use shared::{render, wire::LineDiff};
///
/// let lines = [LineDiff::Same("a".to_owned()), LineDiff::Added("b < c".to_owned())];
/// let html = render::line_changes(&lines).into_string();
/// assert_eq!(html, "<pre class=\"change-lines\"><span>  a\n</span><ins>+ b &lt; c\n</ins></pre>");
/// ```
pub fn line_changes(lines: &[LineDiff]) -> SafeHtml {
    let mut out = "<pre class=\"change-lines\">".to_owned();
    lines.iter().for_each(|line| push_line(&mut out, line));
    out.push_str("</pre>");
    SafeHtml::trust(out)
}

fn push_cell(out: &mut String, cell: &CellDiff, left: &mut DiffBudget) {
    let verdict = match (cell.before, cell.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    out.push_str(&format!(
        "<article class=\"change\" data-change=\"{verdict}\"><header><h3>{} · ",
        heading(cell)
    ));
    push_text(out, &cell.kind);
    out.push_str(&format!(
        "</h3><span class=\"chip verdict\">{verdict}</span>"
    ));
    let chips = [
        (cell.outputs_changed, "outputs changed"),
        (cell.details_changed, "metadata changed"),
    ];
    for (_, words) in chips.iter().filter(|(shown, _)| *shown) {
        out.push_str(&format!("<span class=\"chip\">{words}</span>"));
    }
    out.push_str("</header>");
    if !cell.lines.is_empty() {
        out.push_str("<pre>");
        let shown = cell.lines.iter().take_while(|line| match line {
            LineDiff::Same(text) | LineDiff::Added(text) | LineDiff::Removed(text) => {
                left.take(text)
            }
            LineDiff::Skipped(_) => left.take(""),
        });
        let mut count = 0;
        shown.for_each(|line| {
            count += 1;
            push_line(out, line);
        });
        let more = cell.lines.len() - count;
        if more > 0 {
            out.push_str(&format!(
                "<em>⋯ {more} more lines are too much to draw; both versions can be downloaded\n</em>"
            ));
        }
        out.push_str("</pre>");
    }
    out.push_str("</article>");
}

/// The heading of a cell, with its number counted from 1.
fn heading(cell: &CellDiff) -> String {
    match (cell.before, cell.after) {
        (Some(before), Some(after)) if before != after => {
            format!("Cell {}, was {}", after + 1, before + 1)
        }
        (_, Some(at)) | (Some(at), None) => format!("Cell {}", at + 1),
        (None, None) => "Cell".to_owned(),
    }
}

/// Appends a line with a sign, because its colour alone would not tell everyone what changed.
fn push_line(out: &mut String, line: &LineDiff) {
    let (element, sign, text) = match line {
        LineDiff::Same(text) => ("span", "  ", text),
        LineDiff::Added(text) => ("ins", "+ ", text),
        LineDiff::Removed(text) => ("del", "− ", text),
        LineDiff::Skipped(count) => {
            let lines = if *count == 1 { "line" } else { "lines" };
            out.push_str(&format!("<em>⋯ {count} more {lines}\n</em>"));
            return;
        }
    };
    out.push_str(&format!("<{element}>{sign}"));
    push_text(out, text);
    out.push_str(&format!("\n</{element}>"));
}

#[cfg(test)]
mod tests {
    use super::{MAX_CHANGED_LINES, changes};
    use crate::wire::{CellDiff, DiffResponse, LineDiff, VersionSummary};

    fn html(cells: Vec<CellDiff>) -> String {
        let version = VersionSummary {
            version: 2,
            saved_at_ms: 0,
            cells: 1,
            added: 0,
            changed: 1,
            removed: 0,
        };
        changes(&DiffResponse {
            from: Some(version),
            handout: None,
            to: version,
            cells,
            more: 0,
        })
        .into_string()
    }

    fn cell(lines: Vec<LineDiff>) -> CellDiff {
        CellDiff {
            before: Some(0),
            after: Some(0),
            kind: "code".to_owned(),
            lines,
            outputs_changed: false,
            details_changed: false,
        }
    }

    #[test]
    fn large_changes_are_cut_to_what_a_browser_draws() {
        let added = |text: &str, times| cell(vec![LineDiff::Added(text.to_owned()); times]);
        let lines = html(vec![added("x", 15_000); 3]);
        assert_eq!(lines.matches("<ins>").count(), MAX_CHANGED_LINES);
        assert_eq!(lines.matches("too much to draw").count(), 2);
        for text in ["x".repeat(10_000_000), "aא".repeat(100_000)] {
            let long = html(vec![added("x", 1), added(&text, 1)]);
            assert!(
                long.len() < 1000 && long.contains("too much to draw"),
                "{long:.300}"
            );
        }
        let cells = html(vec![added("x", 1); 5000]);
        assert_eq!(cells.matches("<article").count(), 2000);
        assert!(cells.contains("3000 more cells"));
        assert!(!html(vec![added("x", 100)]).contains("too much"));
    }
}
