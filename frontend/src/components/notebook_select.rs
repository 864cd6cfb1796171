//! The select of a notebook by its filename.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::NotebookSummary;

use crate::html;
use crate::html::{Html, dynamic_html};

/// A native select with every notebook of the class.
#[component]
pub fn NotebookSelect(
    /// The notebooks by filename.
    notebooks: Signal<Arc<Vec<NotebookSummary>>>,
    /// The chosen notebook; it stays in the list even when no participant has a copy any more.
    chosen: Signal<Option<String>>,
    /// Called with the filename chosen.
    on_notebook: impl Fn(String) + 'static,
) -> impl IntoView {
    let options = Memo::new(move |_| {
        let notebooks = notebooks.get();
        let chosen = chosen.get();
        let mut html = Html::default();
        let mut option = |filename: &str, label: &str| {
            let selected = match chosen.as_deref() == Some(filename) {
                true => " selected",
                false => "",
            };
            html.push(html!(
                "<option value=\"{}\"{}>{}</option>",
                filename,
                selected,
                label
            ));
        };
        for notebook in notebooks.iter() {
            let label = format!("{} ({})", notebook.filename, notebook.participants);
            option(&notebook.filename, &label);
        }
        if let Some(chosen) = &chosen
            && notebooks
                .iter()
                .all(|notebook| notebook.filename != *chosen)
        {
            option(chosen, chosen);
        }
        html
    });
    view! {
        <label class="visually-hidden" for="notebook">
            "Notebook, with the number of participants who have a copy"
        </label>
        <select
            id="notebook"
            class="field notebook-select"
            data-testid="notebook-select"
            hidden=move || options.with(|options| options.is_empty())
            on:change=move |event| on_notebook(event_target_value(&event))
            {..dynamic_html(move || options.get())}
        ></select>
    }
}
