//! The placeholders of the page until the first answer. They never change, so they are written as
//! text, which is a fraction of the code of a view.

use std::iter::repeat_n;

use leptos::prelude::*;

use crate::html;
use crate::html::{Html, static_html};

/// The whole page, while the session is being fetched.
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
    view! { <div class=class aria-busy="true" {..static_html(html)}></div> }
}
