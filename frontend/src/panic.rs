//! What happens when the program fails: the console gets the text, the reader a banner.
//!
//! After a panic nothing in the page reacts any more, so the banner stands ready in
//! `index.html` and only has to be uncovered.

use leptos::prelude::document;

/// The banner's `id` in `index.html`.
const BANNER: &str = "panic-banner";

/// Installs the hook.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        if let Some(banner) = document().get_element_by_id(BANNER) {
            // Nothing is left to do when even this fails.
            let _ = banner.remove_attribute("hidden");
        }
    }));
}
