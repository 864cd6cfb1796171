//! One participant's tile.

use leptos::prelude::*;
use shared::render;

use super::cells::{on_notebook_click, options, problem_html};
use crate::clock::Clock;
use crate::html;
use crate::html::{Html, dynamic_html};
use crate::model::age::{describe, seconds_since};
use crate::store::wall::TileEntry;

/// A save younger than this is highlighted.
pub const FRESH_SAVE_S: i64 = 10;

/// A tile that is drawn for the first time pulses when its save is younger than this.
const PULSE_MAX_AGE_S: i64 = 2;

/// One participant's tile: the name, the age of the save, and the last cells.
#[component]
pub fn TileView(
    /// The tile and its saves.
    entry: TileEntry,
    /// The address of the whole notebook.
    href: Signal<String>,
) -> impl IntoView {
    let TileEntry { user, tile, saves } = entry;
    let html = {
        let tile = tile.clone();
        Memo::new(move |_| tile.with(|tile| Html::from(render::cells(&tile.cells, &options(tile)))))
    };
    let error = {
        let tile = tile.clone();
        Memo::new(move |_| tile.with(|tile| tile.ends_in_error))
    };
    let problem = {
        let tile = tile.clone();
        Memo::new(move |_| tile.with(|tile| problem_html(tile)))
    };
    let cells = {
        let tile = tile.clone();
        Memo::new(move |_| tile.with(|tile| tile.total_cells))
    };
    let on_click = {
        let tile = tile.clone();
        move |event| tile.with_untracked(|tile| on_notebook_click(&event, tile, None))
    };
    let saved_at_ms = Signal::derive(move || tile.with(|tile| tile.saved_at_ms));
    // A tile that is drawn again, after a filter or a visit to a notebook, does not pulse.
    let clock = expect_context::<Clock>();
    let age = seconds_since(saved_at_ms.get_untracked(), clock.now_ms_untracked());
    let known = (age >= PULSE_MAX_AGE_S).then(|| saves.get_untracked());
    // The same animation under two names: changing the name starts it again.
    let pulse = move || match saves.get() {
        saves if saves == 0 || Some(saves) == known => "tile",
        saves if saves % 2 == 1 => "tile pulse-odd",
        _ => "tile pulse-even",
    };
    let [data_user, label, title, name] = [(); 4].map(|()| user.to_string());
    view! {
        <article
            class=pulse
            class:has-error=error
            data-testid="tile"
            data-user=data_user
            aria-label=label
        >
            <header class="tile-header">
                // The title is for names that are cut.
                <h2><a class="tile-link" href=href title=title>{name}</a></h2>
                <span class="contents" {..dynamic_html(move || error_mark(error.get()))}></span>
                <span class="tile-cells">{move || cell_count(cells.get())}</span>
                <Age saved_at_ms />
            </header>
            <div class="contents" {..dynamic_html(move || problem.get())}></div>
            <div class="tile-body" on:click=on_click>
                <div class="nb" {..dynamic_html(move || html.get())}></div>
            </div>
        </article>
    }
}

/// The mark that the last run ended in an error, by word and shape and not by colour alone.
pub fn error_mark(error: bool) -> Html {
    const MARK: &str = "<span class=error-mark \
        title=\"The last cell that was run ended in an error\">\
        <svg viewBox=\"0 0 12 12\" width=10 height=10 aria-hidden=true>\
        <path d=\"M2 2l8 8M10 2l-8 8\" stroke=currentColor stroke-width=2 stroke-linecap=round />\
        </svg>error</span>";
    Html::from_static(if error { MARK } else { "" })
}

/// How long ago the notebook was saved.
#[component]
pub fn Age(
    /// The time of the save, by the service's clock.
    saved_at_ms: Signal<i64>,
) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let seconds = move || seconds_since(saved_at_ms.get(), clock.now_ms());
    // Memos, so that three hundred tiles do not change the DOM every second.
    let words = Memo::new(move |_| html!("saved {}", describe(seconds())));
    let fresh = Memo::new(move |_| seconds() < FRESH_SAVE_S);
    view! {
        <span
            class="age"
            {..dynamic_html(move || words.get())}
            class:fresh=fresh
            data-testid="tile-age"
        ></span>
    }
}

/// `1 cell`, `49 cells`.
pub fn cell_count(cells: usize) -> String {
    match cells {
        1 => "1 cell".to_owned(),
        _ => format!("{cells} cells"),
    }
}
