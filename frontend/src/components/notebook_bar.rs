//! The bar above one participant's notebook.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::wire::Tile;

use super::account_menu::AccountMenu;
use super::handout_link::HandoutLink;
use super::live_pill::LivePill;
use super::sharing::FollowToggle;
use super::shortcuts::ShortcutsButton;
use super::theme_toggle::ThemeToggle;
use super::tile::{FRESH_SAVE_S, cell_count, error_mark};
use crate::clock::Clock;
use crate::html;
use crate::html::{Html, dynamic_html, static_html};
use crate::model::age::{describe, seconds_since};
use crate::model::stream::LiveState;
use crate::model::view::View;

/// The participant and the notebook, and links to the wall and to the neighbours.
#[component]
pub fn NotebookBar(
    /// The state in the URL.
    view: Signal<View>,
    /// The shown version, when it is loaded.
    tile: Signal<Option<Arc<Tile>>>,
    /// The state of the stream.
    live: Signal<LiveState>,
    /// The address of the wall.
    back: Signal<String>,
    /// The address of the previous participant's notebook.
    before: Signal<Option<String>>,
    /// The address of the next participant's notebook.
    after: Signal<Option<String>>,
    /// The address of the notebook's export.
    export: Signal<String>,
    /// Whether the service builds exports.
    builds: bool,
    /// Whether versions of the notebook are kept.
    history: bool,
    /// Takes the clicks on its button.
    on_action: impl Fn(MouseEvent) + 'static,
) -> impl IntoView {
    const HISTORY: &str = "<button class=button data-do=history data-testid=history-button \
        title=\"Earlier versions of this notebook (h)\">History</button>";
    let history = if history { HISTORY } else { "" };
    let clock = expect_context::<Clock>();
    let heading = Memo::new(move |_| {
        let view = view.get();
        html!("<h1>{}</h1><p>{}</p>", view.user, view.notebook)
    });
    let neighbours = Memo::new(move |_| {
        let before = neighbour(before.get(), "‹ Previous", "Previous participant (k)");
        let after = neighbour(after.get(), "Next ›", "Next participant (j)");
        Html::from_iter([before, after])
    });
    let summary = Memo::new(move |_| {
        let Some(tile) = tile.get() else {
            return Html::default();
        };
        let seconds = seconds_since(tile.saved_at_ms, clock.now_ms());
        html!(
            "{}<span>{}</span><span class=\"age{}\">saved {}</span>",
            error_mark(tile.ends_in_error),
            cell_count(tile.total_cells),
            if seconds < FRESH_SAVE_S { " fresh" } else { "" },
            describe(seconds)
        )
    });
    view! {
        <header class="top-bar notebook-bar">
            <a class="button" href=back title="Back to the wall (Esc)">"← Wall"</a>
            <div class="whose" {..dynamic_html(move || heading.get())}></div>
            <nav class="neighbours" aria-label="Participants" {..dynamic_html(move || neighbours.get())}></nav>
            <p class="summary" {..dynamic_html(move || summary.get())}></p>
            <div class="bar-end">
                <a class="button" href=export hidden=!builds title="The notebook as a document">"Export"</a>
                <div class="bar-actions" {..static_html(Html::from_static(history))} on:click=on_action></div>
                <HandoutLink title="Give this notebook to participants, and see which have it" />
                <FollowToggle view />
                <LivePill live />
                <ThemeToggle />
                <ShortcutsButton />
                <AccountMenu />
            </div>
        </header>
    }
}

/// A link to another participant's notebook; dimmed when there is none.
fn neighbour(href: Option<String>, label: &str, title: &str) -> Html {
    match href {
        Some(href) => html!(
            "<a class=button href=\"{}\" title=\"{}\">{}</a>",
            href,
            title,
            label
        ),
        None => html!("<span class=button aria-disabled=true>{}</span>", label),
    }
}
