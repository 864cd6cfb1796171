//! What the wall does with single elements.

use js_sys::JsString;
use leptos::prelude::*;
use web_sys::{Element, HtmlElement};

use crate::html;
use crate::html::set_html;

/// A length in whole pixels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a window is some thousands of pixels high"
)]
pub(super) fn pixels(length: f64) -> u32 {
    length.max(0.0) as u32
}

/// Whether somebody points at a tile, or has the focus in one.
pub(super) fn is_held(place: &HtmlElement) -> bool {
    let held = place.query_selector(".tile:hover, .tile:focus-within");
    matches!(held, Ok(Some(_)))
}

/// The line above a group of tiles.
pub(super) fn heading(name: &str, count: usize) -> Option<Element> {
    let heading = document().create_element("h2").ok()?;
    set_attribute(&heading, "class", "wall-heading");
    set_html(&heading, &html!("{} <span>{}</span>", name, count));
    Some(heading)
}

/// `text` in small letters, whatever its alphabet.
pub(crate) fn lower(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// Sets an attribute, whose name is a valid one.
pub(super) fn set_attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}
