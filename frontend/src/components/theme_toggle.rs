//! The button that changes the theme.

use leptos::prelude::*;

use crate::html;
use crate::html::{Html, dynamic_html};
use crate::model::theme::Theme;
use crate::theme::ThemeChoice;

/// An icon: a disc, half of it dark.
const HALF_MOON: &str = "<svg viewBox=\"0 0 16 16\" width=\"14\" height=\"14\" aria-hidden=\"true\">\
    <circle cx=\"8\" cy=\"8\" r=\"6.25\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>\
    <path d=\"M8 2a6 6 0 0 1 0 12z\" fill=\"currentColor\"/></svg>";

/// A button that goes from automatic to light to dark.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let theme = expect_context::<ThemeChoice>();
    let name = move || match theme.get() {
        Theme::Auto => "Auto",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    };
    view! {
        <button
            class="button theme-toggle"
            aria-label=move || format!("Theme: {}", name())
            title="Light, dark or as the system has it (t)"
            on:click=move |_| theme.advance()
            {..dynamic_html(move || html!("{}{}", Html::from_static(HALF_MOON), name()))}
        >
        </button>
    }
}
