//! The cells that differ between two versions, line by line.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::{CellDiff, DiffResponse, LineDiff};

use crate::model::changes::{place, verdict};

/// What changed, cell by cell.
#[component]
pub fn Changes(
    /// The changes.
    diff: Signal<Option<Arc<DiffResponse>>>,
) -> impl IntoView {
    let cells = move || {
        let diff = diff.get()?;
        if diff.from.is_none() {
            let words = "This is the first version that is kept: there is nothing before it to compare with.";
            return Some(view! { <p class="no-changes">{words}</p> }.into_any());
        }
        if diff.cells.is_empty() {
            let words = "No cell is different from the version before.";
            return Some(view! { <p class="no-changes">{words}</p> }.into_any());
        }
        Some(diff.cells.iter().map(cell).collect_view().into_any())
    };
    view! { <div class="changes" data-testid="changes">{cells}</div> }
}

fn cell(cell: &CellDiff) -> impl IntoView + use<> {
    let verdict = verdict(cell);
    let note = |shown: bool, words: &'static str| {
        shown.then(|| view! { <span class="chip">{words}</span> })
    };
    view! {
        <article class="change" data-change=verdict>
            <header>
                <h3>{place(cell)}</h3>
                <span class="chip verdict">{verdict}</span>
                {note(cell.outputs_changed, "outputs changed")}
                {note(cell.details_changed, "metadata changed")}
            </header>
            {(!cell.lines.is_empty())
                .then(|| view! { <pre>{cell.lines.iter().map(line).collect_view()}</pre> })}
        </article>
    }
}

/// A line and its sign, which says what the colour says.
fn line(line: &LineDiff) -> AnyView {
    match line {
        LineDiff::Same(text) => view! { <span>{format!("  {text}\n")}</span> }.into_any(),
        LineDiff::Added(text) => view! { <ins>{format!("+ {text}\n")}</ins> }.into_any(),
        LineDiff::Removed(text) => view! { <del>{format!("− {text}\n")}</del> }.into_any(),
        LineDiff::Skipped(1) => view! { <em>"⋯ 1 more line\n"</em> }.into_any(),
        LineDiff::Skipped(count) => {
            view! { <em>{format!("⋯ {count} more lines\n")}</em> }.into_any()
        }
    }
}
