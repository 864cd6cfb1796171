//! Handing out a notebook or another file: the instructor's actions in the dialog, which every page
//! has, the requests for them, and drawing. [`crate::model::handouts`] writes its HTML.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::{ERRAND_KIND, HANDOUTS_KIND};
use shared::errands::{HandoutAudience, HandoutRequest, HubGroup};
use wasm_bindgen::JsCast;
use web_sys::{Element, File, HtmlDialogElement, HtmlInputElement, XmlHttpRequest};

use super::inputs::{set_value, value_of};
use super::keyboard::{find, find_all, focus, on_shortcut};
use crate::api;
use crate::clock::{Clock, local};
use crate::fields::AnswerFields;
use crate::html::{Html, set_html};
use crate::model::failure::RequestFailure;
use crate::model::handouts::{
    HANDOUT_FORM, HandoutDialog, HandoutList, HandoutRow, HandoutStep, handout_audience, too_large,
};
use crate::model::view::View;
use crate::paths::{self, PageRoute};
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::refetcher::Refetcher;
use crate::stream::{EventStream, StreamMessage};

/// A handle to handing out; a context of all pages.
#[derive(Clone, Copy)]
pub struct HandoutController {
    dialog: StoredValue<HandoutDialog>,
    /// The upload that is running.
    upload: StoredValue<Option<XmlHttpRequest>, LocalStorage>,
    refetcher: Refetcher,
    router: Router,
    session: SessionHandle,
    clock: Clock,
}

/// The place of the dialog of handouts.
#[component]
pub fn HandoutParts() -> impl IntoView {
    let controller = expect_context::<HandoutController>();
    on_shortcut(move |key| {
        let opens = key == "d" && controller.may_hand_out();
        if opens {
            controller.open();
        }
        opens
    });
    expect_context::<EventStream>().listen(move |message| match message {
        StreamMessage::Event(..) | StreamMessage::Notices => {}
        StreamMessage::Announcement(kind, _) if ![ERRAND_KIND, HANDOUTS_KIND].contains(kind) => {}
        _ => controller.refetcher.refetch(),
    });
    view! {
        <div
            id="handouts"
            on:click=move |event| controller.clicked(&event)
            on:change=move |_| controller.chosen()
        ></div>
    }
}

impl HandoutController {
    /// A handle that belongs to the frame of all pages.
    pub fn new(router: Router) -> Self {
        let session = expect_context();
        let controller = Self {
            dialog: StoredValue::default(),
            upload: StoredValue::new_local(None),
            refetcher: Refetcher::new(session),
            router,
            session,
            clock: expect_context(),
        };
        let address = move || {
            let is_open = dialog_element().is_some_and(|dialog| dialog.open());
            let before = controller.dialog.try_with_value(|dialog| dialog.before)?;
            is_open.then(|| paths::handouts(before))
        };
        controller
            .refetcher
            .configure(address, move |answer| controller.take(answer));
        controller
    }

    /// Whether the reader may hand out: an instructor, where participants have servers.
    pub fn may_hand_out(self) -> bool {
        let who = self.session.who_untracked();
        who.is_some_and(|who| who.role.changes_the_class() && who.hub_url.is_some())
    }

    /// The participant and the path of the notebook that the page shows.
    fn shown_notebook(self) -> Option<(String, String)> {
        let View { user, notebook, .. } = self.router.view_untracked();
        let is_shown = self.router.page_untracked() == Some(PageRoute::Notebook);
        user.zip(notebook).filter(|_| is_shown)
    }

    /// Opens the dialog.
    fn open(self) {
        let Some(dialog) = dialog_element().or_else(make_dialog) else {
            return;
        };
        if dialog.open() {
            return;
        }
        let notebook = self.shown_notebook();
        show_parts("choice", notebook.is_some());
        let what = if notebook.is_some() {
            "notebook"
        } else {
            "file"
        };
        set_value("#handout-what", what);
        self.dialog.update_value(|dialog| dialog.before = None);
        self.draw_choices();
        if !self.is_uploading() {
            self.turn(HandoutStep::Choosing);
        }
        self.chosen();
        // It fails only for a dialog that is not in the page.
        let _ = dialog.show_modal();
        self.refetcher.refetch_now();
    }

    fn is_uploading(self) -> bool {
        let is_uploading =
            |dialog: &HandoutDialog| matches!(dialog.step, HandoutStep::Uploading(_));
        // The reader may have signed out meanwhile.
        self.dialog.try_with_value(is_uploading) == Some(true)
    }

    /// Shows the fields of what is chosen, under the name that it has. A question that was asked
    /// about another choice is withdrawn.
    fn chosen(self) {
        let is_asked = |dialog: &HandoutDialog| matches!(dialog.step, HandoutStep::Asked(..));
        if self.dialog.with_value(is_asked) {
            self.turn(HandoutStep::Choosing);
        }
        show_parts("file", is_file());
        let name = match is_file() {
            true => chosen_file().map(|file| file.name()),
            false => self.shown_notebook().map(|(_, notebook)| notebook),
        };
        let name = name.unwrap_or_default();
        let is_named = self.dialog.with_value(|dialog| dialog.named == name);
        // What the instructor has typed stays.
        if !is_named {
            set_value("#handout-as", &name);
            self.dialog.update_value(|dialog| dialog.named = name);
        }
    }

    /// Handles a click on one of the buttons.
    pub fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        match button.get_attribute("data-do").as_deref() {
            Some("handout") => self.open(),
            Some("handout-ask") => {
                let to = handout_audience(&value_of("#handout-to"));
                let mut path = value_of("#handout-as");
                let folder = value_of("#handout-folder");
                if is_file() && !folder.is_empty() {
                    path = format!("{folder}/{path}");
                }
                let asked = HandoutStep::Asked(to, path);
                self.turn(problem().map_or(asked, HandoutStep::Failed));
            }
            Some("handout-back") => self.turn(HandoutStep::Choosing),
            Some("handout-send") => self.hand_out(),
            Some("handout-cancel") => self.cancel(),
            Some("handout-end") => {
                if let Some(id) = button.get_attribute("data-id") {
                    self.send(paths::handout(&id), None);
                }
            }
            Some("handout-older" | "handout-newest") => {
                let id = button.get_attribute("data-id");
                let before = id.and_then(|id| id.parse().ok());
                self.dialog.update_value(|dialog| dialog.before = before);
                self.refetcher.retarget();
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
        let step = self.dialog.with_value(|dialog| dialog.step.clone());
        let HandoutStep::Asked(to, proposed) = step else {
            return;
        };
        // The new one is at the top of the list.
        self.dialog.update_value(|dialog| dialog.before = None);
        if is_file() {
            let (name, folder) = (value_of("#handout-as"), value_of("#handout-folder"));
            if let Some(file) = chosen_file() {
                self.upload(&file, &paths::file_handout(&name, &folder, &to));
            }
            return;
        }
        let Some((user, filename)) = self.shown_notebook() else {
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

    fn upload(self, file: &File, url: &str) {
        self.turn(HandoutStep::Uploading(0));
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        let progress = move |percent| {
            if self.is_uploading() {
                self.turn(HandoutStep::Uploading(percent));
            }
        };
        let end = move |answer: Result<(), RequestFailure>| {
            self.upload.try_update_value(Option::take);
            // One that was cancelled has turned already.
            if self.is_uploading() {
                self.end(answer.map(|()| HandoutStep::Done));
            }
        };
        match api::upload(url, file, &xsrf.unwrap_or_default(), progress, end) {
            Ok(request) => self.upload.set_value(Some(request)),
            Err(_) => self.turn(HandoutStep::Failed(RequestFailure::Unreachable)),
        }
    }

    fn cancel(self) {
        self.turn(HandoutStep::Choosing);
        let running = self.upload.try_update_value(Option::take).flatten();
        if let Some(running) = running {
            // It fails only for a request that has ended.
            let _ = running.abort();
        }
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
            self.end(answer);
        });
    }

    /// Shows the result of a request.
    fn end(self, answer: Result<HandoutStep, RequestFailure>) {
        let step = answer.unwrap_or_else(|failure| {
            self.session.note(&failure);
            HandoutStep::Failed(failure)
        });
        // Another handout may have been taken back during an upload, which goes on.
        if step != HandoutStep::Choosing || !self.is_uploading() {
            self.turn(step);
        }
        self.refetcher.refetch_now();
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
        let owner = self.shown_notebook().filter(|_| !is_file());
        let owner = owner.map(|(user, _)| user);
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
        // What is focused in it is gone with each drawing.
        let is_drawn = self.dialog.with_value(|dialog| dialog.drawn == html);
        if let Some(list) = find("#handouts-list").filter(|_| !is_drawn) {
            set_html(&list, &html);
            self.dialog.update_value(|dialog| dialog.drawn = html);
        }
    }
}

/// Shows or hides the parts of the form that belong to a choice.
fn show_parts(of: &str, is_shown: bool) {
    for part in find_all(&format!("#handout-dialog [data-of={of}]")) {
        part.set_hidden(!is_shown);
    }
}

/// Whether a file is handed out, and not the shown notebook.
fn is_file() -> bool {
    value_of("#handout-what") == "file"
}

/// Why what is chosen cannot be handed out, as far as the page knows.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the size of a file is a whole number"
)]
fn problem() -> Option<RequestFailure> {
    if !is_file() {
        return None;
    }
    let Some(file) = chosen_file() else {
        let problem = "Choose a file first.".to_owned();
        return Some(RequestFailure::Refused(400, problem));
    };
    too_large(file.size() as i64).map(|problem| RequestFailure::Refused(413, problem))
}

/// The file that the instructor has chosen.
fn chosen_file() -> Option<File> {
    let field: HtmlInputElement = find("#handout-file")?.dyn_into().ok()?;
    field.files()?.get(0)
}

/// Adds the dialog to its place, whose listeners take its clicks. It is made here and not in a
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
    find("#handouts")?.append_child(&dialog).ok()?;
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
        more: fields.is("more"),
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
        size: fields.number("size").unwrap_or_default(),
        to,
        created_at_ms: fields.number("created_at_ms").unwrap_or_default(),
        is_retracted: fields.is("retracted"),
        receivers: receivers.iter().map(AnswerFields::errand).collect(),
    }
}
