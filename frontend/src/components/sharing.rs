//! Buttons with which an instructor shares something with participants, and by which a
//! helper sees that it is shared.

use leptos::prelude::*;

use crate::model::view::View;
use crate::session::Session;
use crate::store::sharing::SharingStore;

/// How a button stands.
#[derive(Clone, Copy, Default, PartialEq)]
struct Toggle {
    is_on: bool,
    may_change: bool,
}

/// What a button says.
struct Words {
    testid: &'static str,
    /// While it is off, while it is on, and to who may not change it.
    labels: [&'static str; 3],
    title: &'static str,
}

/// Lets participants follow the notebook that is shown, which is the instructor's own.
#[component]
pub fn FollowToggle(
    /// What the URL says.
    view: Signal<View>,
) -> impl IntoView {
    let sharing = expect_context::<SharingStore>();
    let session = expect_context::<Session>();
    let toggle = Memo::new(move |_| {
        let view = view.get();
        let (notebook, user) = (view.notebook?, view.user?);
        let who = session.who().filter(|who| who.role.sees_everyone())?;
        let is_on = sharing.now().is_followed(&notebook, &user);
        Some(Toggle {
            is_on,
            may_change: who.role.changes_the_class() && (is_on || who.user == user),
        })
    });
    let press = Callback::new(move |()| {
        let is_on = toggle.get_untracked().is_some_and(|toggle| toggle.is_on);
        sharing.follow(view.get_untracked().notebook.filter(|_| !is_on));
    });
    let words = Words {
        testid: "follow-toggle",
        labels: ["Let participants follow", "Followed · Stop", "Followed"],
        title: "Whether participants see this notebook, live and read-only",
    };
    button(toggle, words, sharing, press)
}

/// Lets participants read the summary of the notebook that is shown.
#[component]
pub fn ShareToggle(
    /// What the URL says.
    view: Signal<View>,
) -> impl IntoView {
    let sharing = expect_context::<SharingStore>();
    let session = expect_context::<Session>();
    let toggle = Memo::new(move |_| {
        let notebook = view.get().notebook?;
        let who = session.who().filter(|who| who.role.sees_everyone())?;
        Some(Toggle {
            is_on: sharing.now().shows_summary(&notebook),
            may_change: who.role.changes_the_class(),
        })
    });
    let press = Callback::new(move |()| {
        let is_on = toggle.get_untracked().is_some_and(|toggle| toggle.is_on);
        if let Some(notebook) = view.get_untracked().notebook {
            sharing.share_summary(notebook, !is_on);
        }
    });
    let words = Words {
        testid: "share-toggle",
        labels: ["Share", "Shared · Stop", "Shared"],
        title: "Whether participants may read the summary: everyone's last cells of this notebook",
    };
    button(toggle, words, sharing, press)
}

fn button(
    toggle: Memo<Option<Toggle>>,
    words: Words,
    sharing: SharingStore,
    press: Callback<()>,
) -> AnyView {
    let now = move || toggle.get().unwrap_or_default();
    let label = move || match now() {
        Toggle {
            may_change: true, ..
        } if sharing.has_failed() => "Not changed: try again",
        Toggle { is_on: false, .. } => words.labels[0],
        Toggle {
            may_change: true, ..
        } => words.labels[1],
        Toggle {
            may_change: false, ..
        } => words.labels[2],
    };
    view! {
        <button
            class="button"
            data-testid=words.testid
            title=words.title
            aria-pressed=move || now().is_on.to_string()
            hidden=move || now() == Toggle::default()
            disabled=move || !now().may_change
            on:click=move |_| press.run(())
        >
            {label}
        </button>
    }
    .into_any()
}
