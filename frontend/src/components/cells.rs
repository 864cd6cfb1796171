//! Rendered cells of a notebook.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::prepared::{CellContent, PreparedCell};
use shared::render::{self, Options};
use shared::wire::Tile;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html::{Html, dynamic_html};
use crate::{html, paths, scroll};

/// The render options for a participant's copy, on the wall and on its own page.
pub fn options(tile: &Tile) -> Options {
    Options {
        id_prefix: id_prefix(&tile.user),
        page: Some(paths::notebook_page(&tile.filename, &tile.user)),
        frames: true,
    }
}

/// The prefix of every `id` in a participant's notebook.
pub fn id_prefix(user: &str) -> String {
    format!("nb-{user}-")
}

/// Every cell of a notebook. A new version replaces only the cells that differ, so that the
/// reader's scroll position and selection stay.
#[component]
pub fn Cells(
    /// The version to show.
    tile: Signal<Option<Arc<Tile>>>,
    /// The number of the version, when it is not the newest.
    version: impl Fn() -> Option<i64> + Send + 'static,
    /// For a followed notebook: the cell that is marked; code cells have a copy button then.
    #[prop(optional)]
    newest: Option<Signal<Option<usize>>>,
) -> impl IntoView {
    let count = Memo::new(move |_| tile.get().map_or(0, |tile| tile.cells.len()));
    let cell = move |index: usize| {
        let html = Memo::new(move |_| {
            let tile = tile.get();
            let Some((tile, cell)) = tile
                .as_ref()
                .and_then(|tile| Some((tile, tile.cells.get(index..=index)?)))
            else {
                return Html::default();
            };
            let mut html = Html::from_static(newest.map_or("", |_| copy_button(cell)));
            html.push(render::cells(cell, &options(tile)).into());
            html
        });
        let is_newest = move || newest.is_some_and(|newest| newest.get() == Some(index));
        view! {
            <div
                class="nb-slot"
                {..dynamic_html(move || html.get())}
                class:newest=is_newest
            ></div>
        }
    };
    let on_click = move |event| {
        if let Some(tile) = tile.get_untracked() {
            on_notebook_click(&event, &tile, version());
        }
    };
    let problem = Memo::new(move |_| {
        tile.get()
            .map_or_else(Html::default, |tile| problem_html(&tile))
    });
    let none = move || {
        Html::from_static(match count.get() {
            0 => "<p class=no-cells>No cells yet.</p>",
            _ => "",
        })
    };
    view! {
        <div class="contents" {..dynamic_html(move || problem.get())}></div>
        <div class="nb" on:click=on_click>
            <For each=move || 0..count.get() key=|index| *index children=cell />
        </div>
        <div class="contents" {..dynamic_html(none)}></div>
    }
}

/// The button that copies a cell's code, when it has any.
fn copy_button(cells: &[PreparedCell]) -> &'static str {
    match cells {
        [cell] if !source(cell).is_empty() => {
            "<button class=\"button copy\" data-do=copy title=\"Copy this cell's code\">\
             Copy</button>"
        }
        _ => "",
    }
}

/// The code in a cell; empty for other cells.
pub fn source(cell: &PreparedCell) -> &str {
    match &cell.content {
        CellContent::Code(code) => &code.source,
        _ => "",
    }
}

/// The problems of a copy: why the current file cannot be shown, why saves fail, and why other
/// notebooks of the participant may be missing.
pub fn problem_html(tile: &Tile) -> Html {
    let of_saves = tile.save_problem.map(|problem| {
        html!(
            "<p class=problem data-testid=save-problem><strong>saves fail: {}</strong></p>",
            problem.words()
        )
    });
    let of_reading = tile.problem.as_ref().map(|problem| {
        html!(
            "<p class=problem><strong>Not the latest version. </strong>{}</p>",
            problem
        )
    });
    let of_home = tile
        .home_problem
        .as_ref()
        .map(|problem| html!("<p class=problem data-testid=home-problem>{}</p>", problem));
    let of_file = of_saves.into_iter().chain(of_reading);
    of_file.chain(of_home).collect()
}

/// Handles a click in a participant's notebook: links open in a new tab, links within the notebook
/// scroll to their target, and a click on its button shows an output that needs a script.
pub fn on_notebook_click(event: &MouseEvent, tile: &Tile, version: Option<i64>) {
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return;
    };
    let closest = |selector| target.closest(selector).ok().flatten();
    if let Some(button) = closest("button.nb-show") {
        show_frame(&button, tile, version);
    } else if let Some(link) = closest("a.nb-anchor") {
        let href = link.get_attribute("href").unwrap_or_default();
        // The wall shows only the end of a notebook; the router opens the whole notebook otherwise.
        if let Some((_, id)) = href.split_once('#')
            && scroll::go_to(id)
        {
            event.prevent_default();
        }
    } else if let Some(link) = closest("a[href]") {
        // The router leaves links with a target to the browser.
        let _ = link.set_attribute("target", "_blank");
        let _ = link.set_attribute("rel", "noopener noreferrer nofollow");
    }
}

/// Replaces the button with a frame that shows the output, without the page's origin and without
/// network. The service's answer forbids both too, so the sandbox is a second protection.
fn show_frame(button: &Element, tile: &Tile, version: Option<i64>) {
    let number = |name| button.get_attribute(name).unwrap_or_default();
    let (cell, output) = (number("data-cell"), number("data-output"));
    let Ok(frame) = document().create_element("iframe") else {
        return;
    };
    let src = paths::output_frame(&tile.filename, &tile.user, version, &cell, &output);
    for (name, value) in [
        ("class", "nb-frame"),
        ("sandbox", "allow-scripts"),
        ("referrerpolicy", "no-referrer"),
        ("loading", "lazy"),
        (
            "title",
            "An output that runs its own script, shut off from the page",
        ),
        ("src", &src),
    ] {
        // Without one of these attributes the frame is not shown.
        if frame.set_attribute(name, value).is_err() {
            return;
        }
    }
    if let Some(parent) = button.parent_node() {
        // It fails only if the button is gone meanwhile.
        let _ = parent.replace_child(&frame, button);
    }
}
