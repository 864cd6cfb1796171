//! Pages that have nothing to show but words: empty and error states.

use leptos::prelude::*;
use shared::render::escape::attribute as escaped;
use wasm_bindgen::JsCast;
use web_sys::HtmlButtonElement;

use crate::model::failure::Failure;

/// A few words in the middle of the page.
#[component]
pub fn Notice(
    /// What is the matter.
    title: &'static str,
    /// For the tests.
    #[prop(default = "notice")]
    testid: &'static str,
    /// What to do about it, in HTML: what is not from here is escaped.
    #[prop(into)]
    html: String,
    /// What its button does, when it has one.
    #[prop(optional)]
    on_button: Option<Box<dyn Fn()>>,
) -> impl IntoView {
    let html = format!("<h1>{title}</h1>{html}");
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target();
        let button = target.and_then(|target| target.dyn_into::<HtmlButtonElement>().ok());
        if let (Some(_), Some(on_button)) = (button, &on_button) {
            on_button();
        }
    };
    view! { <section class="notice" data-testid=testid inner_html=html on:click=on_click></section> }
}

/// What failed, what to do, and a button to try again.
#[component]
pub fn FailureNotice(
    /// What could not be done.
    title: &'static str,
    /// Why.
    failure: Failure,
    /// Tries again.
    retry: impl Fn() + Send + 'static,
) -> impl IntoView {
    let html = format!(
        "<p role=alert>{}</p><p>{}</p><button class=\"button primary\">Retry</button>",
        escaped(&failure.what()),
        failure.remedy()
    );
    let retry: Box<dyn Fn()> = Box::new(retry);
    view! { <Notice title testid="error" html on_button=retry /> }
}
