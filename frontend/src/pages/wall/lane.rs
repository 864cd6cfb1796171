//! What the saves say, above the tiles: the lane of those who need someone now, the errors that
//! several people have, and the strip of how far everyone is. They have their room from the start, so
//! that no tile moves when somebody comes.

use std::cell::RefCell;

use leptos::ev::MouseEvent;
use leptos::html::{Div, Ol};
use leptos::prelude::*;
use shared::insight::SettledKind;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::clock::Clock;
use crate::components::view_menu::redraw;
use crate::html::{Html, set_html};
use crate::model::insight::{groups, strip};
use crate::model::lane::{Lane, LanePerson, spoken};
use crate::model::view::View;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::insight::InsightStore;
use crate::store::wall::WallStore;

/// The parts, as they were drawn last.
#[derive(Default)]
struct LaneState {
    lane: Lane,
    drawn: Html,
    /// Who was there when it was said last.
    said: Vec<LanePerson>,
    /// Who was helped, or is to be looked at later, until they have left.
    settled: Option<String>,
}

/// The lane, the groups and the strip.
#[component]
pub fn LanePart(
    /// What the saves say.
    insight: InsightStore,
    /// The tiles.
    wall: WallStore,
    /// The clock of the ages, and of the gaps that those who leave leave.
    clock: Clock,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let who = expect_context::<SessionHandle>().who_untracked();
    let may_help = who.is_some_and(|who| who.role.helps());
    let state = StoredValue::new_local(RefCell::new(LaneState::default()));
    let said = RwSignal::new(String::new());
    // Told beside the lane, which is not drawn anew while somebody points at it.
    let waiting = RwSignal::new(0);
    let place = NodeRef::<Ol>::new();
    Effect::new(move || {
        let now_ms = clock.now_ms();
        let (insight, view) = (insight.current(), router.view());
        let Some(place) = place.get() else { return };
        state.with_value(|state| {
            let Ok(mut state) = state.try_borrow_mut() else {
                return;
            };
            let users = wall.users_untracked();
            let name = |user: &str| name_of(user, &view, &users);
            let new = spoken(&state.said, &insight.lane, name);
            if !new.is_empty() {
                said.set(new);
            }
            state.said.clone_from(&insight.lane);
            state.lane.take(&insight.lane, now_ms, is_held(&place));
            waiting.set(state.lane.waiting());
            let href = |user: &str| {
                let own = view.with_user(Some(user));
                let replay = View {
                    replay: true,
                    ..own.clone()
                };
                [own, replay].map(|view| router.notebook_href(&view))
            };
            let html = state.lane.html(insight.more, now_ms, name, href);
            let is_there = |user: &String| insight.lane.iter().any(|it| it.user == *user);
            let is_settled = state.settled.as_ref().is_some_and(|it| !is_there(it));
            // Drawn anew, it would lose the focus and a click that has begun.
            if html != state.drawn && (is_settled || !is_held(&place)) {
                let had_focus = matches!(place.query_selector(":focus-visible"), Ok(Some(_)));
                set_html(&place, &html);
                state.drawn = html;
                if had_focus {
                    focus_next(&place);
                }
            }
            if is_settled {
                state.settled = None;
            }
        });
    });
    let href = move |view: &View| router.wall_href(view);
    let group_list = Memo::new(move |_| {
        groups(
            &insight.current(),
            &insight.notebook(),
            &router.view(),
            href,
        )
    });
    let cells = Memo::new(move |_| {
        strip(
            &insight.current(),
            &insight.notebook(),
            &router.view(),
            href,
        )
    });
    view! {
        <section class="insight" class:observed=!may_help aria-label="What the saves say">
            <p class="visually-hidden" role="status" data-testid="lane-said">{move || said.get()}</p>
            <ol
                class="lane"
                aria-label="Who needs someone now"
                data-testid="lane"
                tabindex="-1"
                node_ref=place
                on:click=move |event| {
                    if let Some(user) = clicked(&event, insight) {
                        state.with_value(|state| state.borrow_mut().settled = Some(user));
                    }
                }
            ></ol>
            <p class="pill lane-waiting" hidden=move || waiting.get() == 0>
                {move || format!("{} waiting", waiting.get())}
            </p>
            <KeptList html=group_list class="error-groups" label="Errors that several people have" />
            <KeptList html=cells class="strip" label="How far everyone is" />
        </section>
    }
}

/// A list of links that is drawn only when it is another, and where the focus stays on the same link.
#[component]
fn KeptList(html: Memo<Html>, class: &'static str, label: &'static str) -> impl IntoView {
    let place = NodeRef::<Div>::new();
    Effect::new(move || {
        let html = html.get();
        let Some(place) = place.get() else { return };
        let mut list = Html::from_static("<ul>");
        list.push(html);
        list.push_static("</ul>");
        redraw(&place, &list);
    });
    view! { <div class=class role="group" aria-label=label data-testid=class node_ref=place></div> }
}

/// How a participant is called: by a number where names are hidden, the same as on their tile.
fn name_of(user: &str, view: &View, users: &[String]) -> String {
    match view.hides_names {
        true => {
            let at = users.iter().position(|it| it == user);
            format!("Participant {}", at.map_or(0, |at| at + 1))
        }
        false => user.to_owned(),
    }
}

/// Whether somebody points at the lane, or has the focus in it.
fn is_held(place: &HtmlElement) -> bool {
    // A button that was clicked keeps a focus that nobody sees.
    let held = place.query_selector("li:hover, :focus-visible");
    matches!(held, Ok(Some(_)))
}

/// Puts the focus on who is there now, or on the lane.
fn focus_next(place: &HtmlElement) {
    let next = place.query_selector("a").ok().flatten();
    let next = next.and_then(|it| it.dyn_into::<HtmlElement>().ok());
    // It fails only if the element is gone.
    let _ = next.as_ref().unwrap_or(place).focus();
}

/// Takes a click on one of the buttons; returns whom it was about.
fn clicked(event: &MouseEvent, insight: InsightStore) -> Option<String> {
    let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    let button = target.and_then(|it| it.closest("[data-do]").ok().flatten());
    let button = button?;
    let entry = button.closest("[data-user]").ok().flatten();
    let user = entry.and_then(|it| it.get_attribute("data-user"))?;
    let settled = match button.get_attribute("data-do").as_deref() {
        Some("helped") => SettledKind::Helped,
        _ => SettledKind::Later,
    };
    insight.settle(user.clone(), settled);
    Some(user)
}
