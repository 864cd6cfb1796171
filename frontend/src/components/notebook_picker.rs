//! The choice of a notebook: a button with its name, and a list to search.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use shared::wire::NotebookSummary;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::html;
use crate::html::{Html, dynamic_html};
use crate::model::notebooks::found;
use crate::model::view::View;
use crate::pages::keyboard::find;
use crate::pages::wall::lower;
use crate::router::Router;
use crate::store::class::ClassStore;

/// The list has so many notebooks; of more, those that are searched for.
const MAX_LISTED: usize = 100;

/// The button, and the list that the browser opens by it and closes.
#[component]
pub fn NotebookPicker(
    /// The notebooks of the class.
    class: ClassStore,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let search = RwSignal::new(String::new());
    let label = Memo::new(move |_| {
        let chosen = router.view().notebook?;
        let all = class.notebooks();
        let known = all.iter().find(|it| it.filename == chosen);
        Some(match known {
            Some(known) => format!("{chosen} ({})", known.participants),
            None => chosen,
        })
    });
    let list = Memo::new(move |_| {
        let (view, all) = (router.view(), class.notebooks());
        let found = search.with(|text| found(&all, text, lower));
        let mut html: Html = found
            .iter()
            .take(MAX_LISTED)
            .map(|notebook| item(router, &view, notebook))
            .collect();
        html.push(match found.len() {
            0 => Html::from_static("<li>No notebook has such a name.</li>"),
            all if all > MAX_LISTED => {
                html!("<li>{} more: search for them.</li>", all - MAX_LISTED)
            }
            _ => Html::default(),
        });
        html
    });
    let open_first = move |event: KeyboardEvent| {
        if event.key() == "Enter"
            && let Some(first) = find("#notebooks a")
        {
            first.click();
        }
    };
    view! {
        <button
            class="button notebook-picker"
            data-testid="notebook-picker"
            popovertarget="notebooks"
            title="Choose a notebook: its name, and how many participants have it"
            hidden=move || label.with(Option::is_none)
        >
            <span>{move || label.get()}</span>
        </button>
        <div
            id="notebooks"
            class="menu"
            popover
            on:click=move |event| close_after_choice(&event)
        >
            <label class="visually-hidden" for="notebook-search">"Search notebooks"</label>
            <input
                id="notebook-search"
                class="field"
                type="search"
                placeholder="Search notebooks"
                autocomplete="off"
                spellcheck="false"
                autofocus
                on:input=move |event| search.set(event_target_value(&event))
                on:keydown=open_first
            />
            <ul {..dynamic_html(move || list.get())}></ul>
        </div>
    }
}

fn item(router: Router, view: &View, notebook: &NotebookSummary) -> Html {
    let is_chosen = view.notebook.as_deref() == Some(&notebook.filename);
    let href = router.wall_href(&View {
        notebook: Some(notebook.filename.clone()),
        ..view.clone()
    });
    html!(
        "<li><a href=\"{}\" data-notebook=\"{}\" aria-current={}>{} <small>{}</small></a></li>",
        href,
        notebook.filename,
        is_chosen,
        notebook.filename,
        notebook.participants
    )
}

/// Closes the list when a notebook was chosen in it.
fn close_after_choice(event: &MouseEvent) {
    let target = event.target();
    let target = target.and_then(|it| it.dyn_into::<Element>().ok());
    let is_choice = target.is_some_and(|it| matches!(it.closest("a"), Ok(Some(_))));
    if is_choice && let Some(list) = find("#notebooks:popover-open") {
        // It fails only for a list that is closed already.
        let _ = list.hide_popover();
    }
}
