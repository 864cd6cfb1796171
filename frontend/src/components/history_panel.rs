//! The versions of a notebook, newest first.

use leptos::prelude::*;
use shared::wire::VersionSummary;
use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

use crate::clock::Clock;
use crate::components::moment;
use crate::model::history::{Timeline, describe};
use crate::pages::keyboard::find;
use crate::store::load::Phase;

/// A list of saves, each a link to the notebook as it was.
#[component]
pub fn HistoryPanel(
    /// Where loading stands.
    phase: Signal<Phase>,
    /// What is known.
    timeline: Signal<Timeline>,
    /// The version that is shown; the newest when there is none.
    shown: Signal<Option<i64>>,
    /// The address of a version.
    href: impl Fn(Option<i64>) -> String + Copy + Send + Sync + 'static,
    /// Loads older ones.
    on_older: impl Fn() + Copy + 'static,
    /// Closes the panel.
    on_close: impl Fn() + Copy + 'static,
) -> impl IntoView {
    let versions = move || timeline.with(|timeline| timeline.versions.clone());
    let words = move || match phase.get() {
        Phase::Failed(failure) => Some(failure.what()),
        Phase::Ready if timeline.with(|timeline| timeline.versions.is_empty()) => {
            Some("No version is kept yet: the next save is the first.".to_owned())
        }
        Phase::Loading => Some("Loading the history…".to_owned()),
        Phase::Ready | Phase::Idle => None,
    };
    let item = move |version: VersionSummary| {
        view! { <Entry version timeline shown href /> }
    };
    Effect::new(move || {
        shown.track();
        timeline.track();
        // The entries are drawn after this.
        request_animation_frame(keep_in_view);
    });
    view! {
        <aside class="history" aria-label="History" data-testid="history">
            <header>
                <h2>"History"</h2>
                <button class="button" aria-label="Close the history" title="Close (h)" on:click=move |_| on_close()>
                    "✕"
                </button>
            </header>
            {move || words().map(|words| view! { <p class="muted" role="status">{words}</p> })}
            <ol>
                <For each=versions key=|version| version.version children=item />
            </ol>
            <button
                class="button"
                hidden=move || !timeline.with(|timeline| timeline.more)
                on:click=move |_| on_older()
            >
                "Older"
            </button>
        </aside>
    }
}

/// Who goes from version to version by the keys sees where in the list that is.
fn keep_in_view() {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    if let Some(current) = find(".history [aria-current]") {
        current.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// One save.
#[component]
fn Entry(
    /// Which.
    version: VersionSummary,
    /// All that are known.
    timeline: Signal<Timeline>,
    /// The version that is shown.
    shown: Signal<Option<i64>>,
    /// The address of a version.
    href: impl Fn(Option<i64>) -> String + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let at = moment::local(version.saved_at_ms);
    let now = moment::local(clock.now_ms_untracked());
    let address = Memo::new(move |_| timeline.with(|timeline| timeline.address(version.version)));
    let current = move || match shown.get() {
        Some(shown) => shown == version.version,
        None => address.get().is_none(),
    };
    let label = move || match address.get() {
        Some(_) => None,
        None => Some(view! { <b class="latest">"now"</b> }),
    };
    // The first version has all of its cells anew, which is no news.
    let is_first = move || {
        timeline.with(|timeline| !timeline.more && timeline.oldest() == Some(version.version))
    };
    let title = move || match is_first() {
        true => "The first version".to_owned(),
        false => describe(&version),
    };
    let mark = move |count: usize, class: &'static str, sign: &'static str| {
        (count > 0).then(|| view! { <i class=class>{format!("{sign}{count}")}</i> })
    };
    let marks = move || match is_first() {
        true => view! { <span class="marks">"first"</span> }.into_any(),
        false => view! {
            <span class="marks" aria-hidden="true">
                {mark(version.added, "added", "+")} {mark(version.changed, "changed", "~")}
                {mark(version.removed, "removed", "−")}
            </span>
        }
        .into_any(),
    };
    view! {
        <li data-version=version.version>
            <a
                href=move || href(address.get())
                title=title
                aria-current=move || current().then_some("true")
            >
                <time>{at.time_and_day(now)}</time>
                {label}
                <span class="visually-hidden">{title}</span>
                {marks}
            </a>
        </li>
    }
}
