//! The cells that differ between two versions, line by line.
//!
//! ```text
//! article.change[data-change=added|removed|changed]
//!   header > h3, span.chip.verdict, span.chip
//!   pre > span | ins | del | em      a line each, with its sign; em: lines left out
//! p.no-changes                       when there is nothing to tell, or too much
//! ```

use super::escape::push as push_text;
use crate::wire::{CellDiff, DiffResponse, LineDiff};

/// The HTML of what changed.
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
/// let html = render::changes(&diff);
/// assert!(html.contains("<h3>Cell 1 · code</h3>"));
/// assert!(html.contains("<ins>+ 1 &lt; 2\n</ins>"));
/// ```
pub fn changes(diff: &DiffResponse) -> String {
    let mut out = String::new();
    if diff.from.is_none() {
        out.push_str(
            "<p class=\"no-changes\">This is the first version that is kept: there is nothing \
             before it to compare with.</p>",
        );
    } else if diff.cells.is_empty() {
        out.push_str("<p class=\"no-changes\">No cell is different from the version before.</p>");
    } else {
        diff.cells.iter().for_each(|cell| push_cell(&mut out, cell));
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
    out
}

fn push_cell(out: &mut String, cell: &CellDiff) {
    let verdict = match (cell.before, cell.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    out.push_str(&format!(
        "<article class=\"change\" data-change=\"{verdict}\"><header><h3>{} · ",
        place(cell)
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
        cell.lines.iter().for_each(|line| push_line(out, line));
        out.push_str("</pre>");
    }
    out.push_str("</article>");
}

/// Counted from 1, as people do.
fn place(cell: &CellDiff) -> String {
    match (cell.before, cell.after) {
        (Some(before), Some(after)) if before != after => {
            format!("Cell {}, was {}", after + 1, before + 1)
        }
        (_, Some(at)) | (Some(at), None) => format!("Cell {}", at + 1),
        (None, None) => "Cell".to_owned(),
    }
}

/// The sign says what the colour says.
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
