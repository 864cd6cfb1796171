//! The page *Queue*: who asks for help, who is with whom, and *Are you done?*
//!
//! It follows the event stream, so that a press is seen at once; rows stand still while somebody
//! points at them. While it is looked at, it says again every minute that its helper has their tickets.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::HELP_KIND;
use shared::help::{HelpQueue, HelpTicket, TicketState};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::ManageBar;
use super::loading::{by_phase, note_failure, while_visible};
use crate::api;
use crate::clock::Clock;
use crate::html::dynamic_html;
use crate::model::age::{describe, seconds_since};
use crate::model::failure::RequestFailure;
use crate::model::queue::{
    headline, order, recent, round, ticket_actions, ticket_head, ticket_state, together,
};
use crate::pages::keyboard::{find, find_all, focus, on_shortcut};
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;
use crate::stream::{EventStream, StreamMessage};

/// How often a helper says again that they have a ticket: well within its five minutes.
const RENEW_MS: i64 = 60_000;

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
struct QueueController {
    phase: RwSignal<LoadPhase>,
    queue: RwSignal<Arc<HelpQueue>>,
    tickets: RwSignal<Arc<BTreeMap<i64, HelpTicket>>>,
    /// The rows, by the numbers of their tickets.
    rows: RwSignal<Vec<i64>>,
    /// What has come of the last action.
    said: RwSignal<String>,
    renewed_ms: StoredValue<i64>,
    me: StoredValue<String>,
    may_help: bool,
    refetcher: Refetcher,
    clock: Clock,
    session: SessionHandle,
}

/// The page.
#[component]
pub fn QueuePage(
    /// Where the wall is.
    wall: String,
    /// Whether the user may take tickets.
    may_help: bool,
) -> impl IntoView {
    let session = expect_context::<SessionHandle>();
    let me = session.who_untracked().map(|who| who.user);
    let page = QueueController {
        phase: RwSignal::new(LoadPhase::Loading),
        queue: RwSignal::default(),
        tickets: RwSignal::default(),
        rows: RwSignal::default(),
        said: RwSignal::default(),
        renewed_ms: StoredValue::new(0),
        me: StoredValue::new(me.unwrap_or_default()),
        may_help,
        refetcher: Refetcher::new(session),
        clock: expect_context(),
        session,
    };
    page.start();
    view! {
        <ManageBar name="Queue" wall age=Signal::derive(move || page.age()) />
        <main class="manage-main" data-testid="queue-page" on:click=move |event| page.clicked(&event)>
            {by_phase(
                page.phase,
                "The queue cannot be shown",
                page.refetcher,
                move || view! { <Tickets page /> }.into_any(),
            )}
        </main>
    }
}

impl QueueController {
    fn start(self) {
        self.refetcher.configure(
            || Some(paths::HELP.to_owned()),
            move |answer| self.take(answer),
        );
        self.refetcher.refetch();
        let stream = EventStream::new(self.clock, self.session);
        stream.listen(move |message| match message {
            StreamMessage::Announcement(kind, _) if *kind != HELP_KIND => {}
            StreamMessage::Event(..) | StreamMessage::Notices => {}
            _ => self.refetcher.refetch(),
        });
        stream.open();
        // What has come through no stream is seen, too, and leases are renewed.
        while_visible(move || {
            self.refetcher.refetch();
            self.renew();
        });
        on_shortcut(move |key| self.pressed(key));
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| api::read::<HelpQueue>(&body)) {
            Ok(queue) => {
                self.clock.observe(queue.now_ms);
                let is_held = find(".tickets > li:hover, .tickets :focus-visible").is_some();
                let rows = self
                    .rows
                    .with_untracked(|shown| order(shown, &queue, is_held));
                let tickets = queue.tickets.iter().map(|it| (it.id, it.clone()));
                self.tickets.set(Arc::new(tickets.collect()));
                if self.rows.with_untracked(|shown| *shown != rows) {
                    self.rows.set(rows);
                }
                self.queue.set(Arc::new(queue));
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => note_failure(self.phase, failure),
        }
    }

    /// The age of what is shown, in words.
    fn age(self) -> String {
        let now_ms = self.clock.now_ms();
        let asked_ms = self.queue.with(|queue| queue.now_ms);
        match asked_ms {
            0 => String::new(),
            _ => format!("as of {}", describe(seconds_since(asked_ms, now_ms))),
        }
    }

    /// Says again that the user has their tickets.
    fn renew(self) {
        let now_ms = self.clock.now_ms_untracked();
        if now_ms - self.renewed_ms.get_value() < RENEW_MS {
            return;
        }
        let own: Vec<i64> = self.queue.with_untracked(|queue| {
            let me = self.me.get_value();
            let own = queue
                .tickets
                .iter()
                .filter(|it| it.state == TicketState::Claimed && it.helper.as_deref() == Some(&me));
            own.map(|ticket| ticket.id).collect()
        });
        if !own.is_empty() {
            self.renewed_ms.set_value(now_ms);
        }
        for id in own {
            self.post(paths::ticket(id, "claim"), "{}".to_owned(), String::new());
        }
    }

    fn clicked(self, event: &MouseEvent) {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let button = target.and_then(|it| it.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        let attribute = |name: &str| button.get_attribute(name).unwrap_or_default();
        let (action, id) = (attribute("data-do"), attribute("data-id"));
        match (&*action, id.parse::<i64>()) {
            ("claim-all", _) => {
                let ids = attribute("data-ids");
                let body = format!("{{\"ids\":[{ids}]}}");
                self.post(paths::CLAIM.to_owned(), body, "They are yours.".to_owned());
            }
            ("round", _) => self.post(
                paths::ROUND.to_owned(),
                "{}".to_owned(),
                "Everyone is asked whether they are done.".to_owned(),
            ),
            ("end-round", _) => self.end_round(),
            (action, Ok(id)) => {
                let said = match action {
                    "claim" => "They are told that you are coming.",
                    "release" => "They wait again.",
                    "undo" => "The ticket is back.",
                    _ => "",
                };
                self.post(paths::ticket(id, action), "{}".to_owned(), said.to_owned());
                keep_focus(id);
            }
            _ => {}
        }
    }

    fn pressed(self, key: &str) -> bool {
        match key {
            "j" | "ArrowDown" => step(1),
            "k" | "ArrowUp" => step(-1),
            "c" if self.may_help => press("claim"),
            "h" if self.may_help => press("done"),
            _ => return false,
        }
        true
    }

    fn post(self, url: String, body: String, said: String) {
        let xsrf = self.xsrf();
        spawn_local(async move {
            let answer = api::text(&url, Some(body), &xsrf).await;
            self.note(answer.map(|_| ()), said);
        });
    }

    fn end_round(self) {
        let xsrf = self.xsrf();
        spawn_local(async move {
            let answer = api::delete(paths::ROUND, &xsrf).await;
            self.note(answer, String::new());
        });
    }

    fn xsrf(self) -> String {
        let who = self.session.who_untracked();
        who.and_then(|who| who.xsrf).unwrap_or_default()
    }

    fn note(self, answer: Result<(), RequestFailure>, said: String) {
        match answer {
            Ok(()) if said.is_empty() => {}
            Ok(()) => self.said.set(said),
            Err(failure) => {
                self.session.note(&failure);
                self.said.set(failure.message());
            }
        }
        self.refetcher.refetch_now();
    }
}

/// Clicks the button for an action of the ticket that has the focus, or of the first that has one.
fn press(action: &str) {
    let button = find(&format!(".tickets > li:focus-within [data-do={action}]"));
    let first = || find(&format!(".tickets [data-do={action}]"));
    if let Some(button) = button.or_else(first) {
        button.click();
    }
}

/// Puts the focus on another ticket, so many further.
fn step(by: isize) {
    let all = find_all(".tickets > li");
    let active = document().active_element();
    let at = all
        .iter()
        .position(|row| active.as_ref().is_some_and(|it| row.contains(Some(it))));
    let next = match at {
        Some(at) => at.checked_add_signed(by).filter(|at| *at < all.len()),
        None => Some(0),
    };
    if let Some(row) = next.and_then(|at| all.get(at)) {
        focus(row);
    }
}

/// Keeps the focus in the row whose button was pressed and is drawn anew.
fn keep_focus(id: i64) {
    if let Some(row) = find(&format!(".tickets > li[data-id=\"{id}\"]")) {
        focus(&row);
    }
}

/// The round, what waits together, and the tickets.
#[component]
fn Tickets(
    /// The page.
    page: QueueController,
) -> impl IntoView {
    let queue = move || page.queue.get();
    let me = page.me.get_value();
    let grouped = Memo::new(move |_| together(&queue(), page.may_help));
    let undo = Memo::new(move |_| recent(&queue(), &me));
    let counted = Memo::new(move |_| round(&queue(), page.clock.now_ms()));
    let is_asked = Memo::new(move |_| queue().round.is_some());
    view! {
        <section class="round" aria-label="Are you done?">
            <button
                type="button"
                class="button"
                data-do=move || if is_asked.get() { "end-round" } else { "round" }
                hidden=!page.may_help
                data-testid="round-button"
            >
                {move || if is_asked.get() { "Stop asking" } else { "Ask: are you done?" }}
            </button>
            <p role="status" data-testid="round">{move || counted.get()}</p>
        </section>
        <p class="headline" role="status" data-testid="queue-headline">{move || headline(&queue())}</p>
        <ul class="together" data-testid="together" {..dynamic_html(move || grouped.get())}></ul>
        <ol class="tickets" aria-label="Tickets" data-testid="tickets">
            <For each=move || page.rows.get() key=|id| *id let(id)>
                <Ticket page id />
            </For>
        </ol>
        <ul class="recent" {..dynamic_html(move || undo.get())}></ul>
        <p role="status" data-testid="queue-said">{move || page.said.get()}</p>
    }
}

/// One ticket.
#[component]
fn Ticket(
    /// The page.
    page: QueueController,
    /// Its number.
    id: i64,
) -> impl IntoView {
    let me = StoredValue::new(page.me.get_value());
    let ticket = Memo::new(move |_| page.tickets.with(|all| all.get(&id).cloned()));
    let place = Memo::new(move |_| {
        let queue = page.queue.get();
        let mut waiting = queue
            .tickets
            .iter()
            .filter(|it| it.state == TicketState::Waiting);
        waiting.position(|it| it.id == id).map(|at| at + 1)
    });
    let head = Memo::new(move |_| ticket.get().map(|it| ticket_head(&it, place.get())));
    let actions = Memo::new(move |_| {
        ticket
            .get()
            .map(|it| ticket_actions(&it, &me.get_value(), page.may_help))
    });
    let state = move || {
        let now_ms = page.clock.now_ms();
        ticket.with(|it| {
            it.as_ref().map_or_else(
                || "No longer asks".to_owned(),
                |it| ticket_state(it, now_ms, &me.get_value()),
            )
        })
    };
    let class = move || {
        ticket.with(|it| match it.as_ref().map(|it| it.state) {
            None => "ticket gone",
            Some(TicketState::Waiting) => "ticket",
            Some(TicketState::Claimed) => "ticket claimed",
            Some(TicketState::Paused) => "ticket paused",
        })
    };
    view! {
        <li class=class data-id=id tabindex="-1">
            <div {..dynamic_html(move || head.get().unwrap_or_default())}></div>
            <p class="ticket-state">{state}</p>
            <div class="actions" {..dynamic_html(move || actions.get().unwrap_or_default())}></div>
        </li>
    }
}
