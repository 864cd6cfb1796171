//! What was asked for, and everything that is installed.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::{dynamic_html, static_html};
use crate::model::packages;

/// What was asked for, and what changes it.
#[component]
pub fn RequirementList(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        let list = page.list.get();
        let rows = list.map(|list| packages::requirements(&list, page.may_change));
        rows.unwrap_or_default()
    });
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let heads: &[&str] = match page.may_change {
        true => &["Asked for", "Installed", "Change"],
        false => &["Asked for", "Installed"],
    };
    view! {
        <section aria-labelledby="asked-title">
            <h2 id="asked-title" class="list-title" tabindex="-1">"Asked for, in requirements.txt"</h2>
            <p class="setup-none" hidden=move || !is_empty.get()>
                "Nothing yet."
            </p>
            <table
                class="setup-table requirements-table"
                role="table"
                data-testid="requirements"
                hidden=move || is_empty.get()
            >
                <caption class="visually-hidden">"What was asked for, and what is installed of it"</caption>
                <thead role="rowgroup" {..static_html(packages::table_head(heads))}></thead>
                <tbody role="rowgroup" {..dynamic_html(move || rows.get())}></tbody>
            </table>
        </section>
    }
}

/// Everything that is installed, with a field that finds in it.
#[component]
pub fn InstalledList(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let sought = RwSignal::new(String::new());
    let found = Memo::new(move |_| {
        let list = page.list.get()?;
        let found = packages::found(&list, &sought.get());
        let headline = packages::found_headline(found.len(), list.installed.len());
        Some((headline, packages::installed(&found)))
    });
    let headline = move || found.with(|it| it.as_ref().map(|it| it.0.clone()));
    let rows = move || found.with(|it| it.as_ref().map(|it| it.1.clone()).unwrap_or_default());
    let is_empty = Memo::new(move |_| rows().is_empty());
    view! {
        <section aria-labelledby="installed-title">
            <h2 id="installed-title" class="list-title">"Installed"</h2>
            <div class="setup-bar">
                <label>
                    "Find"
                    <input
                        type="search"
                        class="field"
                        autocomplete="off"
                        data-testid="packages-find"
                        prop:value=move || sought.get()
                        on:input=move |event| sought.set(event_target_value(&event))
                    />
                </label>
                <p role="status" data-testid="packages-found">{headline}</p>
            </div>
            <table class="setup-table installed-table" role="table" hidden=move || is_empty.get()>
                <caption class="visually-hidden">"Everything that participants can import"</caption>
                <thead role="rowgroup" {..static_html(packages::table_head(&["Name", "Version", "What it is"]))}></thead>
                <tbody role="rowgroup" data-testid="installed" {..dynamic_html(rows)}></tbody>
            </table>
        </section>
    }
}
