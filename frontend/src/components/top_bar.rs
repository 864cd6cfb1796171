//! The bar above the wall.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::{NotebookSummary, SessionResponse};

use super::account_menu::AccountMenu;
use super::live_pill::LivePill;
use super::notebook_select::NotebookSelect;
use super::notice_button::NoticeButton;
use super::sharing::ShareToggle;
use super::shortcuts::ShortcutsButton;
use super::theme_toggle::ThemeToggle;
use crate::html;
use crate::html::{Html, dynamic_html, static_html};
use crate::model::stream::LiveState;
use crate::model::view::View;
use crate::model::wall::{Sort, WallCounts, participants};
use crate::pages::handouts::HandoutController;
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;

/// The controls for the notebook, the filter and the order, and the counts of the tiles.
#[component]
pub fn TopBar(
    /// The state in the URL.
    #[prop(into)]
    view: Signal<View>,
    /// The notebooks of the class.
    notebooks: Signal<Arc<Vec<NotebookSummary>>>,
    /// The signed-in user.
    who: Signal<Option<SessionResponse>>,
    /// The counts of the tiles.
    #[prop(into)]
    counts: Signal<WallCounts>,
    /// The state of the stream.
    live: Signal<LiveState>,
    /// Called with the filename chosen.
    on_notebook: impl Fn(String) + 'static,
    /// Called with the text of the filter as it is typed.
    on_filter: impl Fn(String) + 'static,
    /// Called with the order chosen.
    on_sort: impl Fn(Sort) + 'static,
) -> impl IntoView {
    let sees_everyone = move || who.get().is_some_and(|who| who.role.sees_everyone());
    let own = Signal::derive(move || who.get().is_some() && !sees_everyone());
    let sort = move || {
        Html::from_static(match view.with(|view| view.sort) {
            Sort::Name => {
                "<option value=name selected>By name<option value=recent>Last saved first"
            }
            Sort::Recent => {
                "<option value=name>By name<option value=recent selected>Last saved first"
            }
        })
    };
    let choose_sort = move |event| {
        on_sort(match event_target_value(&event).as_str() {
            "recent" => Sort::Recent,
            _ => Sort::Name,
        });
    };
    view! {
        <header class="top-bar">
            <Brand own />
            <div class="controls" role="search" aria-label="What the wall shows">
                <NotebookSelect
                    notebooks
                    chosen=Signal::derive(move || view.get().notebook)
                    on_notebook
                />
                <div class="narrow-down" hidden=own>
                    <label class="visually-hidden" for="filter">"Filter by name"</label>
                    <input
                        id="filter"
                        class="field filter"
                        type="search"
                        placeholder="Filter by name"
                        title="Only participants whose name contains this (/)"
                        autocomplete="off"
                        spellcheck="false"
                        prop:value=move || view.get().filter
                        on:input=move |event| on_filter(event_target_value(&event))
                        on:keydown=leave_on_escape
                    />
                    <label class="visually-hidden" for="sort">"Order"</label>
                    <select id="sort" class="field" {..dynamic_html(sort)} on:change=choose_sort></select>
                </div>
            </div>
            <Summary counts own />
            <div class="bar-end">
                <LivePill live />
                <NoticeButton hidden=own />
                <HandoutButton />
                <ThemeToggle />
                <ShortcutsButton />
                <ShareToggle view />
                <BuildLinks
                    chosen=Signal::derive(move || view.get().notebook)
                    sees_everyone=Signal::derive(sees_everyone)
                />
                <AccountMenu />
            </div>
        </header>
    }
}

/// On Escape, leaves the field and keeps its text; a second Escape, outside of the field, clears
/// it.
fn leave_on_escape(event: leptos::ev::KeyboardEvent) {
    use wasm_bindgen::JsCast;
    if event.key() != "Escape" {
        return;
    }
    event.prevent_default();
    let field = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(field) = field {
        // It fails only if the field is gone.
        let _ = field.blur();
    }
}

/// The product's name, and for a participant a note that the notebooks are their own.
#[component]
fn Brand(
    /// A participant is signed in, who sees only their own notebooks.
    own: Signal<bool>,
) -> impl IntoView {
    const LEAF: &str = "<svg viewBox=\"0 0 32 32\" width=\"22\" height=\"22\" aria-hidden=\"true\">\
        <path class=\"leaf\" d=\"M16 3c7 4 10.5 9 10.5 14 0 4.7-4 7.5-8 7h-5c-4 .5-8-2.3-8-7C5.5 \
        12 9 7 16 3z\"/><path class=\"vein\" d=\"M16 11v18M16 16l4.5-3.500M16 20.500L11.5 17\"/></svg>\
        <h1>PipalHub</h1>";
    const OWN: &str = "<p class=\"own\">Your notebooks, as the instructor sees them</p>";
    let html = move || {
        let own = if own.get() { OWN } else { "" };
        html!("{}{}", Html::from_static(LEAF), Html::from_static(own))
    };
    view! { <div class="brand" {..dynamic_html(html)}></div> }
}

/// The counts of the tiles.
#[component]
fn Summary(
    /// The counts.
    counts: Signal<WallCounts>,
    /// A participant is signed in, whose wall has only one tile to count.
    own: Signal<bool>,
) -> impl IntoView {
    let html = Memo::new(move |_| {
        let counts = counts.get();
        if own.get() || counts.participants == 0 {
            return Html::default();
        }
        let class = if counts.errors > 0 {
            " class=has-errors"
        } else {
            ""
        };
        html!(
            "<span>{}</span><span{}>{} with an error</span>\
             <span>{} saved in the last minute</span>",
            participants(counts.participants),
            class,
            counts.errors,
            counts.recent
        )
    });
    view! { <p class="summary" {..dynamic_html(move || html.get())}></p> }
}

/// The links to the summary of the notebook, and to all built files.
#[component]
fn BuildLinks(
    /// The shown notebook.
    chosen: Signal<Option<String>>,
    /// Whether the signed-in user sees everyone; only then there are links.
    sees_everyone: Signal<bool>,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let who = expect_context::<SessionHandle>().who_untracked();
    let builds = who.is_some_and(|who| who.builds);
    let summary = move || {
        chosen.get().map(|filename| {
            view! {
                <a
                    class="button"
                    href=router.document_href(&View {
                        notebook: Some(filename),
                        ..View::default()
                    })
                    title="Everyone's last cells of this notebook as a document"
                >
                    "Summary"
                </a>
            }
        })
    };
    let links = move || {
        (sees_everyone.get() && builds).then(|| {
            view! {
                {summary}
                <a
                    class="button"
                    rel="external noopener"
                    target="_blank"
                    href=paths::BUILDS
                    title="Exports and copies of all notebooks, in a new tab"
                >
                    "Files"
                </a>
            }
        })
    };
    view! { {links} }
}

/// A button that opens the dialog of handouts, for instructors.
#[component]
fn HandoutButton() -> impl IntoView {
    let handouts = expect_context::<HandoutController>();
    let button = match handouts.may_hand_out() {
        true => Html::from_static(
            "<button class=button data-do=handout data-testid=handout-button title=\"Give \
             participants a file, and see who has it (d)\">Hand out</button>",
        ),
        false => Html::default(),
    };
    view! {
        <span
            class="contents"
            {..static_html(button)}
            on:click=move |event| handouts.clicked(&event)
        ></span>
    }
}
