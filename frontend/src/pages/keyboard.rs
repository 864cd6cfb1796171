//! Single-key shortcuts, and helpers that find and focus elements.

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Calls `handle` with every key that is a shortcut, until the reactive owner is gone. `handle`
/// returns whether it used the key; the browser then ignores it.
pub fn on_shortcut(handle: impl Fn(&str) -> bool + 'static) {
    let listener = window_event_listener(ev::keydown, move |event| {
        if is_shortcut(&event) && handle(&event.key()) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Whether a key without modifiers was pressed outside of fields and dialogs.
fn is_shortcut(event: &KeyboardEvent) -> bool {
    if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return false;
    }
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let typed_into = |element: &Element| {
        let inside = element.closest("input, select, textarea, dialog[open], [contenteditable]");
        !matches!(inside, Ok(None))
    };
    !target.is_some_and(|target| typed_into(&target))
}

/// The first element for a selector.
pub fn find(selector: &str) -> Option<HtmlElement> {
    let element = document().query_selector(selector).ok().flatten()?;
    element.dyn_into().ok()
}

/// All elements for a selector, in the page's order.
pub fn find_all(selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = document().query_selector_all(selector) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into().ok())
        .collect()
}

/// Focuses an element; does nothing if the element is gone.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}
