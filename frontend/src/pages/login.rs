//! Signing in to a service without a Hub.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::keyboard::find;
use crate::html;
use crate::html::static_html;
use crate::model::token;
use crate::session::SessionHandle;

/// Asks for the token of the printed link.
#[component]
pub fn LoginPage(
    /// The last token was wrong.
    refused: bool,
) -> impl IntoView {
    let session = expect_context::<SessionHandle>();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let field = find("#token").and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
        let pasted = field.map(|field| field.value());
        if let Some(token) = pasted.as_deref().and_then(token::from_paste) {
            session.login(token.to_owned());
        }
    };
    let wrong = match refused {
        true => {
            "That token is not the right one. Each start of pipalhub serve makes a new one: \
                 use the latest link."
        }
        false => "",
    };
    let html = html!(
        "<h1>Open the link that pipalhub serve printed</h1><p>It looks like \
         <code>http://127.0.0.1:PORT/#token=…</code> and signs you in. You can also paste the \
         link, or only its token, here:</p><form class=login-form><label for=token>Link or \
         token</label><input id=token type=password autocomplete=off required \
         aria-invalid={} aria-describedby=token-refused>\
         <button class=\"button primary\">Sign in</button></form>\
         <p id=token-refused class=refused role=alert>{}</p>",
        refused,
        wrong
    );
    view! { <main class="notice" data-testid="login" {..static_html(html)} on:submit=submit></main> }
}
