//! The page *Files*: an instructor hands a notebook or another file out, and sees who has what was
//! handed out. [`crate::model::handouts`] writes its HTML.
//!
//! A file is chosen in the browser and stays there until it is sent. During an upload the browser
//! asks before it leaves the page.

use leptos::ev::{self, MouseEvent};
use leptos::html::{Div, Ol};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errands::{HandoutAudience, HandoutRequest, HubGroup};
use wasm_bindgen::JsCast;
use web_sys::{Element, File, HtmlInputElement, XmlHttpRequest};

use super::ManageBar;
use super::focus::focus_soon;
use super::loading::{by_phase, note_failure, while_visible};
use crate::api;
use crate::clock::{Clock, local};
use crate::fields::AnswerFields;
use crate::html::{Html, dynamic_html, set_html, static_html};
use crate::model::age::seconds_since;
use crate::model::failure::RequestFailure;
use crate::model::handouts::{
    HandoutList, HandoutRow, HandoutStep, Handouts, form, handout_audience, too_large,
};
use crate::model::setup::age_of_answer;
use crate::model::view::View;
use crate::pages::inputs::{set_value, value_of};
use crate::pages::keyboard::{find, find_all, focus, on_shortcut};
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// Where the focus goes when the button that had it is gone.
const STEP_BUTTONS: [&str; 2] = [
    "#handout-step .primary:not(:disabled)",
    "#handout-step button:not(:disabled)",
];

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
struct FilesController {
    phase: RwSignal<LoadPhase>,
    state: RwSignal<Handouts>,
    /// The participant and the path of the notebook that the address names.
    notebook: StoredValue<Option<(String, String)>>,
    /// A file is chosen that was not handed out.
    has_file: RwSignal<bool>,
    /// The name that the form proposed last.
    named: StoredValue<String>,
    /// The upload that is running.
    upload: StoredValue<Option<XmlHttpRequest>, LocalStorage>,
    refetcher: Refetcher,
    session: SessionHandle,
    clock: Clock,
}

/// The page.
#[component]
pub fn FilesPage(
    /// Where the wall is.
    wall: String,
) -> impl IntoView {
    let View { user, notebook, .. } =
        View::parse(&window().location().search().unwrap_or_default());
    let page = FilesController {
        phase: RwSignal::new(LoadPhase::Loading),
        state: RwSignal::default(),
        notebook: StoredValue::new(user.zip(notebook)),
        has_file: RwSignal::default(),
        named: StoredValue::default(),
        upload: StoredValue::new_local(None),
        refetcher: Refetcher::new(expect_context()),
        session: expect_context(),
        clock: expect_context(),
    };
    page.start();
    // What is lost with the page.
    let keep = move || {
        let is_under_way = page
            .state
            .with(|it| it.step.is_under_way() || it.step.is_asked());
        (is_under_way || page.has_file.get()).then_some("")
    };
    view! {
        <ManageBar name="Files" wall age=Signal::derive(move || page.age()) />
        <main
            class="manage-main"
            data-testid="files-page"
            data-keep=keep
            on:click=move |event| page.clicked(&event)
            on:change=move |_| page.chosen()
        >
            {by_phase(
                page.phase,
                "What was handed out cannot be shown",
                page.refetcher,
                move || view! { <Body page /> }.into_any(),
            )}
        </main>
    }
}

/// The form, and what was handed out.
#[component]
fn Body(
    /// The page.
    page: FilesController,
) -> impl IntoView {
    let form_place = NodeRef::<Div>::new();
    let list_place = NodeRef::<Ol>::new();
    let choices = Memo::new(move |_| page.state.with(Handouts::choices));
    Effect::new(move || {
        if form_place.get().is_some() {
            draw_choices(&choices.get());
        }
    });
    let drawn = StoredValue::new(Html::default());
    Effect::new(move || {
        if let Some(list) = list_place.get() {
            page.draw_list(&list, drawn);
        }
    });
    let form = page.notebook.with_value(|notebook| {
        let notebook = notebook.as_ref();
        let path = notebook.map(|(_, path)| path.clone());
        page.named.set_value(path.unwrap_or_default());
        form(notebook.map(|(user, path)| (&user[..], &path[..])))
    });
    page.has_file.set(false);
    let step = Memo::new(move |_| {
        page.notebook.with_value(|notebook| {
            let owner = notebook.as_ref().map(|(user, _)| &user[..]);
            // Only what is being asked says how many people there are.
            page.state.with(|it| it.step(owner.filter(|_| !is_file())))
        })
    });
    view! {
        <div class="files">
            <section class="add-class" aria-labelledby="handouts-title">
                <div {..static_html(form)} node_ref=form_place></div>
                <div id="handout-step" role="status" {..dynamic_html(move || step.get())}></div>
            </section>
            <section class="add-class" aria-labelledby="handed-out">
                <h2 id="handed-out">"Handed out"</h2>
                <ol id="handouts-list" class="receipts" node_ref=list_place></ol>
            </section>
        </div>
    }
}

impl FilesController {
    /// Fetches now, and every few seconds while the page is visible.
    fn start(self) {
        let address = move || Some(paths::handouts(self.state.with_untracked(|it| it.before)));
        self.refetcher
            .configure(address, move |answer| self.take(answer));
        self.refetcher.refetch();
        while_visible(move || self.refetcher.refetch());
        on_shortcut(move |key| {
            let ends_question = key == "Escape" && self.is_now(HandoutStep::is_asked);
            if ends_question {
                self.turn(HandoutStep::Choosing);
            }
            ends_question
        });
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            if self.is_now(HandoutStep::is_under_way) {
                event.prevent_default();
                // Older browsers ask because of this; none shows the text.
                event.set_return_value("A file is being handed out.");
            }
        });
        on_cleanup(move || leaving.remove());
    }

    /// Whether the step is such a one; no step is when the page is gone.
    fn is_now(self, is_such: impl FnOnce(&HandoutStep) -> bool) -> bool {
        self.state.try_with_untracked(|it| is_such(&it.step)) == Some(true)
    }

    fn is_uploading(self) -> bool {
        self.is_now(|step| matches!(step, HandoutStep::Uploading(_)))
    }

    /// The age of what is shown, in words.
    fn age(self) -> String {
        let now_ms = self.clock.now_ms();
        match self.state.with(|it| it.list.now_ms) {
            0 => String::new(),
            then_ms => age_of_answer(seconds_since(then_ms, now_ms)),
        }
    }

    /// Shows the fields of what is chosen, under the name that it has. A question that was asked
    /// about another choice is withdrawn.
    fn chosen(self) {
        if self.is_now(HandoutStep::is_asked) {
            self.turn(HandoutStep::Choosing);
        }
        for part in find_all("[data-of=file]") {
            part.set_hidden(!is_file());
        }
        let file = chosen_file().filter(|_| is_file());
        self.has_file.set(file.is_some());
        let name = match is_file() {
            true => file.map(|file| file.name()),
            false => self
                .notebook
                .with_value(|it| it.as_ref().map(|(_, path)| path.clone())),
        };
        let name = name.unwrap_or_default();
        // What the instructor has typed stays.
        if self.named.with_value(|named| *named != name) {
            set_value("#handout-as", &name);
            self.named.set_value(name);
        }
    }

    /// Does what a button says.
    fn clicked(self, event: &MouseEvent) {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let button = target.and_then(|it| it.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        let id = button.get_attribute("data-id");
        match button.get_attribute("data-do").as_deref() {
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
                if let Some(id) = id {
                    self.send(paths::handout(&id), None);
                }
            }
            Some("handout-older" | "handout-newest") => {
                self.show_before(id.and_then(|id| id.parse().ok()));
                self.refetcher.retarget();
            }
            _ => {}
        }
    }

    /// Has the list begin before this handout, or with the newest.
    fn show_before(self, before: Option<i64>) {
        self.state.update(|it| it.before = before);
    }

    fn hand_out(self) {
        let step = self.state.with_untracked(|it| it.step.clone());
        let HandoutStep::Asked(to, proposed) = step else {
            return;
        };
        // The new one is at the top of the list.
        self.show_before(None);
        if is_file() {
            let (name, folder) = (value_of("#handout-as"), value_of("#handout-folder"));
            if let Some(file) = chosen_file() {
                self.upload(&file, &paths::file_handout(&name, &folder, &to));
            }
            return;
        }
        let Some((user, filename)) = self.notebook.get_value() else {
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
        let progress = move |percent| {
            if self.is_uploading() {
                show_progress(percent);
            }
        };
        let end = move |answer: Result<(), RequestFailure>| {
            self.upload.try_update_value(Option::take);
            // One that was cancelled has turned already.
            if self.is_uploading() {
                self.end(answer.map(|()| HandoutStep::Done));
            }
        };
        match api::upload(url, file, &self.xsrf(), progress, end) {
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
        let xsrf = self.xsrf();
        spawn_local(async move {
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

    fn xsrf(self) -> String {
        let who = self.session.who_untracked();
        who.and_then(|who| who.xsrf).unwrap_or_default()
    }

    /// Shows the result of a request.
    fn end(self, answer: Result<HandoutStep, RequestFailure>) {
        let step = answer.unwrap_or_else(|failure| {
            self.session.note(&failure);
            HandoutStep::Failed(failure)
        });
        // Nothing that was chosen is lost any more.
        if step == HandoutStep::Done {
            self.has_file.try_set(false);
        }
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
                self.state.update(|it| it.list = list);
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => note_failure(self.phase, failure),
        }
    }

    fn turn(self, step: HandoutStep) {
        let active = document().active_element();
        let had_focus = find("#handout-step").is_some_and(|it| it.contains(active.as_deref()));
        // `None`: the page was left meanwhile.
        let is_there = self.state.try_update(|it| it.step = step).is_some();
        // The pressed button is gone.
        if is_there && had_focus {
            focus_soon(STEP_BUTTONS.map(str::to_owned).to_vec());
        }
    }

    /// Draws the list into its place, unless it is there: what is focused and unfolded in it is gone
    /// with each drawing, and is brought back.
    fn draw_list(self, place: &Element, drawn: StoredValue<Html>) {
        let now_ms = self.clock.now_ms_untracked();
        let draw = |open: &[String]| self.state.with(|it| it.list(open, now_ms, &local));
        let html = draw(&[]);
        if drawn.with_value(|drawn| *drawn == html) {
            return;
        }
        let open = find_all("#handouts-list details[open]");
        let open: Vec<String> = open
            .iter()
            .filter_map(|details| details.get_attribute("data-id"))
            .collect();
        let active = document().active_element();
        let active = active.filter(|it| place.contains(Some(it)));
        let focused = active.and_then(|it| it.closest("[data-id]").ok().flatten());
        set_html(place, &draw(&open));
        drawn.set_value(html);
        let Some(focused) = focused else { return };
        let of = |name: &str| focused.get_attribute(name).unwrap_or_default();
        let (action, id) = (of("data-do"), of("data-id"));
        let same = [
            format!("#handouts-list [data-do={action}][data-id=\"{id}\"]"),
            format!("#handouts-list [data-id=\"{id}\"] > summary"),
        ];
        let same = same.iter().skip(usize::from(action.is_empty()));
        if let Some(element) = same.filter_map(|selector| find(selector)).next() {
            focus(&element);
        }
    }
}

/// Draws the choices anew; the chosen option stays.
fn draw_choices(choices: &Html) {
    if let Some(to) = find("#handout-to") {
        let before = value_of("#handout-to");
        set_html(&to, choices);
        set_value("#handout-to", &before);
        if value_of("#handout-to").is_empty() {
            set_value("#handout-to", "everyone");
        }
    }
}

/// Shows how far the upload is. Its button is not drawn anew, since the focus may be there.
fn show_progress(percent: u32) {
    if let (Some(bar), Some(words)) = (
        find("#handout-step progress"),
        find("#handout-step output > b"),
    ) {
        // The attribute's name is a valid one.
        let _ = bar.set_attribute("value", &percent.to_string());
        words.set_text_content(Some(&percent.to_string()));
    }
}

/// Whether a file is handed out, and not the notebook of the address.
fn is_file() -> bool {
    value_of("#handout-what") != "notebook"
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
