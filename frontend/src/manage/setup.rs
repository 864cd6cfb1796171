//! The page *Setup*: how each participant's saves arrive, and what to do where they do not.
//!
//! It asks again every few seconds while it is looked at, and says how old its answer is. A row is
//! drawn anew only when something in it has changed, so that the focus and a selection stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::setup::{SetupResponse, SetupRow};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use super::ManageBar;
use super::loading::{by_phase, note_failure, while_visible};
use crate::api;
use crate::clipboard::copy;
use crate::clock::Clock;
use crate::html::dynamic_html;
use crate::model::age::seconds_since;
use crate::model::failure::RequestFailure;
use crate::model::setup::{self, age_of_answer};
use crate::pages::keyboard::on_shortcut;
use crate::paths;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// The query with which only what needs attention is shown.
const ONLY_ATTENTION: &str = "?only=attention";

/// A row's participant and server.
type RowKey = (String, String);
/// The rows of one answer, by participant and server.
type Rows = Arc<BTreeMap<RowKey, SetupRow>>;

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
struct SetupController {
    phase: RwSignal<LoadPhase>,
    /// The last answer, without its rows.
    answer: RwSignal<Option<Arc<SetupResponse>>>,
    rows: RwSignal<Rows>,
    /// The rows in the order of the answer, and whether each needs attention.
    order: RwSignal<Arc<Vec<(RowKey, bool)>>>,
    only_attention: RwSignal<bool>,
    refetcher: Refetcher,
    clock: Clock,
}

/// The page.
#[component]
pub fn SetupPage(
    /// Where the wall is.
    wall: String,
) -> impl IntoView {
    let search = window().location().search().unwrap_or_default();
    let page = SetupController {
        phase: RwSignal::new(LoadPhase::Loading),
        answer: RwSignal::default(),
        rows: RwSignal::default(),
        order: RwSignal::default(),
        only_attention: RwSignal::new(search == ONLY_ATTENTION),
        refetcher: Refetcher::new(expect_context()),
        clock: expect_context(),
    };
    page.start();
    view! {
        <ManageBar name="Setup" wall age=Signal::derive(move || page.age()) />
        <main class="manage-main" data-testid="setup-page" on:click=move |event| clicked(&event)>
            {by_phase(page.phase, "The setup cannot be shown", page.refetcher, move || view! { <Table page /> }.into_any())}
        </main>
    }
}

impl SetupController {
    /// Fetches now, every few seconds while the page is visible, and when it becomes so.
    fn start(self) {
        let address = || Some(paths::SETUP.to_owned());
        self.refetcher
            .configure(address, move |answer| self.take(answer));
        self.refetcher.refetch();
        while_visible(move || self.refetcher.refetch());
        on_shortcut(move |key| {
            let is_filter = key == "a";
            if is_filter {
                self.show_only_attention(!self.only_attention.get_untracked());
            }
            is_filter
        });
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| api::read::<SetupResponse>(&body)) {
            Ok(mut answer) => {
                self.clock.observe(answer.now_ms);
                let rows = std::mem::take(&mut answer.servers);
                let key = |row: &SetupRow| (row.user.clone(), row.server.clone());
                let order: Vec<_> = rows
                    .iter()
                    .map(|row| (key(row), row.needs_attention))
                    .collect();
                let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (key(&row), row)).collect();
                self.rows.set(Arc::new(rows));
                if *self.order.get_untracked() != order {
                    self.order.set(Arc::new(order));
                }
                self.answer.set(Some(Arc::new(answer)));
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => note_failure(self.phase, failure),
        }
    }

    /// The age of what is shown, in words.
    fn age(self) -> String {
        let answer = self.answer.get();
        let now_ms = self.clock.now_ms();
        answer.map_or_else(String::new, |answer| {
            age_of_answer(seconds_since(answer.now_ms, now_ms))
        })
    }

    /// Sets the filter, and keeps it in the address.
    fn show_only_attention(self, only: bool) {
        self.only_attention.set(only);
        let path = window().location().pathname().unwrap_or_default();
        let address = if only { path + ONLY_ATTENTION } else { path };
        let history = window().history();
        // The filter works without its address, too.
        let _ = history
            .map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&address)));
    }

    fn shown_rows(self) -> Vec<RowKey> {
        let only = self.only_attention.get();
        let order = self.order.get();
        let shown = order.iter().filter(|(_, needs)| *needs || !only);
        shown.map(|(key, _)| key.clone()).collect()
    }
}

/// The headline, what cannot be known, the numbers, and the rows.
#[component]
fn Table(
    /// The page.
    page: SetupController,
) -> impl IntoView {
    let of_answer = move |draw: fn(&SetupResponse) -> crate::html::Html| {
        let memo = Memo::new(move |_| page.answer.get().map(|answer| draw(&answer)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let needs_attention = Memo::new(move |_| page.order.get().iter().any(|(_, needs)| *needs));
    let is_empty = Memo::new(move |_| page.shown_rows().is_empty());
    let none = move || match page.order.get().is_empty() {
        true => {
            "Nobody is known yet: participants appear here when the Hub names them, or when \
                 they save."
        }
        false => "Nothing needs attention.",
    };
    view! {
        <section class="setup-head" class:attention=needs_attention>
            <p class="headline" role="status" data-testid="headline" {..of_answer(setup::headline)}></p>
        </section>
        <div class="setup-hub" data-testid="setup-hub" {..of_answer(setup::hub)}></div>
        <div class="setup-bar">
            <p data-testid="setup-totals" {..of_answer(setup::totals)}></p>
            <label title="Show only the servers with something to do (a)">
                <input
                    type="checkbox"
                    data-testid="only-attention"
                    prop:checked=move || page.only_attention.get()
                    on:change=move |event| page.show_only_attention(event_target_checked(&event))
                />
                "Only what needs attention"
            </label>
        </div>
        // With its roles, which elements lose whose `display` is another, as on a narrow screen.
        <table class="setup-table" role="table" hidden=is_empty>
            <caption class="visually-hidden">
                "Each participant’s server, how its saves arrive, and what to do"
            </caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Participant"</th>
                    <th scope="col" role="columnheader">"Server"</th>
                    <th scope="col" role="columnheader">"Saves"</th>
                    <th scope="col" role="columnheader">"Package"</th>
                    <th scope="col" role="columnheader">"What to do"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                <For each=move || page.shown_rows() key=RowKey::clone let(key)>
                    <Row page key />
                </For>
            </tbody>
        </table>
        <p class="setup-none" hidden=move || !is_empty.get()>{none}</p>
    }
}

/// The row of one server. It is written as HTML, because a view of its cells is several times the
/// code.
#[component]
fn Row(
    /// The page.
    page: SetupController,
    /// The participant and the server.
    key: RowKey,
) -> impl IntoView {
    let user = key.0.clone();
    let row = Memo::new(move |_| page.rows.with(|rows| rows.get(&key).cloned()));
    let cell = move |draw: fn(&SetupRow, i64) -> crate::html::Html| {
        let memo = Memo::new(move |_| row.get().map(|row| draw(&row, page.clock.now_ms())));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let needs_attention =
        move || row.with(|row| row.as_ref().is_some_and(|row| row.needs_attention));
    view! {
        <tr role="row" data-user=user class:attention=needs_attention>
            <th scope="row" role="rowheader" {..cell(setup::participant)}></th>
            <td role="cell" {..cell(setup::server)}></td>
            <td role="cell" {..cell(setup::saves)}></td>
            <td role="cell" {..cell(setup::package)}></td>
            <td role="cell" {..cell(setup::to_do)}></td>
        </tr>
    }
}

/// Copies the command beside the button that was clicked.
fn clicked(event: &MouseEvent) {
    let target = event.target();
    let button = target
        .and_then(|target| target.dyn_into::<Element>().ok())
        .and_then(|target| target.closest("[data-do=copy]").ok().flatten());
    let command = button.as_ref().and_then(|button| {
        button
            .parent_element()?
            .query_selector("code")
            .ok()
            .flatten()
    });
    if let (Some(button), Some(command)) = (button, command) {
        let text = command.text_content().unwrap_or_default();
        copy(&text, button, Some(command));
    }
}
