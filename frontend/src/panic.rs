//! The panic hook: it writes the text to the console and shows the reader a banner.
//!
//! After a panic the page reacts to nothing, so the banner is hidden in `index.html` and the hook
//! only shows it.

use leptos::prelude::document;

/// The banner's `id` in `index.html`.
const BANNER: &str = "panic-banner";

/// Installs the hook.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        if let Some(banner) = document().get_element_by_id(BANNER) {
            // A failure here cannot be reported in any other way.
            let _ = banner.remove_attribute("hidden");
        }
    }));
}
