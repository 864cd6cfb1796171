//! Signing in to a service without a Hub.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;

use crate::model::token;
use crate::session::Session;

/// Asks for the token of the printed link.
#[component]
pub fn LoginPage(
    /// The last token was wrong.
    refused: bool,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let field = NodeRef::<Input>::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let pasted = field.get_untracked().map(|field| field.value());
        if let Some(token) = pasted.as_deref().and_then(token::from_paste) {
            session.login(token.to_owned());
        }
    };
    view! {
        <main class="notice" data-testid="login">
            <h1>"Open the link that pipalhub serve printed"</h1>
            <p>
                "It looks like " <code>"http://127.0.0.1:PORT/#token=…"</code>
                " and signs you in. You can also paste the link, or only its token, here:"
            </p>
            <form class="login-form" on:submit=submit>
                <label for="token">"Link or token"</label>
                <input
                    id="token"
                    node_ref=field
                    type="password"
                    autocomplete="off"
                    required
                    aria-invalid=refused.then_some("true")
                    aria-describedby="token-refused"
                />
                <button type="submit" class="button primary">"Sign in"</button>
            </form>
            <p id="token-refused" class="refused" role="alert">
                {refused
                    .then_some(
                        "That token is not the right one. Each start of pipalhub serve makes a new one: use the latest link.",
                    )}
            </p>
        </main>
    }
}
