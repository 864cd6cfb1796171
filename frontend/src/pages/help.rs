//! The help queue in the first app: a link that counts who waits, for who sees everyone, and the two
//! notes of a participant.

use leptos::ev::{MouseEvent, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::HELP_KIND;
use shared::help::{MAX_HELP_TEXT_CHARS, NoteKind, NoteRequest, QUEUE_PAGE};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::inputs::{set_value, value_of};
use super::keyboard::on_shortcut;
use crate::api;
use crate::fields::AnswerFields;
use crate::html::dynamic_html;
use crate::model::failure::RequestFailure;
use crate::model::help::{HelpSeen, note_buttons, note_words, queue_link};
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::refetcher::Refetcher;
use crate::stream::{EventStream, StreamMessage};

/// The field for what a ticket is about.
const TEXT: &str = "#help-text";

/// What is known of the queue, and a handle to its fetching.
#[derive(Clone, Copy)]
struct HelpController {
    seen: RwSignal<HelpSeen>,
    /// Why the last press has changed nothing.
    trouble: RwSignal<String>,
    refetcher: Refetcher,
    router: Router,
    session: SessionHandle,
}

impl HelpController {
    fn start(url: &'static str) -> Self {
        let session = expect_context();
        let help = Self {
            seen: RwSignal::default(),
            trouble: RwSignal::default(),
            refetcher: Refetcher::new(session),
            router: expect_context(),
            session,
        };
        help.refetcher.configure(
            move || Some(url.to_owned()),
            move |answer| help.take(answer),
        );
        help.refetcher.refetch();
        expect_context::<EventStream>().listen(move |message| match message {
            StreamMessage::Announcement(HELP_KIND, _)
            | StreamMessage::Opened(_)
            | StreamMessage::Resumed(_)
            | StreamMessage::Reset(_) => help.refetcher.refetch(),
            _ => {}
        });
        help
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                let seen = seen_of(&fields);
                if self.seen.try_with_untracked(|known| *known != seen) == Some(true) {
                    self.seen.set(seen);
                }
                true
            }
            Err(failure) => !failure.may_pass(),
        }
    }

    /// Sets the note, or takes it back.
    fn put(self, note: Option<NoteKind>) {
        let request = NoteRequest {
            note,
            text: (note == Some(NoteKind::Help)).then(|| value_of(TEXT)),
            paused: false,
            filename: self.router.view_untracked().notebook,
            cell: None,
        };
        let body = serde_json::to_string(&request).unwrap_or_default();
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::put(paths::MY_NOTE, body, &xsrf.unwrap_or_default()).await;
            if let Err(failure) = &answer {
                self.session.note(failure);
            }
            let trouble = answer.err().map(|failure| failure.message());
            self.trouble.try_set(trouble.unwrap_or_default());
            self.refetcher.refetch_now();
        });
    }

    fn clicked(self, event: &MouseEvent) {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let button = target.and_then(|it| it.closest("[data-note]").ok().flatten());
        if let Some(note) = button.and_then(|it| it.get_attribute("data-note")) {
            let is_on = self.seen.with_untracked(|seen| seen.note == note);
            let kind = match &*note {
                "help" => NoteKind::Help,
                _ => NoteKind::Done,
            };
            self.put((!is_on).then_some(kind));
            if is_on {
                set_value(TEXT, "");
            }
        }
    }
}

fn seen_of(fields: &AnswerFields) -> HelpSeen {
    let ticket = fields.object("ticket");
    let place = ticket.number("place");
    HelpSeen {
        waiting: fields.count("waiting"),
        note: fields.text("note").unwrap_or_default(),
        text: ticket.text("text").unwrap_or_default(),
        place: place.and_then(|place| place.try_into().ok()),
        helper: ticket.text("helper"),
        is_asked: fields.is("round") && !fields.object("round").is("answered"),
    }
}

/// The link to the queue, for who sees everyone.
#[component]
pub fn QueueLink() -> impl IntoView {
    let help = HelpController::start(paths::HELP);
    on_shortcut(|key| {
        let is_queue = key == "q";
        if is_queue {
            // A browser that refuses to navigate stays on the page.
            let _ = window().location().assign(QUEUE_PAGE);
        }
        is_queue
    });
    let link = Memo::new(move |_| help.seen.with(queue_link));
    view! { <span class="contents" {..dynamic_html(move || link.get())}></span> }
}

/// The two notes of a participant.
#[component]
pub fn NotePart() -> impl IntoView {
    let help = HelpController::start(paths::MY_NOTE);
    let buttons = Memo::new(move |_| help.seen.with(note_buttons));
    let words = move || match help.trouble.get() {
        none if none.is_empty() => help.seen.with(note_words),
        trouble => trouble,
    };
    let is_asking = Memo::new(move |_| help.seen.with(|seen| seen.note == "help"));
    let sends = move |event: SubmitEvent| {
        event.prevent_default();
        help.put(Some(NoteKind::Help));
    };
    view! {
        <form class="my-note" data-testid="my-note" on:submit=sends>
            <span
                class="contents"
                on:click=move |event| help.clicked(&event)
                {..dynamic_html(move || buttons.get())}
            ></span>
            <input
                id="help-text"
                class="field"
                aria-label="What it is about"
                placeholder="What is it about? (Enter)"
                maxlength=MAX_HELP_TEXT_CHARS.to_string()
                hidden=move || !is_asking.get()
            />
            <p role="status">{words}</p>
        </form>
    }
}
