//! Choosing a notebook by its filename.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::NotebookSummary;

/// A native select with every notebook of the class.
#[component]
pub fn NotebookSelect(
    /// The notebooks by filename.
    notebooks: Signal<Arc<Vec<NotebookSummary>>>,
    /// The chosen one; it stays in the list even when nobody has a copy any more.
    chosen: Signal<Option<String>>,
    /// Called with the filename chosen.
    on_notebook: impl Fn(String) + 'static,
) -> impl IntoView {
    let options = Memo::new(move |_| {
        let notebooks = notebooks.get();
        let chosen = chosen.get();
        let mut options: Vec<(String, String)> = notebooks
            .iter()
            .map(|notebook| {
                let label = format!("{} ({})", notebook.filename, notebook.participants);
                (notebook.filename.clone(), label)
            })
            .collect();
        if let Some(chosen) = chosen
            && options.iter().all(|(filename, _)| *filename != chosen)
        {
            options.push((chosen.clone(), chosen));
        }
        options
    });
    // The options carry their label in the key: a changed count makes a new option.
    let option = move |(filename, label): (String, String)| {
        let value = filename.clone();
        let selected = move || chosen.with(|chosen| chosen.as_deref() == Some(&filename));
        view! {
            <option value=value prop:selected=selected>
                {label}
            </option>
        }
    };
    view! {
        <label class="visually-hidden" for="notebook">
            "Notebook, with the number of participants who have a copy"
        </label>
        <select
            id="notebook"
            class="field notebook-select"
            data-testid="notebook-select"
            hidden=move || options.with(Vec::is_empty)
            on:change=move |event| on_notebook(event_target_value(&event))
        >
            <For each=move || options.get() key=Clone::clone children=option />
        </select>
    }
}
