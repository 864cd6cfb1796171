//! The shortcuts of every page, and the dialog that lists all shortcuts.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::html;
use crate::html::{Html, static_html};
use crate::pages::keyboard::on_shortcut;
use crate::theme::ThemeChoice;

/// Counts the requests to open the dialog; a context of all pages.
#[derive(Clone, Copy, Default)]
pub struct ShowShortcuts(RwSignal<u32>);

/// Every key and its action.
const KEYS: [(&[&str], &str); 15] = [
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
    (&["q"], "The queue of those who ask for help"),
    (&["m"], "Notices, for instructors"),
    (&["d"], "Hand out a notebook or a file, for instructors"),
    (&["t"], "Theme: automatic, light, dark"),
    (&["?"], "This list"),
];

/// The shortcuts of every page, and the dialog.
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
            {..static_html(list())}
        ></dialog>
    }
}

/// The content of the dialog. It never changes, so it is written as text, which is a fraction of
/// the code of a view.
fn list() -> Html {
    let rows = KEYS.iter().map(|(keys, meaning)| {
        let keys: Html = keys.iter().map(|key| html!("<kbd>{}</kbd>", key)).collect();
        html!("<dt>{}</dt><dd>{}</dd>", keys, meaning)
    });
    html!(
        "<h2 id=\"shortcuts-title\">Keyboard shortcuts</h2><dl>{}</dl>\
         <form method=dialog><button class=\"button primary\" autofocus>Close</button></form>",
        rows.collect::<Html>()
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
