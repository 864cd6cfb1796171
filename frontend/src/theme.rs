//! The reader's choice of a light or a dark theme, kept in the browser.

use leptos::prelude::*;

use crate::model::theme::Theme;

const STORAGE_KEY: &str = "pipalhub-theme";

/// A handle to the choice; a context.
#[derive(Clone, Copy)]
pub struct ThemeChoice(RwSignal<Theme>);

impl ThemeChoice {
    /// Reads the stored choice and keeps the page and the storage in step with it.
    pub fn start() -> Self {
        let stored = storage().and_then(|storage| storage.get_item(STORAGE_KEY).ok().flatten());
        let theme = RwSignal::new(Theme::from_name(stored.as_deref().unwrap_or_default()));
        Effect::new(move || {
            let name = theme.get().name();
            // A browser that forbids storage still shows the choice, until a reload.
            if let Some(storage) = storage() {
                let _ = storage.set_item(STORAGE_KEY, name);
            }
            if let Some(root) = document().document_element() {
                let _ = root.set_attribute("data-theme", name);
            }
        });
        Self(theme)
    }

    /// The choice, as a signal.
    pub fn get(self) -> Theme {
        self.0.get()
    }

    /// Changes to the next theme.
    pub fn advance(self) {
        self.0.update(|theme| *theme = theme.next());
    }
}

/// The browser's local storage; `None` where the browser forbids it.
pub fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
