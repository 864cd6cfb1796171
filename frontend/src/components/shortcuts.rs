//! The keys, and the dialog that lists them.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::pages::keyboard::on_shortcut;
use crate::theme::ThemeChoice;

/// Counts how often the dialog was asked for; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowShortcuts(RwSignal<u32>);

/// Every key and what it does.
const KEYS: [(&[&str], &str); 11] = [
    (&["/"], "Filter by name"),
    (&["j", "k"], "Next and previous tile or participant"),
    (&["←", "↑", "→", "↓"], "Move among the tiles"),
    (&["Enter"], "Open the whole notebook"),
    (&["Esc"], "Back to the wall; on the wall, clear the filter"),
    (&["h"], "History of a notebook"),
    (&["o", "n"], "Older and newer version"),
    (&["c"], "What changed in it"),
    (&["m"], "Notices, for instructors"),
    (&["t"], "Theme: automatic, light, dark"),
    (&["?"], "This list"),
];

/// The keys of every page, and the dialog.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let theme = expect_context::<ThemeChoice>();
    let ShowShortcuts(asked) = expect_context();
    let dialog = NodeRef::<Dialog>::new();
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
            inner_html=list()
        ></dialog>
    }
}

/// What is in the dialog: nothing in it ever changes, and text is a fraction of the code
/// that views of it would be.
fn list() -> String {
    let mut html = String::from("<h2 id=\"shortcuts-title\">Keyboard shortcuts</h2><dl>");
    for (keys, meaning) in KEYS {
        html.push_str("<dt>");
        for key in keys {
            html.push_str("<kbd>");
            html.push_str(key);
            html.push_str("</kbd>");
        }
        html.push_str("</dt><dd>");
        html.push_str(meaning);
        html.push_str("</dd>");
    }
    html.push_str(
        "</dl><form method=\"dialog\"><button class=\"button primary\">Close</button></form>",
    );
    html
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
