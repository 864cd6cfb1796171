//! Notices on the page: for a participant, the strip above the page; for an instructor, the dialog
//! in which they are written and taken back. [`crate::model::notices`] writes their HTML, and
//! `answers.rs` reads the service's answers.

mod answers;

use std::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use leptos::ev::{MouseEvent, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::notices::{NoticeLink, NoticeRequest, NoticesResponse, ReceiptRequest, ReceiptState};
use shared::wire::Role;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement};

use self::answers::{notice_of, preview_of, sent_of};
use super::inputs::{moment, set_value, value_of};
use super::keyboard::{find, find_all, on_shortcut};
use crate::api;
use crate::clock::{Clock, local};
use crate::components::notice_button::ShowNotices;
use crate::fields::AnswerFields;
use crate::html;
use crate::html::{Html, set_html};
use crate::model::failure::RequestFailure;
use crate::model::notices::{self, AudienceChoices, FORM, NoticeStrip, SentRow};
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::refetcher::Refetcher;
use crate::store::wall::WallStore;
use crate::stream::{EventStream, StreamMessage};

/// The fields of a notice.
const FIELDS: [&str; 6] = [
    "#notice-text",
    "#notice-title",
    "#notice-url",
    "#notice-label",
    "#notice-file",
    "#notice-until",
];

/// How often it is looked, while the dialog is open, whether there is something new to preview; each
/// fourth time the receipts are fetched.
const PREVIEW_INTERVAL_MS: u32 = 500;

/// What is said of a notice that was sent.
const SENT: &str = "Sent.";

#[derive(Default)]
struct NoticesState {
    strip: NoticeStrip,
    /// The sent notices, while the dialog is open.
    sent: Vec<SentRow>,
    /// The HTML that was drawn last: of the strip, and of the sent notices.
    drawn: [Html; 2],
    /// A task fetches the sent notices until the dialog is closed.
    polls_sent: bool,
    /// The notice that was previewed last, and whether its preview is on its way.
    previewed: (Option<String>, bool),
    /// What the fields held when a notice was sent, until it is answered. Whatever is typed
    /// meanwhile belongs to the next one.
    sending: Option<[String; 6]>,
}

/// A handle to the notices; belongs to the frame of all pages.
#[derive(Clone, Copy)]
struct NoticesController {
    state: StoredValue<RefCell<NoticesState>, LocalStorage>,
    /// Fetches the participant's notices.
    refetcher: Refetcher,
    /// Fetches the sent notices.
    sent: Refetcher,
    session: SessionHandle,
    clock: Clock,
    router: Router,
    wall: WallStore,
}

/// The notices of the signed-in user: the strip for a participant, the dialog for an instructor.
#[component]
pub fn NoticeParts() -> impl IntoView {
    let session = expect_context();
    let notices = NoticesController {
        state: StoredValue::new_local(RefCell::default()),
        refetcher: Refetcher::new(session),
        sent: Refetcher::new(session),
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
        .configure(sent, move |answer| notices.take_sent(answer));
    if notices.is_instructor() {
        let ShowNotices(asked) = expect_context();
        on_shortcut(move |key| {
            let is_notice_key = key == "m";
            if is_notice_key {
                notices.open();
            }
            is_notice_key
        });
        Effect::new(move || {
            if asked.get() > 0 {
                notices.open();
            }
        });
    } else {
        notices.show_strip();
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
            on:input=move |_| notices.typed()
            on:submit=move |event: SubmitEvent| event.prevent_default()
        ></dialog>
    }
}

impl NoticesController {
    fn is_instructor(self) -> bool {
        let who = self.session.who_untracked();
        who.is_some_and(|who| who.role == Role::Instructor)
    }

    fn with<T>(self, f: impl FnOnce(&mut NoticesState) -> T) -> Option<T> {
        // `None`: the page is gone.
        self.state
            .try_with_value(|state| f(&mut state.borrow_mut()))
    }

    // For a participant.

    /// Keeps the strip up to date. Notices are fetched again whenever the stream opens, because a
    /// message about them may have been missed.
    fn show_strip(self) {
        let address = move || {
            let after = self.with(|state| state.strip.cursor())?;
            Some(paths::notices(after))
        };
        self.refetcher
            .configure(address, move |answer| self.take(answer));
        expect_context::<EventStream>().listen(move |message| match message {
            StreamMessage::Event(..) | StreamMessage::Announcement(..) => {}
            StreamMessage::Notices => self.refetcher.refetch(),
            StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
                self.refetcher.refetch_now()
            }
        });
        self.refetcher.refetch();
        let clock = self.clock;
        Effect::new(move || {
            // An expired notice is removed without a message.
            clock.now_ms();
            self.draw_strip();
        });
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                let number = |name| fields.number(name).unwrap_or_default();
                let notices = NoticesResponse {
                    now_ms: number("now_ms"),
                    cursor: number("cursor"),
                    notices: fields
                        .list("notices")
                        .iter()
                        .filter_map(notice_of)
                        .collect(),
                    // The page asks for none.
                    help: None,
                };
                self.clock.observe(notices.now_ms);
                self.with(|state| state.strip.take(notices));
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
        let drawn = self.with(|state| {
            let html = state.strip.html(now_ms, &lab);
            draw_new(&mut state.drawn[0], "#notices", html);
            state.strip.newly_shown(now_ms)
        });
        for id in drawn.into_iter().flatten() {
            self.report(id, ReceiptState::Shown);
        }
    }

    fn report(self, id: i64, state: ReceiptState) {
        let body = serde_json::to_string(&ReceiptRequest { state });
        // A lost receipt only makes the instructor's counts too low.
        self.fetch(paths::receipt(id), body.ok(), |_, _| {});
    }

    // For an instructor.

    fn open(self) {
        let Some(dialog) = dialog() else { return };
        if dialog.open() {
            return;
        }
        if find("#notice-text").is_none() {
            set_html(&dialog, &Html::from_static(FORM));
        }
        if let Some(to) = find("#notice-to") {
            let before = value_of("#notice-to");
            let choices = AudienceChoices {
                notebook: self.router.view_untracked().notebook,
                users: self.wall.users_untracked(),
            };
            set_html(&to, &choices.options());
            // A recipient that is no longer an option leaves the select empty; choose everyone
            // then.
            set_value("#notice-to", &before);
            if value_of("#notice-to").is_empty() {
                set_value("#notice-to", "everyone");
            }
        }
        show_status(&Html::default());
        self.measure();
        // It fails only for a dialog that is not in the page.
        let _ = dialog.show_modal();
        if let Some(text) = find("#notice-text") {
            super::keyboard::focus(&text);
        }
        self.poll_sent();
    }

    /// Fetches the sent notices with their receipts, and previews, until the dialog is closed.
    fn poll_sent(self) {
        let follows = self.with(|state| std::mem::replace(&mut state.polls_sent, true));
        if follows != Some(false) {
            return;
        }
        spawn_local(async move {
            let mut ticks = 0_u32;
            while dialog().is_some_and(|dialog| dialog.open()) {
                if ticks.is_multiple_of(4) {
                    self.sent.refetch();
                }
                self.preview();
                ticks += 1;
                TimeoutFuture::new(PREVIEW_INTERVAL_MS).await;
            }
            self.with(|state| state.polls_sent = false);
        });
    }

    fn take_sent(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                self.clock
                    .observe(fields.number("now_ms").unwrap_or_default());
                let sent = fields.list("notices").iter().map(sent_of).collect();
                self.with(|state| state.sent = sent);
                self.draw_sent();
                true
            }
            Err(failure) => {
                show_status(&failure.message_html());
                !failure.may_pass()
            }
        }
    }

    fn draw_sent(self) {
        let open = find_all("#notices-sent details[open]");
        let open: Vec<String> = open.iter().filter_map(notice_id).collect();
        let now_ms = self.clock.now_ms_untracked();
        self.with(|state| {
            let html = notices::sent(&state.sent, &open, now_ms, &local);
            draw_new(&mut state.drawn[1], "#notices-sent", html);
        });
    }

    /// Takes what is typed: the next notice is not sent yet.
    fn typed(self) {
        if find("#notice-said").and_then(|it| it.text_content()) == Some(SENT.to_owned()) {
            show_status(&Html::default());
        }
        self.measure();
    }

    /// Shows the length of the text, and enables the Send button if it fits and no notice is on
    /// its way.
    fn measure(self) {
        let (length_text, fits) = notices::length(&value_of("#notice-text"));
        // One at a time, so that it is known which of them an answer is for.
        let may_send = fits && self.with(|state| state.sending.is_none()) == Some(true);
        if let Some(length) = find("#notice-length") {
            length.set_text_content(Some(&length_text));
        }
        if let Some(send) = find("#notice-dialog [data-do=send]") {
            // If the attribute cannot be set, the service refuses the notice.
            let _ = match may_send {
                true => send.remove_attribute("disabled"),
                false => send.set_attribute("disabled", ""),
            };
        }
    }

    /// Shows how the notice in the fields would look, and whom it would reach, when it is another one
    /// than was shown last.
    fn preview(self) {
        let is_written = !value_of("#notice-text").trim().is_empty();
        let body = is_written.then(written);
        let is_new = self.with(|state| {
            let (previewed, is_coming) = &mut state.previewed;
            let is_new = *previewed != body && !*is_coming;
            if is_new {
                *is_coming = body.is_some();
                previewed.clone_from(&body);
            }
            is_new
        });
        match (is_new, body) {
            (Some(true), Some(body)) => self.fetch(
                paths::NOTICE_PREVIEW.to_owned(),
                Some(body),
                |notices, answer| {
                    notices.with(|state| state.previewed.1 = false);
                    show_preview(&match answer.and_then(|body| AnswerFields::read(&body)) {
                        Ok(fields) => preview_of(&fields),
                        Err(failure) => failure.message_html(),
                    });
                },
            ),
            (Some(true), None) => show_preview(&Html::default()),
            _ => {}
        }
    }

    fn send(self) {
        let body = written();
        self.with(|state| state.sending = Some(FIELDS.map(value_of)));
        self.measure();
        self.fetch(
            paths::NOTICES.to_owned(),
            Some(body),
            |notices, answer| match answer {
                Ok(_) => {
                    let sent = notices.with(|state| state.sending.take()).flatten();
                    for (field, sent) in FIELDS.iter().zip(sent.unwrap_or_default()) {
                        // The next one may have been begun behind it.
                        match value_of(field).strip_prefix(&sent) {
                            Some(rest) if !sent.is_empty() => set_value(field, rest),
                            _ => {}
                        }
                    }
                    notices.measure();
                    show_status(&html!("<p>{}</p>", SENT));
                    notices.sent.refetch_now();
                }
                Err(failure) => {
                    notices.with(|state| state.sending = None);
                    notices.measure();
                    show_status(&failure.message_html());
                }
            },
        );
    }

    fn retract(self, id: i64) {
        let xsrf = self.xsrf();
        spawn_local(async move {
            if let Err(failure) = api::delete(&paths::notice(id), &xsrf).await {
                self.session.note(&failure);
                show_status(&failure.message_html());
            }
            self.sent.refetch_now();
        });
    }

    // For both.

    fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let Some(target) = target else { return };
        let button = target.closest("[data-do]").ok().flatten();
        let action = button
            .as_ref()
            .and_then(|button| button.get_attribute("data-do"));
        let id = button.and_then(|button| button.get_attribute("data-id"));
        let id = id.and_then(|id| id.parse().ok());
        match (action.as_deref(), id) {
            (Some("dismiss"), Some(id)) => {
                self.with(|state| state.strip.dismiss(id));
                self.draw_strip();
                self.report(id, ReceiptState::Opened);
            }
            (Some("take-back"), Some(id)) => self.retract(id),
            (Some("send"), _) => self.send(),
            (Some("close"), _) => {
                if let Some(dialog) = dialog() {
                    dialog.close();
                }
            }
            _ => self.note_link(&target),
        }
    }

    /// Reports a notice as opened after a click on one of its links; the notice stays until it is
    /// dismissed.
    fn note_link(self, target: &Element) {
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

    fn fetch(
        self,
        url: String,
        body: Option<String>,
        then: fn(Self, Result<String, RequestFailure>),
    ) {
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

/// Draws a part if its HTML differs from the HTML that was drawn last.
fn draw_new(drawn: &mut Html, place: &str, html: Html) {
    if *drawn == html {
        return;
    }
    if let Some(element) = find(place) {
        set_html(&element, &html);
        *drawn = html;
    }
}

fn dialog() -> Option<HtmlDialogElement> {
    find("#notice-dialog")?.dyn_into().ok()
}

/// The notice in the fields, as it is sent.
fn written() -> String {
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
    serde_json::to_string(&request).expect("texts and a number are JSON")
}

fn show_preview(html: &Html) {
    if let Some(preview) = find("#notice-preview") {
        set_html(&preview, html);
    }
}

/// Shows the result of the last action in the dialog.
fn show_status(html: &Html) {
    if let Some(status) = find("#notice-said") {
        set_html(&status, html);
    }
}

fn notice_id(element: &web_sys::HtmlElement) -> Option<String> {
    element.get_attribute("data-id")
}
