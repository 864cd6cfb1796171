//! Notices on the page: above it, those meant for a participant; for an instructor, the
//! dialog in which they are written and taken back. What they look like is
//! [`crate::model::notices`]'s.

use std::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use leptos::ev::{MouseEvent, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::notices::{
    NoticeLink, NoticeRequest, NoticesResponse, ReceiptRequest, ReceiptState, SentNotice,
    SentResponse,
};
use shared::wire::Role;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlDialogElement};

use super::keyboard::{find, find_all, on_shortcut};
use crate::api;
use crate::clock::{Clock, local};
use crate::components::notice_button::ShowNotices;
use crate::html;
use crate::html::{Html, put};
use crate::model::failure::Failure;
use crate::model::notices::{self, Class, FORM, Strip};
use crate::paths;
use crate::router::Router;
use crate::session::Session;
use crate::store::upkeep::Upkeep;
use crate::store::wall::WallStore;
use crate::stream::{Message, Stream};

/// How long what is shown of who has read what may be old.
const FRESH_MS: u32 = 2_000;

#[derive(Default)]
struct Inner {
    strip: Strip,
    /// What was sent, while the dialog is open.
    sent: Vec<SentNotice>,
    /// What was drawn last: the strip, and what was sent.
    drawn: [Html; 2],
    /// The dialog is open, and what was sent is asked for every now and then.
    following: bool,
}

/// A handle; belongs to the frame of all pages.
#[derive(Clone, Copy)]
struct Notices {
    inner: StoredValue<RefCell<Inner>, LocalStorage>,
    /// Of those for a participant.
    upkeep: Upkeep,
    /// Of those that were sent.
    sent: Upkeep,
    session: Session,
    clock: Clock,
    router: Router,
    wall: WallStore,
}

/// The notices of whoever is signed in: for a participant the strip, for an instructor the
/// dialog.
#[component]
pub fn NoticeParts() -> impl IntoView {
    let session = expect_context();
    let notices = Notices {
        inner: StoredValue::new_local(RefCell::default()),
        upkeep: Upkeep::new(session),
        sent: Upkeep::new(session),
        session,
        clock: expect_context(),
        router: expect_context(),
        wall: expect_context(),
    };
    let sent = || {
        let is_open = dialog().is_some_and(|dialog| dialog.open());
        is_open.then(|| paths::SENT_NOTICES.to_owned())
    };
    notices
        .sent
        .serve(sent, move |answer| notices.take_sent(answer));
    if notices.is_instructor() {
        let ShowNotices(asked) = expect_context();
        on_shortcut(move |key| {
            let is_ours = key == "m";
            if is_ours {
                notices.open();
            }
            is_ours
        });
        Effect::new(move || {
            if asked.get() > 0 {
                notices.open();
            }
        });
    } else {
        notices.follow();
    }
    view! {
        <section
            id="notices"
            aria-label="Notices"
            aria-live="polite"
            on:click=move |event| notices.clicked(&event)
        ></section>
        <dialog
            id="notice-dialog"
            class="dialog notice-dialog"
            aria-labelledby="notices-title"
            data-testid="notice-dialog"
            on:click=move |event| notices.clicked(&event)
            on:input=move |_| notices.measure()
            on:submit=move |event: SubmitEvent| event.prevent_default()
        ></dialog>
    }
}

impl Notices {
    fn is_instructor(self) -> bool {
        let who = self.session.who_untracked();
        who.is_some_and(|who| who.role == Role::Instructor)
    }

    fn with<T>(self, use_it: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        // `None`: the page is gone.
        self.inner
            .try_with_value(|inner| use_it(&mut inner.borrow_mut()))
    }

    // What a participant has.

    /// Keeps the strip up to date. Whatever the stream says of its own state, something may
    /// have been said meanwhile.
    fn follow(self) {
        let address = move || {
            let after = self.with(|inner| inner.strip.cursor())?;
            Some(paths::notices(after))
        };
        self.upkeep.serve(address, move |answer| self.take(answer));
        expect_context::<Stream>().listen(move |message| match message {
            Message::Event(..) | Message::Aside(..) => {}
            Message::Notices => self.upkeep.want(),
            Message::Opened(_) | Message::Resumed(_) | Message::Reset(_) => self.upkeep.now(),
        });
        self.upkeep.want();
        let clock = self.clock;
        Effect::new(move || {
            // What is over goes by itself.
            clock.now_ms();
            self.draw_strip();
        });
    }

    fn take(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read::<NoticesResponse>(&body)) {
            Ok(news) => {
                self.clock.observe(news.now_ms);
                self.with(|inner| inner.strip.take(news));
                self.draw_strip();
                true
            }
            Err(failure) => !failure.may_pass(),
        }
    }

    fn draw_strip(self) {
        let now_ms = self.clock.now_ms_untracked();
        let hub = self.session.who_untracked().and_then(|who| who.hub_url);
        let lab = move |file: &str| Some(paths::lab(hub.as_deref()?, file));
        let drawn = self.with(|inner| {
            let html = inner.strip.html(now_ms, &lab);
            draw_new(&mut inner.drawn[0], "#notices", html);
            inner.strip.newly_shown(now_ms)
        });
        for id in drawn.into_iter().flatten() {
            self.report(id, ReceiptState::Shown);
        }
    }

    fn report(self, id: i64, state: ReceiptState) {
        let body = serde_json::to_string(&ReceiptRequest { state });
        // Nobody but the instructor misses one that is lost.
        self.fetch(paths::receipt(id), body.ok(), |_, _| {});
    }

    // What an instructor has.

    fn open(self) {
        let Some(dialog) = dialog() else { return };
        if dialog.open() {
            return;
        }
        if find("#notice-text").is_none() {
            put(&dialog, &Html::own(FORM));
        }
        if let Some(to) = find("#notice-to") {
            let before = value_of("#notice-to");
            let class = Class {
                notebook: self.router.view_untracked().notebook,
                users: self.wall.users_untracked(),
            };
            put(&to, &class.choices());
            // What cannot be chosen any more leaves the choice empty, and that is everyone.
            set_value("#notice-to", &before);
            if value_of("#notice-to").is_empty() {
                set_value("#notice-to", "everyone");
            }
        }
        say(&Html::default());
        self.measure();
        // It fails only for a dialog that is not in the page.
        let _ = dialog.show_modal();
        if let Some(text) = find("#notice-text") {
            super::keyboard::focus(&text);
        }
        self.follow_sent();
    }

    /// Asks who has read what until the dialog is closed.
    fn follow_sent(self) {
        let follows = self.with(|inner| std::mem::replace(&mut inner.following, true));
        if follows != Some(false) {
            return;
        }
        spawn_local(async move {
            while dialog().is_some_and(|dialog| dialog.open()) {
                self.sent.want();
                TimeoutFuture::new(FRESH_MS).await;
            }
            self.with(|inner| inner.following = false);
        });
    }

    fn take_sent(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read::<SentResponse>(&body)) {
            Ok(sent) => {
                self.clock.observe(sent.now_ms);
                self.with(|inner| inner.sent = sent.notices);
                self.draw_sent();
                true
            }
            Err(failure) => {
                say(&failure.what_as_html());
                !failure.may_pass()
            }
        }
    }

    fn draw_sent(self) {
        let open = find_all("#notices-sent details[open]");
        let open: Vec<String> = open.iter().filter_map(number_of).collect();
        let now_ms = self.clock.now_ms_untracked();
        self.with(|inner| {
            let html = notices::sent(&inner.sent, &open, now_ms, &local);
            draw_new(&mut inner.drawn[1], "#notices-sent", html);
        });
    }

    /// Says how long the text is.
    fn measure(self) {
        let (told, fits) = notices::length(&value_of("#notice-text"));
        if let Some(length) = find("#notice-length") {
            length.set_text_content(Some(&told));
        }
        if let Some(send) = find("#notice-dialog [data-do=send]") {
            // An attribute that cannot be set leaves the service to refuse.
            let _ = match fits {
                true => send.remove_attribute("disabled"),
                false => send.set_attribute("disabled", ""),
            };
        }
    }

    fn send(self) {
        let filled = |selector| Some(value_of(selector)).filter(|value| !value.is_empty());
        let request = NoticeRequest {
            text: value_of("#notice-text"),
            to: notices::audience(&value_of("#notice-to")),
            title: filled("#notice-title"),
            link: filled("#notice-url").map(|url| NoticeLink {
                url,
                label: value_of("#notice-label"),
            }),
            file: filled("#notice-file"),
            until_ms: filled("#notice-until").and_then(|until| moment(&until)),
        };
        let body = serde_json::to_string(&request).expect("texts and a number are JSON");
        self.fetch(
            paths::NOTICES.to_owned(),
            Some(body),
            |notices, answer| match answer {
                Ok(_) => {
                    for field in ["text", "title", "url", "label", "file", "until"] {
                        set_value(&format!("#notice-{field}"), "");
                    }
                    notices.measure();
                    say(&html!("<p>Sent.</p>"));
                    notices.sent.now();
                }
                Err(failure) => say(&failure.what_as_html()),
            },
        );
    }

    fn take_back(self, id: i64) {
        let xsrf = self.xsrf();
        spawn_local(async move {
            if let Err(failure) = api::delete(&paths::notice(id), &xsrf).await {
                self.session.note(&failure);
                say(&failure.what_as_html());
            }
            self.sent.now();
        });
    }

    // What both have.

    fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let Some(target) = target else { return };
        let button = target.closest("[data-do]").ok().flatten();
        let deed = button
            .as_ref()
            .and_then(|button| button.get_attribute("data-do"));
        let id = button.and_then(|button| button.get_attribute("data-id"));
        let id = id.and_then(|id| id.parse().ok());
        match (deed.as_deref(), id) {
            (Some("dismiss"), Some(id)) => {
                self.with(|inner| inner.strip.dismiss(id));
                self.draw_strip();
                self.report(id, ReceiptState::Opened);
            }
            (Some("take-back"), Some(id)) => self.take_back(id),
            (Some("send"), _) => self.send(),
            (Some("close"), _) => {
                if let Some(dialog) = dialog() {
                    dialog.close();
                }
            }
            _ => self.followed(&target),
        }
    }

    /// A link of a notice was followed: it is open, and stays until it is dismissed.
    fn followed(self, target: &Element) {
        let note = target.closest("#notices a").ok().flatten();
        let note = note.and_then(|link| link.closest(".note").ok().flatten());
        let button = note.and_then(|note| note.query_selector("[data-id]").ok().flatten());
        let id = button.and_then(|button| button.get_attribute("data-id"));
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            self.report(id, ReceiptState::Opened);
        }
    }

    fn xsrf(self) -> String {
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        xsrf.unwrap_or_default()
    }

    fn fetch(self, url: String, body: Option<String>, then: fn(Self, Result<String, Failure>)) {
        let xsrf = self.xsrf();
        spawn_local(async move {
            let answer = api::text(&url, body, &xsrf).await;
            if self.with(|_| ()).is_some() {
                if let Err(failure) = &answer {
                    self.session.note(failure);
                }
                then(self, answer);
            }
        });
    }
}

/// Draws a part that is not as it was drawn last.
fn draw_new(drawn: &mut Html, place: &str, html: Html) {
    if *drawn == html {
        return;
    }
    if let Some(element) = find(place) {
        put(&element, &html);
        *drawn = html;
    }
}

fn dialog() -> Option<HtmlDialogElement> {
    find("#notice-dialog")?.dyn_into().ok()
}

/// What the dialog says about what was just done.
fn say(html: &Html) {
    if let Some(said) = find("#notice-said") {
        put(&said, html);
    }
}

fn number_of(element: &web_sys::HtmlElement) -> Option<String> {
    element.get_attribute("data-id")
}

/// The value of a field, of whatever kind it is.
pub(super) fn value_of(selector: &str) -> String {
    let value = find(selector)
        .and_then(|field| js_sys::Reflect::get(&field, &JsValue::from_str("value")).ok());
    value
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

pub(super) fn set_value(selector: &str, value: &str) {
    if let Some(field) = find(selector) {
        // A field takes any text.
        let _ = js_sys::Reflect::set(
            &field,
            &JsValue::from_str("value"),
            &JsValue::from_str(value),
        );
    }
}

/// What a field for a day and a time says, by the reader's clock.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a date is a whole number of milliseconds, and one that is none is left out"
)]
fn moment(local: &str) -> Option<i64> {
    let at_ms = js_sys::Date::parse(local);
    at_ms.is_finite().then_some(at_ms as i64)
}
