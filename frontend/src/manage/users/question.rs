//! The dialog that asks whether it is meant, before somebody loses something by it.

use leptos::prelude::*;

use super::controller::{Question, UsersController};
use super::dialog;

/// The dialog that asks whether it is meant.
#[component]
pub fn QuestionDialog(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let home_of = move || match page.question.get() {
        Some(Question::DeleteHome(user)) => Some(user),
        _ => None,
    };
    let said = move || match page.question.get() {
        Some(Question::Reset(user)) => (
            format!("A new password for {user}?"),
            "The old one is good no more.".to_owned(),
            "New password",
        ),
        Some(Question::Remove(user)) => (
            format!("Remove {user}?"),
            "They can sign in no more, and what runs of theirs ends. Their home stays.".to_owned(),
            "Remove",
        ),
        Some(Question::DeleteHome(user)) => (
            format!("{user} is removed. Delete the home too?"),
            format!("All files in it are gone for good then. To delete it, type {user}."),
            "Delete the home",
        ),
        Some(Question::StopServers) => (
            "Stop everyone's servers?".to_owned(),
            "What is not saved is lost, and every kernel ends.".to_owned(),
            "Stop them",
        ),
        None => (String::new(), String::new(), ""),
    };
    let may_confirm = move || home_of().is_none_or(|user| typed.get() == user);
    Effect::new(move || {
        page.question.track();
        typed.set(String::new());
    });
    view! {
        <dialog
            id=dialog::ID
            class="dialog"
            aria-labelledby="users-question"
            aria-describedby="users-consequence"
            on:close=move |_| page.recover_from_removal()
        >
            <h2 id="users-question">{move || said().0}</h2>
            <p id="users-consequence">{move || said().1}</p>
            <p hidden=move || home_of().is_none()>
                <input
                    type="text"
                    class="field"
                    autocomplete="off"
                    aria-label="The name of the user"
                    data-testid="home-confirm"
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </p>
            <div class="dialog-actions">
                <button class="button" data-testid="question-no" on:click=move |_| dialog::close()>
                    {move || if home_of().is_some() { "Keep it" } else { "Cancel" }}
                </button>
                <button
                    class="button primary"
                    data-testid="question-yes"
                    prop:disabled=move || !may_confirm()
                    on:click=move |_| page.confirmed()
                >
                    {move || said().2}
                </button>
            </div>
        </dialog>
    }
}
