//! Toggle buttons by which an instructor shares a notebook or a summary with participants; for a
//! helper they only show what is shared.

use leptos::prelude::*;

use crate::model::view::View;
use crate::session::SessionHandle;
use crate::store::sharing::SharingStore;

/// The state of a toggle button.
#[derive(Clone, Copy, Default, PartialEq)]
struct ToggleState {
    is_on: bool,
    may_change: bool,
}

/// The texts of a toggle button.
struct ToggleTexts {
    testid: &'static str,
    /// The label while it is off, while it is on, and while it is on for a user without the right
    /// to change it.
    labels: [&'static str; 3],
    title: &'static str,
}

/// Lets participants follow the shown notebook, which is the signed-in instructor's.
#[component]
pub fn FollowToggle(
    /// The state in the URL.
    view: Signal<View>,
) -> impl IntoView {
    let sharing = expect_context::<SharingStore>();
    let session = expect_context::<SessionHandle>();
    let toggle = Memo::new(move |_| {
        let view = view.get();
        let (notebook, user) = (view.notebook?, view.user?);
        let who = session.who().filter(|who| who.role.sees_everyone())?;
        let is_on = sharing.current().is_followed(&notebook, &user);
        Some(ToggleState {
            is_on,
            may_change: who.role.changes_the_class() && (is_on || who.user == user),
        })
    });
    let press = Callback::new(move |()| {
        let is_on = toggle.get_untracked().is_some_and(|toggle| toggle.is_on);
        sharing.follow(view.get_untracked().notebook.filter(|_| !is_on));
    });
    let texts = ToggleTexts {
        testid: "follow-toggle",
        labels: ["Let participants follow", "Followed · Stop", "Followed"],
        title: "Whether participants see this notebook, live and read-only",
    };
    button(toggle, texts, sharing, press)
}

/// Lets participants read the summary of the shown notebook.
#[component]
pub fn ShareToggle(
    /// The state in the URL.
    view: Signal<View>,
) -> impl IntoView {
    let sharing = expect_context::<SharingStore>();
    let session = expect_context::<SessionHandle>();
    let toggle = Memo::new(move |_| {
        let notebook = view.get().notebook?;
        let who = session.who().filter(|who| who.role.sees_everyone())?;
        Some(ToggleState {
            is_on: sharing.current().shows_summary(&notebook),
            may_change: who.role.changes_the_class(),
        })
    });
    let press = Callback::new(move |()| {
        let is_on = toggle.get_untracked().is_some_and(|toggle| toggle.is_on);
        if let Some(notebook) = view.get_untracked().notebook {
            sharing.share_summary(notebook, !is_on);
        }
    });
    let texts = ToggleTexts {
        testid: "share-toggle",
        labels: ["Share", "Shared · Stop", "Shared"],
        title: "Whether participants may read the summary: everyone's last cells of this notebook",
    };
    button(toggle, texts, sharing, press)
}

fn button(
    toggle: Memo<Option<ToggleState>>,
    texts: ToggleTexts,
    sharing: SharingStore,
    press: Callback<()>,
) -> AnyView {
    let now = move || toggle.get().unwrap_or_default();
    let label = move || match now() {
        ToggleState {
            may_change: true, ..
        } if sharing.has_failed() => "Not changed: try again",
        ToggleState { is_on: false, .. } => texts.labels[0],
        ToggleState {
            may_change: true, ..
        } => texts.labels[1],
        ToggleState {
            may_change: false, ..
        } => texts.labels[2],
    };
    view! {
        <button
            class="button"
            data-testid=texts.testid
            title=texts.title
            aria-pressed=move || now().is_on.to_string()
            hidden=move || now() == ToggleState::default()
            disabled=move || !now().may_change
            on:click=move |_| press.run(())
        >
            {label}
        </button>
    }
    .into_any()
}
