//! The bar above the wall.

use leptos::html::Div;
use leptos::prelude::*;

use super::account_menu::AccountMenu;
use super::handout_link::HandoutLink;
use super::live_pill::LivePill;
use super::notebook_picker::NotebookPicker;
use super::notice_button::NoticeButton;
use super::sharing::ShareToggle;
use super::shortcuts::ShortcutsButton;
use super::theme_toggle::ThemeToggle;
use super::view_menu::ViewMenu;
use crate::html;
use crate::html::{Html, dynamic_html, static_html};
use crate::model::arrangement::{Show, WallCounts};
use crate::model::stream::LiveState;
use crate::model::view::View;
use crate::pages::help::QueueLink;
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::class::ClassStore;
use crate::store::people::PeopleStore;

/// The controls for the notebook and the tiles, and the counts of the participants.
#[component]
pub fn TopBar(
    /// The notebooks of the class.
    class: ClassStore,
    /// The participants' groups.
    people: PeopleStore,
    /// The counts of the participants.
    #[prop(into)]
    counts: Signal<WallCounts>,
    /// The state of the stream.
    live: Signal<LiveState>,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let who = expect_context::<SessionHandle>().who_untracked();
    let own = !who.is_some_and(|who| who.role.sees_everyone());
    let view = Signal::derive(move || router.view());
    let filter = move |event| {
        let text = event_target_value(&event);
        router.replace_wall(|view| view.filter = text);
    };
    // The parts for who sees everyone are drawn for them alone.
    let narrow_down = (!own).then(|| {
        view! {
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
                on:input=filter
                on:keydown=leave_on_escape
            />
            <QueueLink />
            <Counts counts />
            <ViewMenu people />
        }
    });
    view! {
        <header class="top-bar wall-bar">
            <Brand own />
            <NotebookPicker class />
            <div class="controls" role="search" aria-label="What the wall shows">{narrow_down}</div>
            <LivePill live />
            <button class="button more" popovertarget="more" aria-label="More" title="More">"⋯"</button>
            <div class="bar-end" id="more" popover>
                <NoticeButton hidden=Signal::stored(own) />
                <HandoutLink title="Give participants a file, and see who has it" />
                <ThemeToggle />
                <ShortcutsButton />
                <ShareToggle view />
                <BuildLinks view />
            </div>
            <AccountMenu />
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
    own: bool,
) -> impl IntoView {
    const LEAF: &str = "<svg viewBox=\"0 0 32 32\" width=\"22\" height=\"22\" aria-hidden=\"true\">\
        <path class=\"leaf\" d=\"M16 3c7 4 10.5 9 10.5 14 0 4.7-4 7.5-8 7h-5c-4 .5-8-2.3-8-7C5.5 \
        12 9 7 16 3z\"/><path class=\"vein\" d=\"M16 11v18M16 16l4.5-3.500M16 20.500L11.5 17\"/></svg>\
        <h1>PipalHub</h1>";
    const OWN: &str = "<p class=\"own\">Your notebooks, as the instructor sees them</p>";
    let own = Html::from_static(if own { OWN } else { "" });
    view! { <div class="brand" {..static_html(html!("{}{}", Html::from_static(LEAF), own))}></div> }
}

/// The counts of the participants, each of which shows only those it counts.
#[component]
fn Counts(
    /// The counts.
    counts: Signal<WallCounts>,
) -> impl IntoView {
    const LINKS: &str = "<a></a><a></a><a></a><a></a>";
    let router = expect_context::<Router>();
    let place = NodeRef::<Div>::new();
    Effect::new(move || {
        let Some(place) = place.get() else { return };
        let links = place.children();
        let (view, counts) = (router.view(), counts.get());
        place.set_hidden(counts.participants == 0);
        // None with an error is no news; the attribute's name is a valid one.
        let _ = place.set_attribute("data-errors", &counts.errors.to_string());
        for (at, (show, words)) in (0..).zip(counts.words()) {
            let Some(link) = links.item(at) else { continue };
            let is_on = view.show == show;
            // A second click shows everyone again.
            let show = if is_on { Show::Everyone } else { show };
            let href = router.wall_href(&View {
                show,
                ..view.clone()
            });
            // Whatever is the same is left alone: a click may have begun on it.
            for (name, value) in [
                ("href", href.as_str()),
                ("aria-current", if is_on { "true" } else { "false" }),
            ] {
                if link.get_attribute(name).as_deref() != Some(value) {
                    // The attributes' names are valid ones.
                    let _ = link.set_attribute(name, value);
                }
            }
            if link.text_content().as_deref() != Some(&words) {
                link.set_text_content(Some(&words));
            }
        }
    });
    view! {
        <div
            class="summary counts"
            role="group"
            aria-label="Whom to show"
            {..static_html(Html::from_static(LINKS))}
            node_ref=place
        ></div>
    }
}

/// The links to the summary of the notebook, and to all built files, for who sees everyone.
#[component]
fn BuildLinks(
    /// The state in the URL.
    view: Signal<View>,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let who = expect_context::<SessionHandle>().who_untracked();
    let builds = who.is_some_and(|who| who.builds && who.role.sees_everyone());
    let links = move || {
        let (true, Some(filename)) = (builds, view.get().notebook) else {
            return Html::default();
        };
        let summary = router.document_href(&View {
            notebook: Some(filename),
            ..View::default()
        });
        html!(
            "<a class=button href=\"{}\" title=\"Everyone's last cells of this notebook as a \
             document\">Summary</a><a class=button rel=\"external noopener\" target=_blank \
             href=\"{}\" title=\"Exports and copies of all notebooks, in a new tab\">Files</a>",
            summary,
            paths::BUILDS
        )
    };
    view! { <span class="contents" {..dynamic_html(links)}></span> }
}
