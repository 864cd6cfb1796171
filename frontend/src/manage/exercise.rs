//! The page *Exercise*: one cell of the handout across everyone, or one error: what people have come
//! to, the same results together, and a notice to exactly those of one group.
//!
//! It stands still while it is read: it shows what was there when it was opened, says how old that
//! is, and is fetched again when somebody asks.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::exercise::{ExerciseGroup, ExerciseResponse};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::ManageBar;
use super::loading::{by_phase, note_failure};
use crate::api;
use crate::clock::Clock;
use crate::html::{Html, dynamic_html};
use crate::model::age::{describe, seconds_since};
use crate::model::exercise::{ExerciseAddress, answers, group_list, heading, message_to, notice};
use crate::model::failure::RequestFailure;
use crate::pages::keyboard::{find, find_all, focus, on_shortcut};
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// The most characters of a message; the service says the same.
const MAX_MESSAGE_CHARS: &str = "4000";

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
struct ExerciseController {
    phase: RwSignal<LoadPhase>,
    address: RwSignal<ExerciseAddress>,
    answer: RwSignal<Option<Arc<ExerciseResponse>>>,
    /// The message to the people of the group, while it is written.
    message: RwSignal<Option<String>>,
    is_sending: RwSignal<bool>,
    /// What has come of the last message.
    said: RwSignal<String>,
    refetcher: Refetcher,
    clock: Clock,
    session: SessionHandle,
}

/// The page.
#[component]
pub fn ExercisePage(
    /// Where the wall is.
    wall: String,
    /// Whether the user may write to participants.
    may_change: bool,
) -> impl IntoView {
    let search = window().location().search().unwrap_or_default();
    let page = ExerciseController {
        phase: RwSignal::new(LoadPhase::Loading),
        address: RwSignal::new(ExerciseAddress::parse(&search)),
        answer: RwSignal::default(),
        message: RwSignal::default(),
        is_sending: RwSignal::default(),
        said: RwSignal::default(),
        refetcher: Refetcher::new(expect_context()),
        clock: expect_context(),
        session: expect_context(),
    };
    page.start(may_change);
    view! {
        <ManageBar name="Exercise" wall age=Signal::derive(move || page.age()) />
        <main
            class="exercise-main"
            class:whole=move || page.address.with(|it| it.whole || it.error.is_some())
            data-testid="exercise-page"
            on:click=move |event| page.clicked(&event)
        >
            {by_phase(
                page.phase,
                "The answers cannot be shown",
                page.refetcher,
                move || view! { <Answers page may_change /> }.into_any(),
            )}
        </main>
    }
}

impl ExerciseController {
    fn start(self, may_change: bool) {
        let address = move || Some(self.address.with_untracked(ExerciseAddress::data));
        self.refetcher
            .configure(address, move |answer| self.take(answer));
        self.refetcher.refetch();
        on_shortcut(move |key| self.pressed(key, may_change));
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| api::read::<ExerciseResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                let is_incomplete = answer.catching_up;
                self.answer.set(Some(Arc::new(answer)));
                self.phase.set(LoadPhase::Ready);
                !is_incomplete
            }
            Err(failure) => note_failure(self.phase, failure),
        }
    }

    /// The age of what is shown, in words.
    fn age(self) -> String {
        let now_ms = self.clock.now_ms();
        let answer = self.answer.get();
        answer.map_or_else(String::new, |answer| {
            format!("as of {}", describe(seconds_since(answer.now_ms, now_ms)))
        })
    }

    fn group(self) -> Option<ExerciseGroup> {
        let at = self.address.with(|address| address.group);
        self.answer.get()?.groups.get(at).cloned()
    }

    /// Changes what is shown, and keeps it in the address.
    fn change(self, change: impl FnOnce(&mut ExerciseAddress)) {
        self.address.update(change);
        let query = self.address.with_untracked(ExerciseAddress::to_query);
        let path = window().location().pathname().unwrap_or_default();
        // The page works without its address, too.
        let _ = window().history().map(|history| {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&(path + &query)))
        });
    }

    fn show_group(self, at: usize) {
        let answer = self.answer.get_untracked();
        if answer.is_some_and(|answer| at < answer.groups.len()) {
            self.change(|address| address.group = at);
            self.message.set(None);
            self.said.set(String::new());
        }
    }

    /// Takes a key; whether it was one of the page's.
    fn pressed(self, key: &str, may_change: bool) -> bool {
        match key {
            "j" | "ArrowDown" => step(1),
            "k" | "ArrowUp" => step(-1),
            "d" => self.change(|address| address.whole = !address.whole),
            "n" => self.change(|address| address.hides_names = !address.hides_names),
            "r" => self.refetcher.refetch_now(),
            "w" if may_change => self.write(),
            "[" | "]" => {
                let link = find(&format!(".exercise-head [data-key=\"{key}\"]"));
                link.map(|link| link.click()).unwrap_or_default();
            }
            "Enter" => return open_focused(),
            _ => match key.parse::<usize>() {
                Ok(number @ 1..=9) => self.show_group(number - 1),
                _ => return false,
            },
        }
        true
    }

    fn clicked(self, event: &MouseEvent) {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let button = target.and_then(|it| it.closest("[data-group]").ok().flatten());
        let group = button.and_then(|it| it.get_attribute("data-group"));
        if let Some(at) = group.and_then(|it| it.parse().ok()) {
            self.show_group(at);
        }
    }

    /// Opens the field for a message, with the focus.
    fn write(self) {
        self.message.set(Some(String::new()));
        self.said.set(String::new());
        request_animation_frame(|| {
            if let Some(field) = find("#exercise-message") {
                focus(&field);
            }
        });
    }

    fn stop_writing(self) {
        self.message.set(None);
        if let Some(button) = find("[data-testid=exercise-write]") {
            focus(&button);
        }
    }

    fn send(self) {
        let (Some(group), Some(text)) = (untrack(|| self.group()), self.message.get_untracked())
        else {
            return;
        };
        if text.trim().is_empty() || self.is_sending.get_untracked() {
            return;
        }
        let who = self.session.who_untracked();
        let xsrf = who.and_then(|who| who.xsrf).unwrap_or_default();
        self.is_sending.set(true);
        spawn_local(async move {
            let body = notice(text.trim(), &group);
            let sent = api::text(paths::NOTICES, Some(body), &xsrf).await;
            self.is_sending.set(false);
            match sent {
                Ok(_) => {
                    self.stop_writing();
                    let people = group.people.len();
                    let people = if people == 1 {
                        "1 person".to_owned()
                    } else {
                        format!("{people} people")
                    };
                    self.said.set(format!("Sent to {people}."));
                }
                Err(failure) => {
                    self.session.note(&failure);
                    self.said
                        .set(format!("It was not sent: {}", failure.message()));
                }
            }
        });
    }
}

/// Puts the focus on another answer, so many further.
fn step(by: isize) {
    let all = find_all(".answer");
    let active = document().active_element();
    let within = |answer: &HtmlElement| active.as_ref().is_some_and(|it| answer.contains(Some(it)));
    let next = match all.iter().position(within) {
        Some(at) => at.checked_add_signed(by).filter(|at| *at < all.len()),
        None => Some(0),
    };
    if let Some(answer) = next.and_then(|at| all.get(at)) {
        focus(answer);
    }
}

/// Opens the notebook of the answer that has the focus; whether one has.
fn open_focused() -> bool {
    let link = find(".answer:focus header a");
    let is_there = link.is_some();
    link.map(|link| link.click()).unwrap_or_default();
    is_there
}

/// The cell, the groups, and the answers of one of them.
#[component]
fn Answers(
    /// The page.
    page: ExerciseController,
    /// Whether the user may write to participants.
    may_change: bool,
) -> impl IntoView {
    let of_answer = move |draw: fn(&ExerciseResponse, &ExerciseAddress) -> Html| {
        let memo = Memo::new(move |_| {
            let answer = page.answer.get();
            answer.map(|answer| page.address.with(|address| draw(&answer, address)))
        });
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let stub = |answer: &ExerciseResponse, _: &ExerciseAddress| Html::from(answer.stub.clone());
    let writes_to = Memo::new(move |_| {
        let hides_names = page.address.with(|address| address.hides_names);
        let group = page.group();
        let words = group.map(|group| message_to(&group, hides_names));
        words.unwrap_or_default()
    });
    let is_writing = Memo::new(move |_| page.message.with(Option::is_some));
    let is_error = move || page.address.with(|address| address.error.is_some());
    view! {
        <header class="exercise-head" {..of_answer(heading)}></header>
        <details class="stub" hidden=is_error>
            <summary>"As it was handed out"</summary>
            <div {..of_answer(stub)}></div>
        </details>
        <ul
            class="answer-groups"
            aria-label="What people have come to"
            data-testid="exercise-groups"
            {..of_answer(group_list)}
        ></ul>
        <div class="exercise-bar" role="toolbar" aria-label="How the answers are shown">
            <button
                type="button"
                class="button"
                aria-pressed=move || page.address.with(|it| it.whole).to_string()
                title="Whole sources, or what differs from the handout (d)"
                hidden=is_error
                on:click=move |_| page.change(|address| address.whole = !address.whole)
            >
                "Whole source"
            </button>
            <button
                type="button"
                class="button"
                aria-pressed=move || page.address.with(|it| it.hides_names).to_string()
                title="Show no names (n)"
                on:click=move |_| page.change(|address| address.hides_names = !address.hides_names)
            >
                "Without names"
            </button>
            <button
                type="button"
                class="button"
                title="Fetch the answers as they are now (r)"
                on:click=move |_| page.refetcher.refetch_now()
            >
                "Refresh"
            </button>
            <button
                type="button"
                class="button"
                data-testid="exercise-write"
                title="A notice to exactly these people (w)"
                hidden=!may_change
                on:click=move |_| page.write()
            >
                {writes_to}
            </button>
            <p role="status" data-testid="exercise-said">{move || page.said.get()}</p>
        </div>
        <form
            class="exercise-message"
            hidden=move || !is_writing.get()
            on:submit=move |event| {
                event.prevent_default();
                page.send();
            }
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.prevent_default();
                    page.stop_writing();
                }
            }
        >
            <label for="exercise-message">{writes_to}</label>
            <textarea
                id="exercise-message"
                rows="3"
                maxlength=MAX_MESSAGE_CHARS
                placeholder="Markdown; it appears in their JupyterLab"
                prop:value=move || page.message.get().unwrap_or_default()
                on:input=move |event| page.message.set(Some(event_target_value(&event)))
            ></textarea>
            <button class="button primary" prop:disabled=move || page.is_sending.get()>
                "Send"
            </button>
            <button type="button" class="button" on:click=move |_| page.stop_writing()>
                "Cancel"
            </button>
        </form>
        <section
            class="answers"
            aria-label="Answers"
            data-testid="exercise-answers"
            {..of_answer(answers)}
        ></section>
    }
}
