//! Rendered cells of a notebook.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::html::Div;
use leptos::prelude::*;
use shared::prepared::{CellContent, PreparedCell};
use shared::render::{self, Options};
use shared::wire::Tile;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html::{Html, dynamic_html, set_html};
use crate::{html, paths, scroll};

/// The render options for a participant's copy, on the wall and on its own page.
pub fn options(tile: &Tile) -> Options {
    Options {
        id_prefix: id_prefix(&tile.user),
        page: Some(paths::notebook_page(&tile.filename, &tile.user)),
        frames: true,
        scrolls_whole: false,
    }
}

/// The prefix of every `id` in a participant's notebook.
pub fn id_prefix(user: &str) -> String {
    format!("nb-{user}-")
}

/// Every cell of a notebook.
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
    let place = NodeRef::<Div>::new();
    let drawn = StoredValue::new_local(DrawnCells::default());
    Effect::new(move || {
        let (Some(place), tile) = (place.get(), tile.get()) else {
            return;
        };
        let cells = tile.as_ref().map_or(&[][..], |tile| &tile.cells);
        let html = |cell: &PreparedCell| {
            let mut html = Html::from_static(newest.map_or("", |_| copy_button(cell)));
            let options = tile.as_deref().map(options).unwrap_or_default();
            html.push(render::cells(std::slice::from_ref(cell), &options).into());
            html
        };
        drawn.update_value(|drawn| drawn.draw(&place, cells, html));
    });
    Effect::new(move || {
        tile.track();
        let (Some(place), Some(newest)) = (place.get(), newest) else {
            return;
        };
        let slots = place.children();
        for at in 0..slots.length() {
            if let Some(slot) = slots.item(at) {
                let is_newest = newest.get() == usize::try_from(at).ok();
                // The class is no invalid one.
                let _ = slot.class_list().toggle_with_force("newest", is_newest);
            }
        }
    });
    let on_click = move |event| {
        if let Some(tile) = tile.get_untracked() {
            on_notebook_click(&event, &tile.filename, &tile.user, version());
        }
    };
    let problem = Memo::new(move |_| {
        tile.get()
            .map_or_else(Html::default, |tile| problem_html(&tile))
    });
    let none = move || {
        Html::from_static(match tile.get().is_none_or(|tile| tile.cells.is_empty()) {
            true => "<p class=no-cells>No cells yet.</p>",
            false => "",
        })
    };
    view! {
        <div class="contents" {..dynamic_html(move || problem.get())}></div>
        <div class="nb" node_ref=place on:click=on_click></div>
        <div class="contents" {..dynamic_html(none)}></div>
    }
}

/// The cells that stand in an element, each in a slot of its own. Only those that have changed are
/// drawn again, so that the reader's selection stays in the others.
#[derive(Default)]
pub struct DrawnCells(Vec<PreparedCell>);

impl DrawnCells {
    /// Shows `cells` in `place`, where this has drawn before.
    pub fn draw(
        &mut self,
        place: &Element,
        cells: &[PreparedCell],
        html: impl Fn(&PreparedCell) -> Html,
    ) {
        let slots = place.children();
        let first = cells.first().map_or(usize::MAX, |cell| cell.index);
        // The end of a notebook that has grown begins later.
        let has_left = |drawn: &&PreparedCell| drawn.index < first;
        let left = self.0.iter().take_while(has_left).count();
        let left = if left == self.0.len() { 0 } else { left };
        for _ in 0..left {
            if let Some(slot) = slots.item(0) {
                slot.remove();
            }
        }
        self.0.drain(..left);
        for (at, cell) in cells.iter().enumerate() {
            if self.0.get(at) == Some(cell) {
                continue;
            }
            let slot = u32::try_from(at).ok().and_then(|at| slots.item(at));
            let Some(slot) = slot.or_else(|| new_slot(place)) else {
                return;
            };
            set_html(&slot, &html(cell));
            match self.0.get_mut(at) {
                Some(drawn) => drawn.clone_from(cell),
                None => self.0.push(cell.clone()),
            }
        }
        for _ in cells.len()..self.0.len() {
            if let Some(slot) = place.last_element_child() {
                slot.remove();
            }
        }
        self.0.truncate(cells.len());
    }

    /// Empties `place`.
    pub fn clear(&mut self, place: &Element) {
        place.set_text_content(None);
        self.0.clear();
    }
}

fn new_slot(place: &Element) -> Option<Element> {
    let slot = document().create_element("div").ok()?;
    slot.set_class_name("nb-slot");
    place.append_child(&slot).ok()?;
    Some(slot)
}

/// The button that copies a cell's code, when it has any.
fn copy_button(cell: &PreparedCell) -> &'static str {
    match source(cell).is_empty() {
        true => "",
        false => {
            "<button class=\"button copy\" data-do=copy title=\"Copy this cell's code\">\
             Copy</button>"
        }
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
pub fn on_notebook_click(event: &MouseEvent, filename: &str, user: &str, version: Option<i64>) {
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return;
    };
    let closest = |selector| target.closest(selector).ok().flatten();
    if let Some(button) = closest("button.nb-show") {
        show_frame(&button, filename, user, version);
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
fn show_frame(button: &Element, filename: &str, user: &str, version: Option<i64>) {
    let number = |name| button.get_attribute(name).unwrap_or_default();
    let (cell, output) = (number("data-cell"), number("data-output"));
    let Ok(frame) = document().create_element("iframe") else {
        return;
    };
    let src = paths::output_frame(filename, user, version, &cell, &output);
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
