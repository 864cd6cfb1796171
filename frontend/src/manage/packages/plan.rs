//! What a change would do, and the buttons that do it or leave it.

use std::sync::Arc;

use leptos::prelude::*;

use super::controller::{PackagesController, PlannedEdit};
use crate::html::{Html, dynamic_html};
use crate::model::packages;

/// The id of its heading, which has the focus when the plan is there.
pub(super) const TITLE: &str = "plan-title";

/// The plan; hidden while there is none.
#[component]
pub fn PlanPanel(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let planned = page.planned;
    let text = move |say: fn(&PlannedEdit) -> String| {
        move || {
            let planned: Option<Arc<PlannedEdit>> = planned.get();
            planned.map_or_else(String::new, |planned| say(&planned))
        }
    };
    let of_plan = move |draw: fn(&PlannedEdit) -> Html| {
        let memo = Memo::new(move |_| planned.get().map(|planned| draw(&planned)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let has_changes = Memo::new(move |_| {
        let planned = planned.get();
        planned.is_some_and(|it| !it.plan.changes.is_empty() && it.plan.conflict.is_none())
    });
    let may_install = Memo::new(move |_| {
        let planned = planned.get();
        planned.is_some_and(|it| it.plan.conflict.is_none())
    });
    let is_running = Memo::new(move |_| page.log.with(|log| log.is_running()));
    view! {
        <section
            class="add-class"
            aria-labelledby=TITLE
            data-testid="plan"
            hidden=move || planned.with(Option::is_none)
        >
            <h2 id=TITLE tabindex="-1">
                "Plan: "
                {text(|it| packages::edit_title(&it.edit))}
            </h2>
            <p data-testid="plan-headline">{text(|it| packages::plan_headline(&it.plan))}</p>
            <div data-testid="plan-remarks" {..of_plan(|it| packages::plan_remarks(&it.plan))}></div>
            <table class="setup-table changes-table" role="table" hidden=move || !has_changes.get()>
                <caption class="visually-hidden">"What would become of each package"</caption>
                <ChangesHead />
                <tbody
                    role="rowgroup"
                    data-testid="plan-changes"
                    {..of_plan(|it| packages::changes(&it.plan.changes))}
                ></tbody>
            </table>
            <details hidden=move || !may_install.get()>
                <summary>"requirements.txt after it"</summary>
                <pre tabindex="0" role="region" aria-label="requirements.txt after it">
                    {text(|it| packages::file_after(&it.plan))}
                </pre>
            </details>
            <p class="add-actions">
                <button
                    class="button primary"
                    data-testid="packages-install"
                    data-do="apply"
                    hidden=move || !may_install.get()
                    prop:disabled=move || is_running.get() || page.is_applying.get()
                >
                    {text(|it| if it.edit.add.is_empty() { "Remove" } else { "Install" }.to_owned())}
                </button>
                <button class="button" data-testid="packages-cancel" data-do="cancel">
                    "Cancel"
                </button>
                <span class="hint" hidden=move || !is_running.get()>
                    "Another change is being made: this one can be made when it has ended."
                </span>
            </p>
        </section>
    }
}

/// The heads of a table of changes.
#[component]
pub fn ChangesHead() -> impl IntoView {
    const HEADS: &str = "<tr role=row><th scope=col role=columnheader>Package</th>\
        <th scope=col role=columnheader>What</th><th scope=col role=columnheader>Before</th>\
        <th scope=col role=columnheader>After</th></tr>";
    view! { <thead role="rowgroup" {..crate::html::static_html(Html::from_static(HEADS))}></thead> }
}
