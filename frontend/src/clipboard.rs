//! Copying a text by a button, which says what came of it.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use web_sys::Element;

/// How long the label of the button says that it has copied.
const COPIED_LABEL_MS: u32 = 2_000;

/// Copies the text to the clipboard and says so on `button`. Browsers provide the clipboard only
/// for https and for localhost; without it the text of `shown` is selected, for the reader to copy.
pub fn copy(text: &str, button: Element, shown: Option<Element>) {
    let is_secure = window().is_secure_context();
    if !is_secure {
        let selection = window().get_selection().ok().flatten();
        if let (Some(shown), Some(selection)) = (shown, selection) {
            // The reader can still select the text by hand.
            let _ = selection.select_all_children(&shown);
        }
        button.set_text_content(Some("Selected: press Ctrl+C"));
        return;
    }
    let written = window().navigator().clipboard().write_text(text);
    spawn_local(async move {
        let said = match JsFuture::from(written).await {
            Ok(_) => "Copied",
            Err(_) => "Not copied",
        };
        button.set_text_content(Some(said));
        TimeoutFuture::new(COPIED_LABEL_MS).await;
        button.set_text_content(Some("Copy"));
    });
}
