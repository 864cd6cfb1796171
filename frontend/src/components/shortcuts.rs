//! The keys, and the dialog that lists them; who is signed in stands there, too.

use leptos::ev::MouseEvent;
use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html;
use crate::html::{Html, holding};
use crate::pages::keyboard::{find, on_shortcut};
use crate::session::Session;
use crate::theme::ThemeChoice;

/// Counts how often the dialog was asked for; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowShortcuts(RwSignal<u32>);

/// Every key and what it does.
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
    (&["d"], "Hand a notebook out, for instructors"),
    (&["t"], "Theme: automatic, light, dark"),
    (&["?"], "This list"),
];

/// The keys of every page, and the dialog.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let theme = expect_context::<ThemeChoice>();
    let session = expect_context::<Session>();
    let ShowShortcuts(asked) = expect_context();
    let dialog = NodeRef::<Dialog>::new();
    let user = session.who_untracked().map(|who| who.user);
    let clicked = move |event: MouseEvent| {
        let target = event.target();
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.id() == SIGN_OUT) {
            session.sign_out(tell_why_not);
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
            {..holding(list(user.as_deref().unwrap_or_default()))}
            on:click=clicked
        ></dialog>
    }
}

/// The button that signs out, and the place for why it could not be done.
const SIGN_OUT: &str = "sign-out";
const SIGN_OUT_TROUBLE: &str = "sign-out-trouble";

fn tell_why_not(why: &str) {
    if let Some(place) = find(&format!("#{SIGN_OUT_TROUBLE}")) {
        place.set_text_content(Some(&format!("You are still signed in. {why}")));
    }
}

/// What is in the dialog: nothing in it ever changes, and text is a fraction of the code
/// that views of it would be.
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

/// Opens the list for those without a keyboard, and tells the others that it exists.
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
