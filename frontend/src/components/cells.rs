//! Rendered cells of a notebook.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::prepared::{Content, PreparedCell};
use shared::render::{self, Options};
use shared::wire::Tile;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html::{Html, showing};
use crate::{html, paths, place};

/// How a participant's copy of a notebook is rendered, on the wall and by itself.
pub fn options(tile: &Tile) -> Options {
    Options {
        id_prefix: id_prefix(&tile.user),
        page: Some(paths::notebook_page(&tile.filename, &tile.user)),
        frames: true,
    }
}

/// What goes before every `id` in a participant's notebook.
pub fn id_prefix(user: &str) -> String {
    format!("nb-{user}-")
}

/// Every cell of a notebook. A new version replaces only the cells that differ, so
/// that the place one has scrolled to, and what one has selected there, stay.
#[component]
pub fn Cells(
    /// The version to show.
    tile: Signal<Option<Arc<Tile>>>,
    /// Its number, when it is not the newest.
    version: impl Fn() -> Option<i64> + Send + 'static,
    /// Of a notebook that is followed: the cell that is marked. Its code can be copied.
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
            let mut html = Html::own(newest.map_or("", |_| copy_button(cell)));
            html.push(render::cells(cell, &options(tile)).into());
            html
        });
        let is_newest = move || newest.is_some_and(|newest| newest.get() == Some(index));
        view! {
            <div
                class="nb-slot"
                {..showing(move || html.get())}
                class:newest=is_newest
            ></div>
        }
    };
    let on_click = move |event| {
        if let Some(tile) = tile.get_untracked() {
            clicked(&event, &tile, version());
        }
    };
    let problem = Memo::new(move |_| {
        tile.get()
            .map_or_else(Html::default, |tile| problem_html(&tile))
    });
    let none = move || {
        Html::own(match count.get() {
            0 => "<p class=no-cells>No cells yet.</p>",
            _ => "",
        })
    };
    view! {
        <div class="contents" {..showing(move || problem.get())}></div>
        <div class="nb" on:click=on_click>
            <For each=move || 0..count.get() key=|index| *index children=cell />
        </div>
        <div class="contents" {..showing(none)}></div>
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

/// The code in a cell; empty when it is no code cell.
pub fn source(cell: &PreparedCell) -> &str {
    match &cell.content {
        Content::Code(code) => &code.source,
        _ => "",
    }
}

/// Why the file as it is now cannot be shown, why it is not saved, and why other notebooks of
/// the participant may be missing.
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

/// What a click in a participant's notebook does: their links open beside the wall and
/// not instead of it, those to a place in the notebook lead there, and what needs a
/// script is shown when, and only when, somebody asks.
pub fn clicked(event: &MouseEvent, tile: &Tile, version: Option<i64>) {
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
        // On the wall only the end of a notebook is there; the router opens the rest.
        if let Some((_, id)) = href.split_once('#')
            && place::go_to(id)
        {
            event.prevent_default();
        }
    } else if let Some(link) = closest("a[href]") {
        // Links with a target are the browser's.
        let _ = link.set_attribute("target", "_blank");
        let _ = link.set_attribute("rel", "noopener noreferrer nofollow");
    }
}

/// Puts the output in place of its button, in a frame that has no origin of ours and no
/// network. The service's answer says the same, so this is the second lock on that door.
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
        // A browser that refused one of these would show nothing, not more.
        if frame.set_attribute(name, value).is_err() {
            return;
        }
    }
    if let Some(parent) = button.parent_node() {
        // A button that is gone meanwhile has nothing to be replaced by.
        let _ = parent.replace_child(&frame, button);
    }
}
