//! The menu of how the wall looks: the size of the tiles, their order and groups, whose tiles, names,
//! and the second screen. Each choice is a link, since all of it is in the address.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::html;
use crate::html::{Html, set_html};
use crate::model::arrangement::{Density, Grouping, People, Sort};
use crate::model::insight::HelpState;
use crate::model::view::View;
use crate::router::Router;
use crate::store::people::PeopleStore;

type Change = fn(&mut View);

/// The choices that are always there.
const CHOICES: [(&str, &[(&str, Change)]); 5] = [
    (
        "Size",
        &[
            ("Tiles", |view| view.density = Density::Full),
            ("Small", |view| view.density = Density::Small),
            ("Squares", |view| view.density = Density::Dots),
        ],
    ),
    (
        "Order",
        &[
            ("By name", |view| view.sort = Sort::Name),
            ("Last saved first", |view| view.sort = Sort::Recent),
        ],
    ),
    (
        "Grouped by",
        &[
            ("Nothing", |view| view.grouping = Grouping::None),
            ("State", |view| view.grouping = Grouping::State),
            ("Groups", |view| view.grouping = Grouping::Groups),
        ],
    ),
    (
        "Help",
        &[
            ("Everyone", |view| view.insight.help = HelpState::None),
            ("Asked", |view| view.insight.help = HelpState::Asked),
            ("Helped", |view| view.insight.help = HelpState::Helped),
        ],
    ),
    (
        "Names",
        &[
            ("Shown", |view| view.hides_names = false),
            ("Hidden", |view| view.hides_names = true),
        ],
    ),
];

/// The button, and the menu that the browser opens by it and closes.
#[component]
pub fn ViewMenu(
    /// The participants' groups.
    people: PeopleStore,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let place = NodeRef::<Div>::new();
    let html = Memo::new(move |_| menu(router, &router.view(), &people.current()));
    Effect::new(move || {
        let html = html.get();
        if let Some(place) = place.get() {
            redraw(&place, &html);
        }
    });
    view! {
        <button
            class="button"
            popovertarget="view-menu"
            data-testid="view-button"
            title="Size, order and groups of the tiles, and the second screen"
        >
            "View"
        </button>
        <div id="view-menu" class="menu" popover node_ref=place></div>
    }
}

fn menu(router: Router, view: &View, people: &People) -> Html {
    let mut html = Html::default();
    for (name, choices) in CHOICES {
        let links = choices.iter().map(|(label, change)| {
            let mut changed = view.clone();
            change(&mut changed);
            link(router, view, &changed, label)
        });
        html.push(row(name, links.collect()));
    }
    if !people.groups.is_empty() {
        let names = people.groups.iter().map(|it| Some(it.name.clone()));
        let links = [None].into_iter().chain(names).map(|group| {
            let label = group.clone().unwrap_or_else(|| "Everyone".to_owned());
            let changed = View {
                group,
                ..view.clone()
            };
            link(router, view, &changed, &label)
        });
        html.push(row("Class", links.collect()));
    }
    let screen = View {
        screen: true,
        ..view.clone()
    };
    html.push(html!(
        "<a class=button href=\"{}\" target=_blank title=\"The tiles alone, in a window for the \
         projector; Esc brings the controls back\">Second screen</a>",
        router.wall_href(&screen)
    ));
    html
}

fn row(name: &str, links: Html) -> Html {
    html!(
        "<div class=menu-row role=group aria-label=\"{}\"><span>{}</span>{}</div>",
        name,
        name,
        links
    )
}

fn link(router: Router, view: &View, changed: &View, label: &str) -> Html {
    html!(
        "<a class=button href=\"{}\" aria-current={}>{}</a>",
        router.wall_href(changed),
        view == changed,
        label
    )
}

/// Draws a list of links again and keeps the focus on the same link.
pub(crate) fn redraw(place: &HtmlElement, html: &Html) {
    let links = || place.query_selector_all("a").ok();
    let focused = document().active_element();
    let at = links().and_then(|all| {
        let is_focused = |at: &u32| {
            let link = all.get(*at);
            link.is_some_and(|link| {
                focused
                    .as_ref()
                    .is_some_and(|it| it.is_same_node(Some(&link)))
            })
        };
        (0..all.length()).find(is_focused)
    });
    set_html(place, html);
    let link = at.and_then(|at| links()?.get(at));
    if let Some(link) = link.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        // It fails only if the link is gone.
        let _ = link.focus();
    }
}
