//! The part above a participant's own notebooks. [`crate::model::participant`] writes its HTML.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::sharing::{AboutResponse, HistoryBounds};

use super::help::NotePart;
use crate::api;
use crate::fields::AnswerFields;
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
            if let Ok(fields) = answer.and_then(|body| AnswerFields::read(&body)) {
                // The page may have been left meanwhile.
                let _ = about.try_set(retention(&about_of(&fields)));
            }
        });
    }
    view! {
        <section class="participant" aria-label="For you" hidden=!is_one>
            {is_one.then(|| view! { <NotePart /> })}
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

fn about_of(fields: &AnswerFields) -> AboutResponse {
    let bounds = fields.object("history");
    let number = |fields: &AnswerFields, name| fields.number(name).unwrap_or_default();
    AboutResponse {
        events: number(fields, "events").try_into().unwrap_or_default(),
        history: fields.is("history").then(|| HistoryBounds {
            days: number(&bounds, "days").try_into().unwrap_or_default(),
            mib: number(&bounds, "mib").try_into().unwrap_or_default(),
        }),
        private_tag: fields.text("private_tag").unwrap_or_default(),
    }
}
