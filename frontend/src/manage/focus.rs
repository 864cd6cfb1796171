//! Where the keyboard's focus goes when what had it is gone, and what is said to those who do not
//! see the page.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::pages::keyboard::{find, focus};

/// Something that the wall's shortcut may not leave behind, and what is open above the page, which
/// Escape closes.
const KEPT: &str = "[data-keep], :modal, :popover-open";

/// Focuses the first of these that is there, when the page is drawn.
pub(super) fn focus_soon(selectors: Vec<String>) {
    spawn_local(async move {
        TimeoutFuture::new(0).await;
        focus_first(&selectors);
    });
}

/// The same when the focus is nowhere, since what had it is gone.
pub(super) fn recover_focus(selectors: Vec<String>) {
    spawn_local(async move {
        TimeoutFuture::new(0).await;
        let focused = document().active_element();
        let is_lost = focused.is_none_or(|element| element.tag_name() == "BODY");
        if is_lost && find(":modal").is_none() {
            focus_first(&selectors);
        }
    });
}

fn focus_first(selectors: &[String]) {
    let found = selectors.iter().find_map(|selector| find(selector));
    if let Some(element) = found {
        focus(&element);
    }
}

/// Whether the shortcut to the wall may leave the page.
pub(super) fn may_leave() -> bool {
    find(KEPT).is_none()
}

/// One polite line for screen readers: what is being done, and what came of it. It is there from
/// the beginning, because a region that appears with its text is often not read.
#[component]
pub fn Announcement(
    /// The line.
    said: RwSignal<String>,
) -> impl IntoView {
    view! {
        <p class="visually-hidden" role="status" data-testid="announcement">
            {move || said.get()}
        </p>
    }
}
