//! Pages that have nothing to show but words: empty and error states.

use leptos::prelude::*;

use crate::model::failure::Failure;

/// A few words in the middle of the page.
#[component]
pub fn Notice(
    /// What is the matter.
    title: &'static str,
    /// For the tests.
    #[prop(default = "notice")]
    testid: &'static str,
    /// What to do about it.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="notice" data-testid=testid>
            <h1>{title}</h1>
            {children()}
        </section>
    }
}

/// What failed, what to do, and a button to try again.
#[component]
pub fn FailureNotice(
    /// What could not be done.
    title: &'static str,
    /// Why.
    failure: Failure,
    /// Tries again.
    retry: impl Fn() + Send + 'static,
) -> impl IntoView {
    view! {
        <Notice title testid="error">
            <p role="alert">{failure.what()}</p>
            <p>{failure.remedy()}</p>
            <button class="button primary" on:click=move |_| retry()>
                "Retry"
            </button>
        </Notice>
    }
}
