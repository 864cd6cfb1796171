//! What stands in the page until the first answer is there.

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
    let tile = |_| {
        view! {
            <div class="tile skeleton-tile">
                <i></i>
                <i></i>
                <i></i>
            </div>
        }
    };
    view! {
        <div class="wall" aria-busy="true">
            <p class="visually-hidden" role="status">"Loading the notebooks"</p>
            {(0..8).map(tile).collect_view()}
        </div>
    }
}

/// Grey cells.
#[component]
pub fn SkeletonCells() -> impl IntoView {
    let cell = |_| {
        view! {
            <div class="skeleton-cell">
                <i></i>
                <i></i>
            </div>
        }
    };
    view! {
        <div aria-busy="true">
            <p class="visually-hidden" role="status">"Loading the notebook"</p>
            {(0..5).map(cell).collect_view()}
        </div>
    }
}
