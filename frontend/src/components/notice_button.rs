//! The button that opens the dialog of notices, for instructors.

use leptos::prelude::*;

/// Counts the requests to open the dialog of notices; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowNotices(pub RwSignal<u32>);

/// A button that opens the dialog.
#[component]
pub fn NoticeButton(
    /// The signed-in user may not write notices.
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
