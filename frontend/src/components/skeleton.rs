//! What stands in the page until the first answer is there. Nothing in it ever changes, so
//! it is text: a fraction of the code that views of it would be.

use leptos::prelude::*;

/// The whole page, before anybody is known to be signed in.
#[component]
pub fn Skeleton() -> impl IntoView {
    view! {
        <header class="top-bar">
            <span class="brand">"PipalHub"</span>
        </header>
        <main class="wall-main">
            <SkeletonTiles />
        </main>
    }
}

/// Grey tiles.
#[component]
pub fn SkeletonTiles() -> impl IntoView {
    const TILE: &str = "<div class=\"tile skeleton-tile\"><i></i><i></i><i></i></div>";
    grey("wall", "Loading the notebooks", &TILE.repeat(8))
}

/// Grey cells.
#[component]
pub fn SkeletonCells() -> impl IntoView {
    const CELL: &str = "<div class=\"skeleton-cell\"><i></i><i></i></div>";
    grey("", "Loading the notebook", &CELL.repeat(5))
}

fn grey(class: &'static str, words: &str, parts: &str) -> impl IntoView + use<> {
    let html = format!("<p class=\"visually-hidden\" role=\"status\">{words}</p>{parts}");
    view! { <div class=class aria-busy="true" inner_html=html></div> }
}
