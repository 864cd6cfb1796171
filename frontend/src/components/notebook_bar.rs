//! The bar above one participant's notebook.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::Tile;

use super::live_pill::LivePill;
use super::shortcuts::ShortcutsButton;
use super::theme_toggle::ThemeToggle;
use super::tile::{Age, ErrorMark, cell_count};
use crate::model::stream::LiveState;
use crate::model::view::View;

/// Says whose notebook this is, and leads back and to the neighbours.
#[component]
pub fn NotebookBar(
    /// What the URL says.
    view: Signal<View>,
    /// The newest version, when it is there.
    tile: Signal<Option<Arc<Tile>>>,
    /// The state of the stream.
    live: Signal<LiveState>,
    /// Where the wall is.
    back: Signal<String>,
    /// Where the previous participant's notebook is.
    before: Signal<Option<String>>,
    /// Where the next participant's notebook is.
    after: Signal<Option<String>>,
    /// Versions of the notebook are kept.
    history: bool,
    /// Shows or hides them.
    on_history: impl Fn() + 'static,
) -> impl IntoView {
    let loaded = Memo::new(move |_| tile.get().is_some());
    let cells = move || tile.get().map_or(0, |tile| tile.total_cells);
    let saved_at_ms = Signal::derive(move || tile.get().map_or(0, |tile| tile.saved_at_ms));
    let error = Memo::new(move |_| tile.get().is_some_and(|tile| tile.ends_in_error));
    view! {
        <header class="top-bar notebook-bar">
            <a class="button" href=back title="Back to the wall (Esc)">"← Wall"</a>
            <div class="whose">
                <h1>{move || view.get().user}</h1>
                <p>{move || view.get().notebook}</p>
            </div>
            <nav class="neighbours" aria-label="Participants">
                <Neighbour href=before label="‹ Previous" title="Previous participant (k)" />
                <Neighbour href=after label="Next ›" title="Next participant (j)" />
            </nav>
            <p class="summary">
                {move || {
                    loaded.get().then(|| {
                        view! {
                            <ErrorMark error />
                            <span>{move || cell_count(cells())}</span>
                            <Age saved_at_ms />
                        }
                    })
                }}
            </p>
            <div class="bar-end">
                <button
                    class="button"
                    data-testid="history-button"
                    title="Earlier versions of this notebook (h)"
                    hidden=!history
                    on:click=move |_| on_history()
                >
                    "History"
                </button>
                <LivePill live />
                <ThemeToggle />
                <ShortcutsButton />
            </div>
        </header>
    }
}

/// A link to another participant; dimmed when there is none.
#[component]
fn Neighbour(
    /// Where it leads.
    href: Signal<Option<String>>,
    /// What it says.
    label: &'static str,
    /// Whom it leads to, and the key for it.
    title: &'static str,
) -> impl IntoView {
    move || match href.get() {
        Some(href) => view! { <a class="button" href=href title=title>{label}</a> }.into_any(),
        None => view! { <span class="button" aria-disabled="true">{label}</span> }.into_any(),
    }
}
