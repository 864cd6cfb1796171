//! What a participant has above their own notebooks. What it looks like is
//! [`crate::model::participant`]'s.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::sharing::AboutResponse;

use crate::api;
use crate::html::{Html, showing};
use crate::model::participant::{cards, kept};
use crate::paths;
use crate::session::Session;
use crate::store::sharing::SharingStore;

/// What is shared with who is signed in, and what is kept of them; nothing for those who see
/// everyone.
#[component]
pub fn ParticipantPart() -> impl IntoView {
    let session = expect_context::<Session>();
    let sharing = expect_context::<SharingStore>();
    let who = session.who_untracked();
    let is_one = who.is_some_and(|who| !who.role.sees_everyone());
    let about = RwSignal::new(Html::default());
    if is_one {
        spawn_local(async move {
            let answer = api::text(paths::ABOUT, None, "").await;
            // Without an answer there is nothing to be told.
            if let Ok(known) = answer.and_then(|body| api::read::<AboutResponse>(&body)) {
                // The page may have been left meanwhile.
                let _ = about.try_set(kept(&known));
            }
        });
    }
    view! {
        <section class="participant" aria-label="For you" hidden=!is_one>
            <div class="cards" {..showing(move || cards(&sharing.now()))}></div>
            <details
                class="kept"
                data-testid="kept"
                hidden=move || about.with(|about| about.is_empty())
                {..showing(move || about.get())}
            ></details>
        </section>
    }
}
