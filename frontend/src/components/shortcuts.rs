//! The shortcuts of every page, and the dialog that lists all shortcuts and names the signed-in
//! user.

use leptos::ev::MouseEvent;
use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html;
use crate::html::{Html, static_html};
use crate::pages::keyboard::{find, on_shortcut};
use crate::session::SessionHandle;
use crate::theme::ThemeChoice;

/// Counts the requests to open the dialog; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowShortcuts(RwSignal<u32>);

/// Every key and its action.
const KEYS: [(&[&str], &str); 14] = [
    (&["/"], "Filter by name"),
    (&["j", "k"], "Next and previous tile or participant"),
    (&["←", "↑", "→", "↓"], "Move among the tiles"),
    (&["Enter"], "Open the whole notebook"),
    (&["Esc"], "Back to the wall; on the wall, clear the filter"),
    (&["h"], "History of a notebook"),
    (&["o", "n"], "Older and newer version"),
    (&["c"], "What changed in it"),
    (&["n"], "Newest cell of what is followed"),
    (&["u"], "Newer version of a summary or an export"),
    (&["m"], "Notices, for instructors"),
    (&["d"], "Hand out a notebook or a file, for instructors"),
    (&["t"], "Theme: automatic, light, dark"),
    (&["?"], "This list"),
];

/// The shortcuts of every page, and the dialog.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let theme = expect_context::<ThemeChoice>();
    let session = expect_context::<SessionHandle>();
    let ShowShortcuts(asked) = expect_context();
    let dialog = NodeRef::<Dialog>::new();
    let user = session.who_untracked().map(|who| who.user);
    let clicked = move |event: MouseEvent| {
        let target = event.target();
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.id() == SIGN_OUT) {
            session.sign_out(show_sign_out_failure);
        }
    };
    on_shortcut(move |key| {
        match key {
            "?" => asked.update(|asked| *asked += 1),
            "t" => theme.advance(),
            _ => return false,
        }
        true
    });
    Effect::new(move || {
        if asked.get() > 0
            && let Some(dialog) = dialog.get_untracked()
            && !dialog.open()
        {
            // It fails only for a dialog that is not in the page.
            let _ = dialog.show_modal();
        }
    });
    view! {
        <dialog
            node_ref=dialog
            class="shortcuts"
            aria-labelledby="shortcuts-title"
            {..static_html(list(user.as_deref().unwrap_or_default()))}
            on:click=clicked
        ></dialog>
    }
}

/// The id of the button that signs out.
const SIGN_OUT: &str = "sign-out";
/// The id of the element for the reason why signing out failed.
const SIGN_OUT_TROUBLE: &str = "sign-out-trouble";

fn show_sign_out_failure(reason: &str) {
    if let Some(place) = find(&format!("#{SIGN_OUT_TROUBLE}")) {
        place.set_text_content(Some(&format!("You are still signed in. {reason}")));
    }
}

/// The content of the dialog. It never changes, so it is written as text, which is a fraction of
/// the code of a view.
fn list(user: &str) -> Html {
    let rows = KEYS.iter().map(|(keys, meaning)| {
        let keys: Html = keys.iter().map(|key| html!("<kbd>{}</kbd>", key)).collect();
        html!("<dt>{}</dt><dd>{}</dd>", keys, meaning)
    });
    html!(
        "<h2 id=\"shortcuts-title\">Keyboard shortcuts</h2><dl>{}</dl>\
         <p id={} role=alert></p><form method=dialog><span>Signed in as {}</span>\
         <button type=button class=button id={}>Sign out</button>\
         <button class=\"button primary\" autofocus>Close</button></form>",
        rows.collect::<Html>(),
        SIGN_OUT_TROUBLE,
        user,
        SIGN_OUT
    )
}

/// A button that opens the dialog: for readers without a keyboard, and to show that it exists.
#[component]
pub fn ShortcutsButton() -> impl IntoView {
    let ShowShortcuts(asked) = expect_context();
    let open = move |_| asked.update(|asked| *asked += 1);
    view! {
        <button class="button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" on:click=open>
            "?"
        </button>
    }
}
