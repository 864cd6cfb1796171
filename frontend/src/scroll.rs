//! The scroll position in a notebook: the fragment of an address, and where the reader is.
//!
//! The browser cannot scroll to a fragment by itself: the cells are not drawn yet when it looks,
//! and a bare `#id` would mean the address in `<base>`.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element};

use crate::model::reading::{ReadingAnchor, scroll_distance};
use crate::model::view::decode;

/// The elements by which the reader's position is found again.
const ANCHOR_SELECTOR: &str = ".nb-cell, .sum-part > h2";

/// Scrolls to the element that the address names: `#nb-ana-cell-7`, or `#cell-7`, to which
/// `prefix` is added.
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
        // A failure costs the reader only the fragment in the address.
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

/// Keeps the reader's position in this page's notebook when cells above it change before the page
/// is drawn again.
pub fn keep_position() {
    let scrolled = window().scroll_y().unwrap_or_default();
    if scrolled <= 0.0 {
        return;
    }
    let before = reading_anchors(&document());
    request_animation_frame(move || {
        if let Some(moved) = scroll_distance(&before, &reading_anchors(&document())) {
            window().scroll_by_with_x_and_y(0.0, moved);
        }
    });
}

/// The cells and headings of a document, by their position in the view.
pub fn reading_anchors(document: &Document) -> Vec<ReadingAnchor> {
    let anchors = query_all(document, ANCHOR_SELECTOR)
        .into_iter()
        .map(|element| {
            // The source of a code cell, not its outputs.
            let first = |selector| element.query_selector(selector).ok().flatten();
            let written = first(".nb-source").or_else(|| first(".nb-body"));
            ReadingAnchor {
                id: element.id(),
                text: written
                    .as_ref()
                    .unwrap_or(&element)
                    .text_content()
                    .unwrap_or_default(),
                top: element.get_bounding_client_rect().top(),
            }
        });
    anchors.collect()
}

/// All elements of a document, perhaps of a frame's, for a selector.
pub fn query_all(document: &Document, selector: &str) -> Vec<Element> {
    let Ok(found) = document.query_selector_all(selector) else {
        return Vec::new();
    };
    // Elements of a frame have the frame's own types, so a checked cast would fail.
    (0..found.length())
        .filter_map(|index| Some(found.get(index)?.unchecked_into()))
        .collect()
}
