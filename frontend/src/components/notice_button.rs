//! The way to the notices, for those who write them.

use leptos::prelude::*;

/// Counts how often the dialog of notices was asked for; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowNotices(pub RwSignal<u32>);

/// Opens the dialog.
#[component]
pub fn NoticeButton(
    /// Whoever is signed in writes no notices.
    hidden: Signal<bool>,
) -> impl IntoView {
    let ShowNotices(asked) = expect_context();
    view! {
        <button
            class="button"
            title="Tell participants something, and see who has read it (m)"
            data-testid="notice-button"
            hidden=hidden
            on:click=move |_| asked.update(|asked| *asked += 1)
        >
            "Notices"
        </button>
    }
}
