//! The part above a participant's own notebooks. [`crate::model::participant`] writes its HTML.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::sharing::AboutResponse;

use crate::api;
use crate::html::{Html, dynamic_html};
use crate::model::participant::{cards, retention};
use crate::paths;
use crate::session::SessionHandle;
use crate::store::sharing::SharingStore;

/// The notebook and summaries shared with the signed-in participant, and how much is kept about
/// them; hidden for helpers and instructors.
#[component]
pub fn ParticipantPart() -> impl IntoView {
    let session = expect_context::<SessionHandle>();
    let sharing = expect_context::<SharingStore>();
    let who = session.who_untracked();
    let is_one = who.is_some_and(|who| !who.role.sees_everyone());
    let about = RwSignal::new(Html::default());
    if is_one {
        spawn_local(async move {
            let answer = api::text(paths::ABOUT, None, "").await;
            // Without an answer the section stays hidden.
            if let Ok(known) = answer.and_then(|body| api::read::<AboutResponse>(&body)) {
                // The page may have been left meanwhile.
                let _ = about.try_set(retention(&known));
            }
        });
    }
    view! {
        <section class="participant" aria-label="For you" hidden=!is_one>
            <div class="cards" {..dynamic_html(move || cards(&sharing.current()))}></div>
            <details
                class="kept"
                data-testid="kept"
                hidden=move || about.with(|about| about.is_empty())
                {..dynamic_html(move || about.get())}
            ></details>
        </section>
    }
}
