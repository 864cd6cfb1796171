//! The messages of empty and error states.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlButtonElement;

use crate::html;
use crate::html::{Html, static_html};
use crate::model::failure::RequestFailure;

/// A message in the middle of the page.
#[component]
pub fn Notice(
    /// The heading.
    title: &'static str,
    /// The `data-testid` of the message.
    #[prop(default = "notice")]
    testid: &'static str,
    /// The text below the heading, with the remedy.
    html: Html,
    /// The action of the button, if the message has one.
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
    view! { <section class="notice" {..static_html(html)} data-testid=testid on:click=on_click></section> }
}

/// A failure with its remedy and a button that retries.
#[component]
pub fn FailureNotice(
    /// The heading: which action failed.
    title: &'static str,
    /// The reason.
    failure: RequestFailure,
    /// Retries the action.
    retry: impl Fn() + Send + 'static,
) -> impl IntoView {
    let html = html!(
        "<p role=alert>{}</p><p>{}</p><button class=\"button primary\">Retry</button>",
        failure.message(),
        Html::from_static(failure.remedy())
    );
    let retry: Box<dyn Fn()> = Box::new(retry);
    view! { <Notice title testid="error" html on_button=retry /> }
}
