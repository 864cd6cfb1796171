//! The wall's shortcuts, and the way of the focus among the tiles.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::super::keyboard::{find, find_all, focus, on_shortcut};
use super::board::Board;
use crate::model::grid::{self, GridStep};
use crate::router::Router;

/// The links in the tiles' headers, among which the keyboard moves the focus.
const TILE_LINKS: &str = ".wall > .tile .tile-link";

/// The shortcuts of this page.
pub(super) fn shortcuts(router: Router, board: Board) {
    on_shortcut(move |key| match key {
        "/" => {
            let field = find("#filter");
            field.as_ref().map(focus).is_some()
        }
        "Escape" => board.end_peek() || leave(router),
        _ => GridStep::from_key(key).is_some_and(|step| move_focus(key, step)),
    });
}

/// Goes back to the controls, or to everyone; whether there was something to leave. An open menu is
/// closed by the browser.
fn leave(router: Router) -> bool {
    if find(":popover-open").is_some() {
        return false;
    }
    let view = router.view_untracked();
    if view.screen {
        router.replace_wall(|view| view.screen = false);
    } else if !view.filter.is_empty() {
        router.replace_wall(|view| view.filter.clear());
    } else {
        return false;
    }
    true
}

/// Moves the focus from tile to tile; returns whether the key was used. Arrow keys inside a tile
/// scroll it.
fn move_focus(key: &str, step: GridStep) -> bool {
    let links = find_all(TILE_LINKS);
    let focused = document().active_element();
    let at = links
        .iter()
        .position(|link| focused.as_deref() == Some(link.as_ref()));
    let elsewhere = focused.is_some_and(|element| element.tag_name() != "BODY");
    if at.is_none() && elsewhere && key.starts_with("Arrow") {
        return false;
    }
    let Some(to) = grid::target(at, step, links.len(), columns()) else {
        return at.is_some();
    };
    focus(&links[to]);
    // The whole tile should come into view, not only its header.
    if let Ok(Some(tile)) = links[to].closest("[data-testid=tile]") {
        tile.scroll_into_view_with_bool(false);
    }
    true
}

/// Focuses the tile whose notebook was open before, once it is there.
pub(super) fn return_to(user: &str) {
    let user = user.to_owned();
    // The tiles are arranged in the next frame.
    request_animation_frame(move || {
        request_animation_frame(move || focus_tile(&user));
    });
}

fn focus_tile(user: &str) {
    let tile = find_all(".wall > .tile")
        .into_iter()
        .find(|tile| tile.get_attribute("data-user").as_deref() == Some(user));
    let link = tile.and_then(|tile| tile.query_selector(".tile-link").ok().flatten());
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        focus(&link);
    }
}

/// How many tiles stand side by side.
fn columns() -> usize {
    let tiles = find_all(".wall > .tile");
    let Some(top) = tiles.first().map(|tile| tile.offset_top()) else {
        return 1;
    };
    tiles
        .iter()
        .take_while(|tile| tile.offset_top() == top)
        .count()
}
