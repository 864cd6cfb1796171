//! The menu at the right end of every bar: who is signed in, the ways to the pages
//! for running a class and to the Hub, and signing out.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::wire::SessionResponse;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html;
use crate::html::{Html, static_html};
use crate::pages::keyboard::find;
use crate::session::SessionHandle;

/// The id of the button that signs out.
const SIGN_OUT: &str = "sign-out";
/// The id of the element for the reason why signing out failed.
const SIGN_OUT_TROUBLE: &str = "sign-out-trouble";

/// A button with the first letter of the user's name, and the menu that the browser opens by it
/// and closes.
#[component]
pub fn AccountMenu(
    /// The ways to more pages.
    #[prop(optional)]
    more: Html,
) -> impl IntoView {
    let session = expect_context::<SessionHandle>();
    let who = session.who_untracked();
    let clicked = move |event: MouseEvent| {
        let target = event.target();
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.id() == SIGN_OUT) {
            session.sign_out(show_sign_out_failure);
        }
    };
    view! {
        <span
            class="contents"
            {..static_html(who.map_or_else(Html::default, |who| menu(&who, &more)))}
            on:click=clicked
        ></span>
    }
}

fn menu(who: &SessionResponse, more: &Html) -> Html {
    let setup = match who.role.sees_everyone() {
        true => Html::from_static(
            "<a class=button href=users>Users</a><a class=button href=packages>Packages</a>\
             <a class=button href=setup>Setup</a>",
        ),
        false => Html::default(),
    };
    let hub = who.hub_url.as_ref().map_or_else(Html::default, |url| {
        html!("<a class=button rel=external href=\"{}\">Hub</a>", url)
    });
    let letter: String = who.user.chars().take(1).collect();
    html!(
        "<button class=\"button account\" popovertarget=account aria-label=Account title=\"Signed \
         in as {}\">{}</button><div id=account popover><p>Signed in as {}</p><p id={} role=alert>\
         </p>{}{}{}<button class=button id={}>Sign out</button></div>",
        who.user,
        letter,
        who.user,
        SIGN_OUT_TROUBLE,
        more,
        setup,
        hub,
        SIGN_OUT
    )
}

fn show_sign_out_failure(reason: &str) {
    if let Some(place) = find(&format!("#{SIGN_OUT_TROUBLE}")) {
        place.set_text_content(Some(&format!("You are still signed in. {reason}")));
    }
}
