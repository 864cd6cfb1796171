//! The element of the dialog that asks whether it is meant.

use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use crate::pages::keyboard::find;

/// Its id.
pub(super) const ID: &str = "users-dialog";

/// Opens it.
pub(super) fn open() {
    if let Some(dialog) = element() {
        // It fails only for a dialog that is open.
        let _ = dialog.show_modal();
    }
}

/// Closes it.
pub(super) fn close() {
    if let Some(dialog) = element() {
        dialog.close();
    }
}

fn element() -> Option<HtmlDialogElement> {
    find(&format!("#{ID}"))?.dyn_into().ok()
}
