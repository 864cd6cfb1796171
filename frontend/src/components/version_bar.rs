//! What stands above a notebook as it was: when that was, the way back, and what can be
//! done with it.

use leptos::prelude::*;

use crate::clock::Clock;
use crate::components::moment;

/// Says which version is shown, and offers the rest.
#[component]
pub fn VersionBar(
    /// When the version that is shown was saved; the notebook is shown as it is now when
    /// there is none.
    saved_at_ms: Signal<Option<i64>>,
    /// An old version is shown.
    is_old: Signal<bool>,
    /// The changes are shown.
    changes: Signal<bool>,
    /// Where the living notebook is.
    live: Signal<String>,
    /// The version as a file; none when there is no version.
    download: Signal<Option<String>>,
    /// Shows the changes, or the whole.
    on_changes: impl Fn() + Copy + 'static,
    /// Asks to restore it.
    on_restore: impl Fn() + Copy + 'static,
) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let when = move || {
        let now = moment::local(clock.now_ms_untracked());
        saved_at_ms
            .get()
            .map(|at_ms| moment::local(at_ms).time_and_day(now))
    };
    let words = move || match is_old.get() {
        true => view! {
            <strong role="status">"As of " {when}</strong>
            <a class="button primary" href=live title="The notebook as it is now (Esc)">
                "Back to live"
            </a>
        }
        .into_any(),
        false => view! { <strong>"As it is now"</strong> }.into_any(),
    };
    view! {
        <div class="version-bar" class:old=is_old data-testid="version-bar">
            {words}
            <span class="version-actions" hidden=move || download.get().is_none()>
                <button
                    class="button"
                    aria-pressed=move || changes.get().to_string()
                    title="What changed since the version before (c)"
                    on:click=move |_| on_changes()
                >
                    "Changes"
                </button>
                <a class="button" rel="external" href=move || download.get() download="" target="_self">
                    "Download .ipynb"
                </a>
                <button
                    class="button"
                    data-testid="restore"
                    hidden=move || !is_old.get()
                    on:click=move |_| on_restore()
                >
                    "Restore a copy…"
                </button>
            </span>
        </div>
    }
}
