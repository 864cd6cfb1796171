//! What a change would do, and the buttons that do it or leave it.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::dynamic_html;
use crate::model::package_plan::plan_panel;

/// The plan; hidden while there is none. Its heading, `#plan-title`, has the focus when it is there.
#[component]
pub fn PlanPanel(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let planned = page.planned;
    let panel = move || {
        let planned = planned.get();
        planned.map_or_else(Default::default, |it| plan_panel(&it.edit, &it.plan))
    };
    view! {
        <section
            class="add-class"
            aria-labelledby="plan-title"
            data-testid="plan"
            hidden=move || planned.with(Option::is_none)
            {..dynamic_html(panel)}
        ></section>
    }
}
