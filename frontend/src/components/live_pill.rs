//! The pill that says whether the page is up to date.

use leptos::prelude::*;

use crate::model::stream::LiveState;

/// A pill that shows the state of the stream.
#[component]
pub fn LivePill(
    /// The state of the stream.
    live: Signal<LiveState>,
) -> impl IntoView {
    let label = move || match live.get() {
        LiveState::Connecting => "Connecting",
        LiveState::Live => "Live",
        LiveState::Behind => "Behind",
        LiveState::Reconnecting => "Reconnecting",
    };
    let title = move || match live.get() {
        LiveState::Connecting => "Connecting to the service",
        LiveState::Live => "Saves appear here as they happen",
        LiveState::Behind => {
            "Something of what is shown is older than it should be: the service did not give \
             it. The page keeps trying."
        }
        LiveState::Reconnecting => {
            "The service does not answer. What is shown may be old; the page keeps trying."
        }
    };
    view! {
        <span
            class="pill"
            role="status"
            aria-live="polite"
            data-testid="live-pill"
            data-state=move || live.get().name()
            title=title
        >
            {label}
        </span>
    }
}
