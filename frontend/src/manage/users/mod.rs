//! The page *Users*: who is in the class's list, adding a class with a look at it before, new
//! passwords, cards to hand out, and removing.
//!
//! A password is on the page from when it is made until the page is left, and nowhere else.

pub mod add_class;
pub mod controller;
mod dialog;
pub mod made;
pub mod question;
pub mod table;

use leptos::prelude::*;

use self::controller::UsersController;
use self::table::Body;
use super::ManageBar;
use super::focus::Announcement;
use super::loading::by_phase;

/// The page.
#[component]
pub fn UsersPage(
    /// Where the wall is.
    wall: String,
    /// Whether the reader is an instructor, who may change users.
    may_change: bool,
) -> impl IntoView {
    let page = UsersController::new(may_change);
    page.start();
    // What is lost with the page.
    let keep = move || {
        let has_text = page.text.with(|text| !text.trim().is_empty());
        (has_text || page.made.with(|made| !made.is_empty())).then_some("")
    };
    view! {
        <ManageBar name="Users" wall age=Signal::derive(String::new) />
        <main
            class="manage-main"
            data-testid="users-page"
            data-keep=keep
            on:click=move |event| page.clicked(&event)
        >
            <Announcement said=page.said />
            {by_phase(page.phase, "Users cannot be shown", page.refetcher, move || view! { <Body page /> }.into_any())}
        </main>
    }
}
