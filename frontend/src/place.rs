//! Places in a notebook: what stands after the `#` of an address, and where somebody is
//! reading.
//!
//! The browser cannot find an address by itself: its places are not there yet when it looks, and a
//! bare `#id` would mean the address in `<base>`.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element};

use crate::model::reading::{Piece, distance};
use crate::model::view::decode;

/// What tells where somebody is reading.
const PIECES: &str = ".nb-cell, .sum-part > h2";

/// Scrolls to the place the address names: `#nb-ana-cell-7`, or `#cell-7` without what
/// `prefix` says before it.
pub fn go_to_hash(prefix: &str) {
    let hash = window().location().hash().unwrap_or_default();
    let id = decode(hash.trim_start_matches('#'));
    if !id.is_empty() && !scroll_to(&id) {
        scroll_to(&format!("{prefix}{id}"));
    }
}

/// Scrolls to the element with this id and writes it into the address; says whether
/// there is one.
pub fn go_to(id: &str) -> bool {
    let found = scroll_to(&decode(id)) || scroll_to(id);
    let location = window().location();
    if let (true, Ok(path), Ok(query)) = (found, location.pathname(), location.search()) {
        let href = format!("{path}{query}#{id}");
        // Not worth a step in the history, and not worth a word when it fails.
        let _ = window()
            .history()
            .map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&href)));
    }
    found
}

fn scroll_to(id: &str) -> bool {
    let element = document().get_element_by_id(id);
    if let Some(element) = &element {
        element.scroll_into_view();
    }
    element.is_some()
}

/// Leaves the reader where they are in this page's notebook, whatever is put above that
/// before the page is drawn again.
pub fn keep() {
    let scrolled = window().scroll_y().unwrap_or_default();
    if scrolled <= 0.0 {
        return;
    }
    let before = pieces(&document());
    request_animation_frame(move || {
        if let Some(moved) = distance(&before, &pieces(&document())) {
            window().scroll_by_with_x_and_y(0.0, moved);
        }
    });
}

/// The pieces of a document, as it lies in its view.
pub fn pieces(document: &Document) -> Vec<Piece> {
    let pieces = all(document, PIECES).into_iter().map(|element| {
        // What somebody wrote, if it is code, and not what came out of it.
        let first = |selector| element.query_selector(selector).ok().flatten();
        let written = first(".nb-source").or_else(|| first(".nb-body"));
        Piece {
            id: element.id(),
            text: written
                .as_ref()
                .unwrap_or(&element)
                .text_content()
                .unwrap_or_default(),
            top: element.get_bounding_client_rect().top(),
        }
    });
    pieces.collect()
}

/// All elements of a document, perhaps of a frame's, for a selector.
pub fn all(document: &Document, selector: &str) -> Vec<Element> {
    let Ok(found) = document.query_selector_all(selector) else {
        return Vec::new();
    };
    // A frame has types of its own, so that asking for them here would find none.
    (0..found.length())
        .filter_map(|index| Some(found.get(index)?.unchecked_into()))
        .collect()
}
