//! The lines that put packages into the image of participants' servers.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::static_html;
use crate::model::packages;

/// The lines, the button that copies them, and what to do with them.
#[component]
pub fn ImageLines(
    /// The page.
    page: PackagesController,
    /// The image, where there is one for all.
    image: Option<String>,
    /// What starts servers.
    spawner: String,
) -> impl IntoView {
    let steps = packages::image_steps(image.as_deref(), &spawner);
    let is_empty = Memo::new(move |_| page.typed.with(|typed| typed.good.is_empty()));
    let lines = move || {
        page.typed
            .with(|typed| packages::dockerfile(image.as_deref(), &typed.good))
    };
    view! {
        <section
            class="add-class"
            aria-labelledby="image-title"
            data-testid="image-lines"
            hidden=move || is_empty.get()
        >
            <h2 id="image-title">"For the image"</h2>
            <div class="dockerfile">
                <pre tabindex="0" role="region" aria-label="Lines for the Dockerfile">
                    <code>{lines}</code>
                </pre>
                <button class="button small" data-do="copy" aria-describedby="image-title">
                    "Copy"
                </button>
            </div>
            <div {..static_html(steps)}></div>
        </section>
    }
}
