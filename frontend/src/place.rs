//! Places in a notebook: what stands after the `#` of an address.
//!
//! The browser cannot find them by itself: they are not there yet when it looks, and a
//! bare `#id` would mean the address in `<base>`.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::model::view::decode;

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
