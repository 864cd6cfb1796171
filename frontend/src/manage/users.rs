//! The page *Users*: who is in the class's list, adding a class with a look at it before, new
//! passwords, cards to hand out, and removing.
//!
//! A password is on the page from when it is made until the page is left, and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::setup::{SetupResponse, SetupRow};
use shared::users::{
    ImportRequest, ListedUser, PreviewRequest, PreviewResponse, ServersRequest, UserCredentials,
    UsersChange, UsersResponse,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Element, HtmlAnchorElement, HtmlDialogElement, HtmlInputElement, Url};

use super::{ManageBar, while_visible};
use crate::api;
use crate::clock::Clock;
use crate::components::notice::FailureNotice;
use crate::components::skeleton::SkeletonCells;
use crate::html::{Html, dynamic_html};
use crate::model::failure::RequestFailure;
use crate::model::users::{self, ImportProgress};
use crate::pages::keyboard::find;
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// How long nothing is typed before a list is looked at.
const TYPING_PAUSE_MS: u32 = 300;
/// The id of the dialog that asks whether it is meant.
const DIALOG: &str = "users-dialog";

/// What the dialog asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    /// Give this user another password.
    Reset(String),
    /// Remove this user.
    Remove(String),
    /// Delete the home of this user, who is removed.
    DeleteHome(String),
    /// Stop everyone's server.
    StopServers,
}

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
struct UsersController {
    may_change: bool,
    phase: RwSignal<LoadPhase>,
    list: RwSignal<Option<Arc<UsersResponse>>>,
    /// What the page *Setup* knows of each.
    servers: RwSignal<Arc<BTreeMap<String, SetupRow>>>,
    refetcher: Refetcher,
    servers_refetcher: Refetcher,
    /// The list that somebody is about to add, as it was typed.
    text: RwSignal<String>,
    typing: StoredValue<Option<Timeout>, LocalStorage>,
    preview: RwSignal<Option<Arc<PreviewResponse>>>,
    import: RwSignal<Option<Arc<ImportProgress>>>,
    /// Passwords that were made while the page was open.
    made: RwSignal<Arc<Vec<UserCredentials>>>,
    question: RwSignal<Option<Question>>,
    /// Why the last change did not work.
    failure: RwSignal<String>,
    session: SessionHandle,
    clock: Clock,
}

/// The page.
#[component]
pub fn UsersPage(
    /// Where the wall is.
    wall: String,
    /// Whether the reader is an instructor, who may change users.
    may_change: bool,
) -> impl IntoView {
    let page = UsersController {
        may_change,
        phase: RwSignal::new(LoadPhase::Loading),
        list: RwSignal::default(),
        servers: RwSignal::default(),
        refetcher: Refetcher::new(expect_context()),
        servers_refetcher: Refetcher::new(expect_context()),
        text: RwSignal::default(),
        typing: StoredValue::new_local(None),
        preview: RwSignal::default(),
        import: RwSignal::default(),
        made: RwSignal::default(),
        question: RwSignal::default(),
        failure: RwSignal::default(),
        session: expect_context(),
        clock: expect_context(),
    };
    page.start();
    let phase = Memo::new(move |_| page.phase.get());
    view! {
        <ManageBar name="Users" wall age=Signal::derive(String::new) />
        <main class="manage-main" data-testid="users-page" on:click=move |event| page.clicked(&event)>
            {move || match phase.get() {
                LoadPhase::Idle | LoadPhase::Loading => view! { <SkeletonCells /> }.into_any(),
                LoadPhase::Ready => view! { <Body page /> }.into_any(),
                LoadPhase::Failed(failure) => {
                    let retry = move || page.refetcher.refetch_now();
                    view! { <FailureNotice title="Users cannot be shown" failure retry /> }
                        .into_any()
                }
            }}
        </main>
    }
}

impl UsersController {
    /// Fetches now, and every few seconds while the page is visible.
    fn start(self) {
        self.refetcher.configure(
            || Some(paths::USERS.to_owned()),
            move |answer| self.take_list(answer),
        );
        self.servers_refetcher.configure(
            || Some(paths::SETUP.to_owned()),
            move |answer| self.take_servers(answer),
        );
        let look = move || {
            self.refetcher.refetch();
            self.servers_refetcher.refetch();
        };
        look();
        while_visible(look);
    }

    fn take_list(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| api::read::<UsersResponse>(&body)) {
            Ok(list) => {
                if self.list.get_untracked().as_deref() != Some(&list) {
                    self.list.set(Some(Arc::new(list)));
                }
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => {
                let is_final = !failure.may_pass();
                if is_final || self.phase.get_untracked() != LoadPhase::Ready {
                    self.phase.set(LoadPhase::Failed(failure));
                }
                is_final
            }
        }
    }

    fn take_servers(self, answer: Result<String, RequestFailure>) -> bool {
        let Ok(answer) = answer.and_then(|body| api::read::<SetupResponse>(&body)) else {
            // Without it the list lacks two columns; the next look tries again.
            return true;
        };
        self.clock.observe(answer.now_ms);
        self.servers.set(Arc::new(users::by_user(answer.servers)));
        true
    }

    /// Takes what is typed, and has it looked at when the typing pauses.
    fn typed(self, text: String) {
        self.text.set(text);
        let timeout = Timeout::new(TYPING_PAUSE_MS, move || self.look_at_text());
        self.typing.set_value(Some(timeout));
    }

    fn look_at_text(self) {
        let text = self.text.get_untracked();
        if text.trim().is_empty() {
            self.preview.set(None);
            return;
        }
        spawn_local(async move {
            if let Some(failed) = self.look_at_text_again().await {
                self.failure
                    .set(failed.map_or_else(String::new, |it| it.message()));
            }
        });
    }

    /// Has the text looked at, and returns why that did not work, if so; `None` when it is another
    /// by then, which is looked at by itself.
    async fn look_at_text_again(self) -> Option<Option<RequestFailure>> {
        let text = self.text.get_untracked();
        let request = PreviewRequest { text: text.clone() };
        let answer = self.post(paths::USERS_PREVIEW, &request).await;
        if self.text.get_untracked() != text {
            return None;
        }
        let read = answer.and_then(|body| api::read::<PreviewResponse>(&body));
        let (preview, failed) = match read {
            Ok(preview) => (Some(Arc::new(preview)), None),
            Err(failure) => (None, Some(failure)),
        };
        self.preview.set(preview);
        Some(failed)
    }

    /// Reads the file that was chosen into the field.
    fn read_file(self, input: HtmlInputElement) {
        let Some(file) = input.files().and_then(|files| files.get(0)) else {
            return;
        };
        let text = js_sys::Reflect::get(&file, &JsValue::from_str("text"))
            .ok()
            .and_then(|text| text.dyn_into::<js_sys::Function>().ok())
            .and_then(|text| text.call0(&file).ok())
            .and_then(|promise| promise.dyn_into::<js_sys::Promise>().ok());
        input.set_value("");
        let Some(text) = text else { return };
        spawn_local(async move {
            let read = JsFuture::from(text).await;
            match read.ok().and_then(|text| text.as_string()) {
                Some(text) => {
                    self.text.set(text);
                    self.look_at_text();
                }
                None => self.failure.set("The file could not be read.".to_owned()),
            }
        });
    }

    /// Adds those of the list who can be added, a few in each request.
    fn import(self) {
        let Some(preview) = self.preview.get_untracked() else {
            return;
        };
        let is_running =
            |it: &Option<Arc<ImportProgress>>| it.as_ref().is_some_and(|it| !it.is_done());
        if preview.users.is_empty() || self.import.with_untracked(is_running) {
            return;
        }
        self.failure.set(String::new());
        spawn_local(async move {
            let mut progress = ImportProgress::new(preview.users.len());
            let mut is_whole = true;
            self.import.set(Some(Arc::new(progress.clone())));
            for users in users::batches(&preview.users) {
                let asked = users.len();
                let request = ImportRequest { users };
                let answer = self.post(paths::USERS_IMPORT, &request).await;
                match answer.and_then(|body| api::read::<UsersChange>(&body)) {
                    Ok(change) => {
                        let mut made = self.made.get_untracked().to_vec();
                        made.extend(change.added.iter().cloned());
                        self.made.set(Arc::new(made));
                        progress.take(asked, change);
                        self.import.set(Some(Arc::new(progress.clone())));
                    }
                    Err(failure) => {
                        let rest = progress.of - progress.done;
                        self.failure.set(format!(
                            "{} {rest} are not added, or not known to be: look at the list below, \
                             and add the others again.",
                            failure.message()
                        ));
                        progress.of = progress.done;
                        is_whole = false;
                        break;
                    }
                }
            }
            self.import.set(Some(Arc::new(progress)));
            if is_whole {
                self.text.set(String::new());
                self.preview.set(None);
            } else {
                // The list stays, and says who of it is added already.
                self.look_at_text_again().await;
            }
            self.refetcher.refetch_now();
        });
    }

    /// Does what a button says.
    fn clicked(self, event: &MouseEvent) {
        let target = event.target();
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        let of = |name: &str| button.get_attribute(name).unwrap_or_default();
        match of("data-do").as_str() {
            "reset" => self.ask(Question::Reset(of("data-user"))),
            "remove" => self.ask(Question::Remove(of("data-user"))),
            "start-all" => self.change_servers(true),
            "stop-all" => self.ask(Question::StopServers),
            "propose" => {
                let line = of("data-line").parse().unwrap_or_default();
                let text = users::with_name(&self.text.get_untracked(), line, &of("data-name"));
                self.text.set(text);
                self.look_at_text();
            }
            // A browser that cannot print says so itself.
            "print" => drop(window().print()),
            _ => {}
        }
    }

    fn change_servers(self, start: bool) {
        spawn_local(async move {
            let request = ServersRequest {
                start,
                usernames: None,
            };
            let answer = self.post(paths::USERS_SERVERS, &request).await;
            self.failure
                .set(answer.err().map_or_else(String::new, |it| it.message()));
            self.refetcher.refetch_now();
        });
    }

    fn ask(self, question: Question) {
        self.failure.set(String::new());
        self.question.set(Some(question));
        if let Some(dialog) = dialog() {
            // It fails only for a dialog that is open.
            let _ = dialog.show_modal();
        }
    }

    /// Does what the dialog has asked about.
    fn confirmed(self) {
        let Some(question) = self.question.get_untracked() else {
            return;
        };
        close_dialog();
        spawn_local(async move {
            let done = match &question {
                Question::Reset(user) => self.reset(user).await,
                Question::Remove(user) => api::delete(&paths::user(user), &self.xsrf()).await,
                Question::StopServers => {
                    self.change_servers(false);
                    Ok(())
                }
                Question::DeleteHome(user) => {
                    let body = serde_json::json!({"confirm": user}).to_string();
                    let url = paths::user_home(user);
                    api::delete_with(&url, body, &self.xsrf()).await
                }
            };
            match (done, question) {
                (Err(failure), _) => {
                    self.session.note(&failure);
                    self.failure.set(failure.message());
                }
                (Ok(()), Question::Remove(user)) => {
                    // The dialog that is closing comes back with the next question.
                    TimeoutFuture::new(0).await;
                    self.ask(Question::DeleteHome(user));
                }
                (Ok(()), _) => {}
            }
            self.refetcher.refetch_now();
        });
    }

    async fn reset(self, user: &str) -> Result<(), RequestFailure> {
        let url = paths::user_password(user);
        let body = api::text(&url, Some("{}".to_owned()), &self.xsrf()).await?;
        let made: UserCredentials = api::read(&body)?;
        let mut all = self.made.get_untracked().to_vec();
        all.retain(|it| it.username != made.username);
        all.push(made);
        self.made.set(Arc::new(all));
        Ok(())
    }

    async fn post(
        self,
        url: &str,
        request: &impl serde::Serialize,
    ) -> Result<String, RequestFailure> {
        let body = serde_json::to_string(request);
        let body = body.map_err(|error| RequestFailure::Unreadable(error.to_string()))?;
        let answer = api::text(url, Some(body), &self.xsrf()).await;
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        answer
    }

    fn xsrf(self) -> String {
        let who = self.session.who_untracked();
        who.and_then(|who| who.xsrf).unwrap_or_default()
    }

    /// The address that participants open: the Hub's, or the service's where there is none.
    fn address(self) -> String {
        let hub = self.session.who_untracked().and_then(|who| who.hub_url);
        let here = window().location().href().unwrap_or_default();
        let base = hub.unwrap_or_else(|| "/".to_owned());
        let url = Url::new_with_base(&base, &here);
        url.map_or(here, |url| {
            // Its home page leads to signing in and to the server.
            let href = url.href();
            href.strip_suffix("home").unwrap_or(&href).to_owned()
        })
    }
}

/// Saves a text as a file. Its address is good for this once, and no browser keeps the text in a list
/// of downloads.
fn save_as(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let Ok(blob) = Blob::new_with_str_sequence(&parts) else {
        return;
    };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else {
        return;
    };
    let link = document().create_element("a").ok();
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) {
        link.set_href(&url);
        link.set_download(name);
        link.click();
    }
    // It fails only for an address that is good no more.
    let _ = Url::revoke_object_url(&url);
}

fn dialog() -> Option<HtmlDialogElement> {
    find(&format!("#{DIALOG}"))?.dyn_into().ok()
}

fn close_dialog() {
    if let Some(dialog) = dialog() {
        dialog.close();
    }
}

/// The list, and for instructors what changes it.
#[component]
fn Body(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let of_list = move |draw: fn(&UsersResponse) -> Html| {
        let memo = Memo::new(move |_| page.list.get().map(|list| draw(&list)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let names = Memo::new(move |_| {
        let list = page.list.get();
        let names = list.iter().flat_map(|list| &list.users);
        names.map(|user| user.username.clone()).collect::<Vec<_>>()
    });
    view! {
        <section class="setup-head">
            <p class="headline" role="status" data-testid="users-headline" {..of_list(users::headline)}></p>
        </section>
        <div class="setup-hub" data-testid="users-problems" {..of_list(users::problems)}></div>
        <p class="problem" role="alert" data-testid="users-failure" hidden=move || page.failure.with(String::is_empty)>
            {move || page.failure.get()}
        </p>
        {page.may_change.then(|| view! { <AddClass page /> })}
        <MadePasswords page />
        <ServersBar page />
        <table class="setup-table users-table" hidden=move || names.with(Vec::is_empty)>
            <caption class="visually-hidden">"Everyone in the list, and what is known of them"</caption>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Account"</th>
                    <th scope="col">"Server"</th>
                    <th scope="col">"Last save"</th>
                    <th scope="col">
                        <span class="visually-hidden">"Change"</span>
                    </th>
                </tr>
            </thead>
            <tbody>
                <For each=move || names.get() key=String::clone let(name)>
                    <UserRow page name />
                </For>
            </tbody>
        </table>
        <QuestionDialog page />
    }
}

/// How many servers run, and the buttons that start and stop all; nothing where the steward can do
/// neither.
#[component]
fn ServersBar(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let has_servers = Memo::new(move |_| {
        let list = page.list.get();
        list.is_some_and(|list| list.servers_waiting.is_some() && !list.users.is_empty())
    });
    let said = Memo::new(move |_| {
        let list = page.list.get();
        list.map(|list| page.servers.with(|rows| users::servers(&list, rows)))
    });
    let buttons = page.may_change.then(|| {
        view! {
            <p>
                <button class="button" data-do="start-all">"Start all servers"</button>
                <button class="button" data-do="stop-all">"Stop all servers"</button>
            </p>
        }
    });
    view! {
        <div class="setup-bar made-bar" hidden=move || !has_servers.get()>
            <p
                role="status"
                data-testid="users-servers"
                {..dynamic_html(move || said.get().unwrap_or_default())}
            ></p>
            {buttons}
        </div>
    }
}

/// The row of one user.
#[component]
fn UserRow(
    /// The page.
    page: UsersController,
    /// The user.
    name: String,
) -> impl IntoView {
    let of_user = name.clone();
    let user = Memo::new(move |_| {
        let list = page.list.get();
        let mut users = list.iter().flat_map(|list| &list.users);
        users.find(|user| user.username == of_user).cloned()
    });
    let of_user = name.clone();
    let server = Memo::new(move |_| page.servers.with(|all| all.get(&of_user).cloned()));
    let cell = move |draw: fn(&ListedUser) -> Html| {
        let memo = Memo::new(move |_| user.get().map(|user| draw(&user)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let state = Memo::new(move |_| {
        let failure = user.with(|user| user.as_ref().and_then(|it| it.server_failure.clone()));
        server.with(|row| users::server(row.as_ref(), failure.as_deref()))
    });
    let saves =
        Memo::new(move |_| server.with(|row| users::saves(row.as_ref(), page.clock.now_ms())));
    let actions = match page.may_change {
        true => users::actions,
        false => |_: &ListedUser| Html::default(),
    };
    view! {
        <tr data-user=name>
            <th scope="row" {..cell(users::name)}></th>
            <td {..cell(users::account)}></td>
            <td {..dynamic_html(move || state.get())}></td>
            <td {..dynamic_html(move || saves.get())}></td>
            <td {..cell(actions)}></td>
        </tr>
    }
}

/// The field for a class, what is wrong with it, and the button that adds it.
#[component]
fn AddClass(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let preview = page.preview;
    let good = Memo::new(move |_| preview.with(|it| it.as_ref().map_or(0, |it| it.users.len())));
    let headline = move || {
        preview.with(|it| {
            it.as_ref()
                .map_or_else(String::new, |it| users::preview_headline(it))
        })
    };
    let lines = Memo::new(move |_| {
        preview.with(|it| {
            it.as_ref()
                .map_or_else(Html::default, |it| users::preview(it))
        })
    });
    let progress = move || {
        page.import
            .get()
            .filter(|it| !it.is_done())
            .map(|it| (it.done, it.of))
    };
    let is_running = Memo::new(move |_| progress().is_some());
    let refused = Memo::new(move |_| {
        let import = page.import.get().filter(|it| !it.refused.is_empty());
        import.map_or_else(Html::default, |it| users::refused(&it.refused))
    });
    view! {
        <section class="add-class">
            <label class="class-field">
                <span>"Add users: a name a line, name and password, or a table with a header"</span>
                <textarea
                    rows="4"
                    spellcheck="false"
                    autocomplete="off"
                    data-testid="class-text"
                    prop:value=move || page.text.get()
                    prop:disabled=move || is_running.get()
                    on:input=move |event| page.typed(event_target_value(&event))
                ></textarea>
            </label>
            <p class="add-hint">
                "Passwords are made where there are none. "
                <label class="button small">
                    "Choose a file"
                    <input
                        type="file"
                        class="visually-hidden"
                        accept=".csv,.txt,.tsv,text/plain,text/csv"
                        data-testid="class-file"
                        on:change=move |event| {
                            let input = event.target();
                            if let Some(input) = input.and_then(|it| it.dyn_into().ok()) {
                                page.read_file(input);
                            }
                        }
                    />
                </label>
            </p>
            <div role="status" data-testid="class-preview">
                <p>{headline}</p>
                <div class="bad-lines" {..dynamic_html(move || lines.get())}></div>
            </div>
            <button
                class="button primary"
                data-testid="class-add"
                hidden=move || good.get() == 0 || is_running.get()
                on:click=move |_| page.import()
            >
                {move || format!("Add {}", good.get())}
            </button>
            <p role="status" hidden=move || !is_running.get() data-testid="class-progress">
                <progress
                    max=move || progress().map_or(1, |it| it.1)
                    value=move || progress().map_or(0, |it| it.0)
                ></progress>
                {move || progress().map_or_else(String::new, |(done, of)| format!(" {done} of {of}"))}
            </p>
            <div class="bad-lines" data-testid="class-refused" {..dynamic_html(move || refused.get())}></div>
        </section>
    }
}

/// The passwords that were made, as a sheet of cards.
#[component]
fn MadePasswords(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let address = page.address();
    let for_table = address.clone();
    let is_empty = Memo::new(move |_| page.made.with(|made| made.is_empty()));
    let cards = Memo::new(move |_| page.made.with(|made| users::cards(made, &address)));
    let save_table = move |_| {
        save_as(
            "participants.csv",
            &page.made.with(|made| users::csv(made, &for_table)),
        )
    };
    view! {
        <section class="made" hidden=move || is_empty.get() data-testid="made">
            <div class="setup-bar made-bar">
                <p role="status">
                    "New passwords are shown this once: print them, or keep the file, before you leave this page."
                </p>
                <p>
                    <button class="button primary" data-do="print">"Print the cards"</button>
                    <button class="button" data-testid="made-csv" on:click=save_table>
                        "CSV"
                    </button>
                </p>
            </div>
            <ul class="cards" tabindex="0" aria-label="Cards with new passwords" data-testid="cards" {..dynamic_html(move || cards.get())}></ul>
        </section>
    }
}

/// The dialog that asks whether it is meant.
#[component]
fn QuestionDialog(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let home_of = move || match page.question.get() {
        Some(Question::DeleteHome(user)) => Some(user),
        _ => None,
    };
    let said = move || match page.question.get() {
        Some(Question::Reset(user)) => (
            format!("A new password for {user}?"),
            "The old one is good no more.".to_owned(),
            "New password",
        ),
        Some(Question::Remove(user)) => (
            format!("Remove {user}?"),
            "They can sign in no more, and what runs of theirs ends. Their home stays.".to_owned(),
            "Remove",
        ),
        Some(Question::DeleteHome(user)) => (
            format!("{user} is removed. Delete the home too?"),
            format!("All files in it are gone for good then. To delete it, type {user}."),
            "Delete the home",
        ),
        Some(Question::StopServers) => (
            "Stop everyone's servers?".to_owned(),
            "What is not saved is lost, and every kernel ends.".to_owned(),
            "Stop them",
        ),
        None => (String::new(), String::new(), ""),
    };
    let may_confirm = move || home_of().is_none_or(|user| typed.get() == user);
    Effect::new(move || {
        page.question.track();
        typed.set(String::new());
    });
    view! {
        <dialog id=DIALOG class="dialog" aria-labelledby="users-question">
            <h2 id="users-question">{move || said().0}</h2>
            <p>{move || said().1}</p>
            <p hidden=move || home_of().is_none()>
                <input
                    type="text"
                    class="field"
                    autocomplete="off"
                    aria-label="The name of the user"
                    data-testid="home-confirm"
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </p>
            <div class="dialog-actions">
                <button class="button" data-testid="question-no" on:click=move |_| close_dialog()>
                    {move || if home_of().is_some() { "Keep it" } else { "Cancel" }}
                </button>
                <button
                    class="button primary"
                    data-testid="question-yes"
                    prop:disabled=move || !may_confirm()
                    on:click=move |_| page.confirmed()
                >
                    {move || said().2}
                </button>
            </div>
        </dialog>
    }
}
