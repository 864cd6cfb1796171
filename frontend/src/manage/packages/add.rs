//! The field for requirements, which says at once what of it is none.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::dynamic_html;
use crate::model::packages;

/// The field, what is wrong in it, and the button that asks for the plan.
#[component]
pub fn AddPackages(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let typed = page.typed;
    let bad = Memo::new(move |_| typed.with(packages::unreadable));
    let is_bad = Memo::new(move |_| typed.with(|typed| !typed.bad.is_empty()));
    let may_plan = Memo::new(move |_| typed.with(|typed| !typed.good.is_empty()));
    let is_image = Memo::new(move |_| page.is_image());
    view! {
        <section class="add-class" aria-labelledby="add-title">
            <h2 id="add-title">"Add packages"</h2>
            <label class="class-field">
                <span>"Names, with versions where they matter: one a line, or with spaces between"</span>
                <textarea
                    id="packages-text"
                    rows="3"
                    spellcheck="false"
                    autocomplete="off"
                    autocapitalize="off"
                    placeholder="numpy\npandas>=2,<3"
                    data-testid="packages-text"
                    aria-describedby="packages-typed"
                    aria-invalid=move || is_bad.get().then_some("true")
                    prop:value=move || page.text.get()
                    on:input=move |event| page.type_text(event_target_value(&event))
                ></textarea>
            </label>
            <div id="packages-typed" data-testid="packages-typed">
                <p role="status">{move || typed.with(packages::typed_headline)}</p>
                <div class="bad-lines" {..dynamic_html(move || bad.get())}></div>
            </div>
            <p class="add-actions" hidden=move || is_image.get()>
                <button
                    class="button primary"
                    data-testid="packages-plan"
                    data-do="plan"
                    prop:disabled=move || !may_plan.get() || page.is_planning.get()
                >
                    {move || if page.is_planning.get() { "Planning …" } else { "Plan" }}
                </button>
                <span class="hint">"Shows what would change, and changes nothing."</span>
            </p>
        </section>
    }
}
