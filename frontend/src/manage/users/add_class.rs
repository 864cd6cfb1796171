//! The field for a class, which says of each line whether it can be used.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::controller::UsersController;
use crate::html::{Html, dynamic_html};
use crate::model::users;

/// The field for a class, what is wrong with it, and the button that adds it.
#[component]
pub fn AddClass(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let preview = page.preview;
    let good = Memo::new(move |_| preview.with(|it| it.as_ref().map_or(0, |it| it.users.len())));
    let headline = move || {
        preview.with(|it| {
            it.as_ref()
                .map_or_else(String::new, |it| users::preview_headline(it))
        })
    };
    let lines = Memo::new(move |_| {
        preview.with(|it| {
            it.as_ref()
                .map_or_else(Html::default, |it| users::preview(it))
        })
    });
    let progress = move || {
        page.import
            .get()
            .filter(|it| !it.is_done())
            .map(|it| (it.done, it.of))
    };
    let is_running = Memo::new(move |_| progress().is_some());
    let refused = Memo::new(move |_| {
        let import = page.import.get().filter(|it| !it.refused.is_empty());
        import.map_or_else(Html::default, |it| users::refused(&it.refused))
    });
    view! {
        <section class="add-class" aria-label="Add users">
            <label class="class-field">
                <span>"Add users: a name a line, name and password, or a table with a header"</span>
                <textarea
                    id="class-text"
                    rows="4"
                    spellcheck="false"
                    autocomplete="off"
                    data-testid="class-text"
                    aria-describedby="class-preview"
                    prop:value=move || page.text.get()
                    prop:disabled=move || is_running.get()
                    on:input=move |event| page.typed(event_target_value(&event))
                ></textarea>
            </label>
            <p class="add-hint">
                {move || page.accounts.with(users::password_hint)}
                <label class="button small">
                    "Choose a file"
                    <input
                        type="file"
                        class="visually-hidden"
                        accept=".csv,.txt,.tsv,text/plain,text/csv"
                        data-testid="class-file"
                        on:change=move |event| {
                            let input = event.target();
                            if let Some(input) = input.and_then(|it| it.dyn_into().ok()) {
                                page.read_file(input);
                            }
                        }
                    />
                </label>
            </p>
            <div id="class-preview" data-testid="class-preview">
                <p role="status">{headline}</p>
                <div class="bad-lines" {..dynamic_html(move || lines.get())}></div>
            </div>
            <button
                class="button primary"
                data-testid="class-add"
                hidden=move || good.get() == 0
                aria-disabled=move || is_running.get().then_some("true")
                on:click=move |_| page.import()
            >
                {move || match is_running.get() {
                    true => "Adding …".to_owned(),
                    false => format!("Add {}", good.get()),
                }}
            </button>
            <p role="status" hidden=move || !is_running.get() data-testid="class-progress">
                <progress
                    aria-label="Users who are added"
                    max=move || progress().map_or(1, |it| it.1)
                    value=move || progress().map_or(0, |it| it.0)
                ></progress>
                {move || progress().map_or_else(String::new, |(done, of)| format!(" {done} of {of}"))}
            </p>
            <div class="bad-lines" data-testid="class-refused" {..dynamic_html(move || refused.get())}></div>
        </section>
    }
}
