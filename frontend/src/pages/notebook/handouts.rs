//! Handing out the shown notebook: the instructor's actions in the dialog, the requests for them,
//! and drawing. [`crate::model::handouts`] writes its HTML.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errands::{HandoutAudience, HandoutRequest, HubGroup};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement};

use crate::api;
use crate::clock::{Clock, local};
use crate::fields::AnswerFields;
use crate::html::{Html, set_html};
use crate::model::failure::RequestFailure;
use crate::model::handouts::{
    HANDOUT_FORM, HandoutDialog, HandoutList, HandoutRow, HandoutStep, handout_audience,
};
use crate::model::view::View;
use crate::pages::keyboard::{find, find_all, focus};
use crate::pages::notices::{set_value, value_of};
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::refetcher::Refetcher;

/// A handle to handing out; belongs to the page of a notebook.
#[derive(Clone, Copy)]
pub(super) struct HandoutController {
    dialog: StoredValue<HandoutDialog>,
    refetcher: Refetcher,
    router: Router,
    session: SessionHandle,
    clock: Clock,
}

impl HandoutController {
    pub(super) fn new(router: Router, session: SessionHandle, clock: Clock) -> Self {
        let controller = Self {
            dialog: StoredValue::default(),
            refetcher: Refetcher::new(session),
            router,
            session,
            clock,
        };
        let address = || {
            let is_open = dialog_element().is_some_and(|dialog| dialog.open());
            is_open.then(|| paths::HANDOUTS.to_owned())
        };
        controller
            .refetcher
            .configure(address, move |answer| controller.take(answer));
        controller
    }

    /// Whether the reader may hand out: an instructor, where participants have servers.
    pub(super) fn may_hand_out(self) -> bool {
        let who = self.session.who_untracked();
        who.is_some_and(|who| who.role.changes_the_class() && who.hub_url.is_some())
    }

    /// Fetches the list, because it may have changed.
    pub(super) fn renew(self) {
        self.refetcher.refetch();
    }

    /// Opens the dialog.
    pub(super) fn open(self) {
        let Some(dialog) = dialog_element().or_else(make_dialog) else {
            return;
        };
        if dialog.open() {
            return;
        }
        let notebook = self.router.view_untracked().notebook;
        set_value("#handout-as", &notebook.unwrap_or_default());
        self.draw_choices();
        self.turn(HandoutStep::Choosing);
        // It fails only for a dialog that is not in the page.
        let _ = dialog.show_modal();
        self.refetcher.refetch_now();
    }

    /// Handles a click on one of the buttons.
    pub(super) fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        match button.get_attribute("data-do").as_deref() {
            Some("handout") => self.open(),
            Some("handout-ask") => {
                let to = handout_audience(&value_of("#handout-to"));
                self.turn(HandoutStep::Asked(to, value_of("#handout-as")));
            }
            Some("handout-back") => self.turn(HandoutStep::Choosing),
            Some("handout-send") => self.hand_out(),
            Some("handout-end") => {
                if let Some(id) = button.get_attribute("data-id") {
                    self.send(paths::handout(&id), None);
                }
            }
            Some("handout-close") => {
                if let Some(dialog) = dialog_element() {
                    dialog.close();
                }
            }
            _ => {}
        }
    }

    fn hand_out(self) {
        let View {
            notebook: Some(filename),
            user: Some(user),
            ..
        } = self.router.view_untracked()
        else {
            return;
        };
        let step = self.dialog.with_value(|dialog| dialog.step.clone());
        let HandoutStep::Asked(to, proposed) = step else {
            return;
        };
        let request = HandoutRequest {
            user,
            filename,
            to,
            proposed: Some(proposed),
        };
        let body = serde_json::to_string(&request).expect("texts are JSON");
        self.turn(HandoutStep::Running);
        self.send(paths::HANDOUTS.to_owned(), Some(body));
    }

    /// Posts a handout, or takes back the handout at this address, and shows the result.
    fn send(self, url: String, body: Option<String>) {
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let xsrf = xsrf.unwrap_or_default();
            let answer = match body {
                Some(_) => api::text(&url, body, &xsrf)
                    .await
                    .map(|_| HandoutStep::Done),
                None => api::delete(&url, &xsrf)
                    .await
                    .map(|()| HandoutStep::Choosing),
            };
            let step = answer.unwrap_or_else(|failure| {
                self.session.note(&failure);
                HandoutStep::Failed(failure)
            });
            self.turn(step);
            self.refetcher.refetch_now();
        });
    }

    /// Takes the list; `false` when the failure may pass.
    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                let list = list_of(&fields);
                self.clock.observe(list.now_ms);
                self.dialog.update_value(|dialog| dialog.list = list);
                self.draw_choices();
                self.draw_list();
                true
            }
            Err(failure) => {
                let may_pass = failure.may_pass();
                self.turn(HandoutStep::Failed(failure));
                !may_pass
            }
        }
    }

    fn turn(self, step: HandoutStep) {
        // `None`: the page was left meanwhile.
        let before = self
            .dialog
            .try_update_value(|dialog| std::mem::replace(&mut dialog.step, step));
        let Some(place) = find("#handout-step").filter(|_| before.is_some()) else {
            return;
        };
        let owner = self.router.view_untracked().user;
        let html = self
            .dialog
            .with_value(|dialog| dialog.step(owner.as_deref()));
        let active = document().active_element();
        let had_focus = active.is_some_and(|active| place.contains(Some(&active)));
        set_html(&place, &html);
        // The pressed button is gone: the primary button takes the focus.
        if let Some(button) = find("#handout-step .primary").filter(|_| had_focus) {
            focus(&button);
        }
    }

    /// Draws the choices anew; the chosen option stays.
    fn draw_choices(self) {
        if let Some(to) = find("#handout-to") {
            let before = value_of("#handout-to");
            set_html(&to, &self.dialog.with_value(HandoutDialog::choices));
            set_value("#handout-to", &before);
            if value_of("#handout-to").is_empty() {
                set_value("#handout-to", "everyone");
            }
        }
    }

    fn draw_list(self) {
        let open = find_all("#handouts-list details[open]");
        let open: Vec<String> = open
            .iter()
            .filter_map(|details| details.get_attribute("data-id"))
            .collect();
        let now_ms = self.clock.now_ms_untracked();
        let html = self
            .dialog
            .with_value(|dialog| dialog.list(&open, now_ms, &local));
        if let Some(list) = find("#handouts-list") {
            set_html(&list, &html);
        }
    }
}

/// Adds the dialog to the page, whose listener takes its clicks. It is made here and not in a
/// view, because few readers open it and all of them would load it.
fn make_dialog() -> Option<HtmlDialogElement> {
    let dialog = document().create_element("dialog").ok()?;
    for (name, value) in [
        ("id", "handout-dialog"),
        ("class", "dialog notice-dialog"),
        ("aria-labelledby", "handouts-title"),
    ] {
        dialog.set_attribute(name, value).ok()?;
    }
    set_html(&dialog, &Html::from_static(HANDOUT_FORM));
    find(".notebook-page")?.append_child(&dialog).ok()?;
    dialog.dyn_into().ok()
}

fn dialog_element() -> Option<HtmlDialogElement> {
    find("#handout-dialog")?.dyn_into().ok()
}

fn list_of(fields: &AnswerFields) -> HandoutList {
    let handouts = fields.list("handouts");
    let groups = fields.list("groups");
    HandoutList {
        now_ms: fields.number("now_ms").unwrap_or_default(),
        handouts: handouts.iter().map(row_of).collect(),
        people: fields.texts("people"),
        groups: groups
            .iter()
            .map(|group| HubGroup {
                name: group.text("name").unwrap_or_default(),
                members: group.texts("members"),
            })
            .collect(),
    }
}

fn row_of(fields: &AnswerFields) -> HandoutRow {
    let to = fields.object("to");
    let to = match (to.text("group"), to.text("user")) {
        (Some(name), _) => HandoutAudience::Group(name),
        (_, Some(name)) => HandoutAudience::User(name),
        _ => HandoutAudience::Everyone(true),
    };
    let receivers = fields.list("receivers");
    HandoutRow {
        id: fields.number("id").unwrap_or_default(),
        filename: fields.text("filename").unwrap_or_default(),
        to,
        created_at_ms: fields.number("created_at_ms").unwrap_or_default(),
        is_retracted: fields.is("retracted"),
        receivers: receivers.iter().map(AnswerFields::errand).collect(),
    }
}
