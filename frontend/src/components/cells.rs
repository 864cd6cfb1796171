//! Rendered cells of a notebook.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::render::{self, Options};
use shared::wire::Tile;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// What goes before every `id` in a participant's notebook.
pub fn options(user: &str) -> Options {
    Options {
        id_prefix: format!("nb-{user}-"),
        ..Options::default()
    }
}

/// Every cell of a notebook. A new version replaces only the cells that differ, so
/// that the place one has scrolled to, and what one has selected there, stay.
#[component]
pub fn Cells(
    /// The newest version.
    tile: Signal<Option<Arc<Tile>>>,
) -> impl IntoView {
    let count = Memo::new(move |_| tile.get().map_or(0, |tile| tile.cells.len()));
    let problem = Memo::new(move |_| tile.get().and_then(|tile| tile.problem.clone()));
    let cell = move |index: usize| {
        let html = Memo::new(move |_| {
            let tile = tile.get()?;
            let cell = tile.cells.get(index..=index)?;
            Some(render::cells(cell, &options(&tile.user)))
        });
        view! { <div class="nb-slot" inner_html=move || html.get().unwrap_or_default()></div> }
    };
    view! {
        {move || problem.get().map(|problem| view! { <Problem problem /> })}
        <div class="nb" on:click=follow_link>
            <For each=move || 0..count.get() key=|index| *index children=cell />
        </div>
        {move || (count.get() == 0).then(|| view! { <p class="no-cells">"No cells yet."</p> })}
    }
}

/// Why the file as it is now cannot be shown.
#[component]
pub fn Problem(
    /// The reason, in words.
    problem: String,
) -> impl IntoView {
    view! {
        <p class="problem">
            <strong>"Not the latest version. "</strong>
            {problem}
        </p>
    }
}

/// A participant's links open beside the wall and not instead of it; those to a place
/// in their notebook lead there, which `<base>` would prevent.
pub fn follow_link(event: MouseEvent) {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let Some(link) = target.and_then(|target| target.closest("a[href]").ok().flatten()) else {
        return;
    };
    let href = link.get_attribute("href").unwrap_or_default();
    if let Some(id) = href.strip_prefix('#') {
        event.prevent_default();
        if let Some(place) = document().get_element_by_id(id) {
            place.scroll_into_view();
        }
        return;
    }
    // Links with a target are the browser's.
    let _ = link.set_attribute("target", "_blank");
    let _ = link.set_attribute("rel", "noopener noreferrer nofollow");
}
