//! Pages that have nothing to show but words: empty and error states.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlButtonElement;

use crate::html;
use crate::html::{Html, holding};
use crate::model::failure::Failure;

/// A few words in the middle of the page.
#[component]
pub fn Notice(
    /// What is the matter.
    title: &'static str,
    /// For the tests.
    #[prop(default = "notice")]
    testid: &'static str,
    /// What to do about it.
    html: Html,
    /// What its button does, when it has one.
    #[prop(optional)]
    on_button: Option<Box<dyn Fn()>>,
) -> impl IntoView {
    let html = html!("<h1>{}</h1>{}", title, html);
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target();
        let button = target.and_then(|target| target.dyn_into::<HtmlButtonElement>().ok());
        if let (Some(_), Some(on_button)) = (button, &on_button) {
            on_button();
        }
    };
    view! { <section class="notice" {..holding(html)} data-testid=testid on:click=on_click></section> }
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
    let html = html!(
        "<p role=alert>{}</p><p>{}</p><button class=\"button primary\">Retry</button>",
        failure.what(),
        Html::own(failure.remedy())
    );
    let retry: Box<dyn Fn()> = Box::new(retry);
    view! { <Notice title testid="error" html on_button=retry /> }
}
