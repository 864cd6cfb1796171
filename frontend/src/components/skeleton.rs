//! What stands in the page until the first answer is there. Nothing in it ever changes, so
//! it is text: a fraction of the code that views of it would be.

use std::iter::repeat_n;

use leptos::prelude::*;

use crate::html;
use crate::html::{Html, holding};

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
    grey(
        "wall",
        "Loading the notebooks",
        repeat_n(html!(TILE), 8).collect(),
    )
}

/// Grey cells.
#[component]
pub fn SkeletonCells() -> impl IntoView {
    const CELL: &str = "<div class=\"skeleton-cell\"><i></i><i></i></div>";
    grey(
        "",
        "Loading the notebook",
        repeat_n(html!(CELL), 5).collect(),
    )
}

fn grey(class: &'static str, words: &str, parts: Html) -> impl IntoView + use<> {
    let html = html!(
        "<p class=\"visually-hidden\" role=\"status\">{}</p>{}",
        words,
        parts
    );
    view! { <div class=class aria-busy="true" {..holding(html)}></div> }
}
