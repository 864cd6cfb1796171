//! The values of fields that are plain HTML, as those of dialogs are.

use wasm_bindgen::JsValue;

use super::keyboard::find;

/// The value of an input, select or textarea.
pub fn value_of(selector: &str) -> String {
    let value = find(selector)
        .and_then(|field| js_sys::Reflect::get(&field, &JsValue::from_str("value")).ok());
    value
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

/// Sets it.
pub fn set_value(selector: &str, value: &str) {
    if let Some(field) = find(selector) {
        // A field takes any text.
        let _ = js_sys::Reflect::set(
            &field,
            &JsValue::from_str("value"),
            &JsValue::from_str(value),
        );
    }
}

/// The time in a `datetime-local` field, which is in the reader's time zone.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a date is a whole number of milliseconds, and one that is none is left out"
)]
pub fn moment(local: &str) -> Option<i64> {
    let at_ms = js_sys::Date::parse(local);
    at_ms.is_finite().then_some(at_ms as i64)
}
