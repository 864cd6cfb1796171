//! The state of the page, what it fetches, and what it asks of the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::setup::{SetupResponse, SetupRow};
use shared::users::{
    AccountsSummary, ImportRequest, PreviewRequest, PreviewResponse, ServersRequest,
    UserCredentials, UsersChange, UsersResponse,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlInputElement, Url};

use super::dialog;
use crate::api;
use crate::clock::Clock;
use crate::manage::focus::{focus_soon, recover_focus};
use crate::manage::loading::{note_failure, while_visible};
use crate::model::failure::RequestFailure;
use crate::model::users::{self, ImportProgress};
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// How long nothing is typed before a list is looked at.
const TYPING_PAUSE_MS: u32 = 300;
/// The field for a class.
const FIELD: &str = "#class-text";
/// A button that mends a line of it.
const PROPOSAL: &str = "[data-do=propose]";
/// What stands above the cards.
const MADE: &str = "#made-title";

/// What the dialog asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
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
pub struct UsersController {
    pub(super) may_change: bool,
    pub(super) phase: RwSignal<LoadPhase>,
    pub(super) list: RwSignal<Option<Arc<UsersResponse>>>,
    /// Who signs people in.
    pub(super) accounts: Memo<AccountsSummary>,
    /// What the page *Setup* knows of each.
    pub(super) servers: RwSignal<Arc<BTreeMap<String, SetupRow>>>,
    pub(super) refetcher: Refetcher,
    pub(super) servers_refetcher: Refetcher,
    /// The list that somebody is about to add, as it was typed.
    pub(super) text: RwSignal<String>,
    pub(super) typing: StoredValue<Option<Timeout>, LocalStorage>,
    pub(super) preview: RwSignal<Option<Arc<PreviewResponse>>>,
    pub(super) import: RwSignal<Option<Arc<ImportProgress>>>,
    /// Passwords that were made while the page was open.
    pub(super) made: RwSignal<Arc<Vec<UserCredentials>>>,
    pub(super) question: RwSignal<Option<Question>>,
    /// Why the last change did not work.
    pub(super) failure: RwSignal<String>,
    /// What is said to those who do not see the page.
    pub(super) said: RwSignal<String>,
    /// Who is being removed, and where the focus goes when their row is gone.
    removed: StoredValue<Option<(String, Vec<String>)>>,
    pub(super) session: SessionHandle,
    pub(super) clock: Clock,
}

impl UsersController {
    /// The state of a page that has fetched nothing yet.
    pub(super) fn new(may_change: bool) -> Self {
        let list = RwSignal::<Option<Arc<UsersResponse>>>::default();
        let accounts = move |_: Option<&AccountsSummary>| {
            list.with(|list| {
                list.as_ref()
                    .map(|it| it.accounts.clone())
                    .unwrap_or_default()
            })
        };
        Self {
            may_change,
            phase: RwSignal::new(LoadPhase::Loading),
            list,
            accounts: Memo::new(accounts),
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
            said: RwSignal::default(),
            removed: StoredValue::default(),
            session: expect_context(),
            clock: expect_context(),
        }
    }

    /// Fetches now, and every few seconds while the page is visible.
    pub(super) fn start(self) {
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
                    self.recover_from_removal();
                }
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => note_failure(self.phase, failure),
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
    pub(super) fn typed(self, text: String) {
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
            match self.look_at_text_again().await {
                Some(Ok(())) => {
                    self.failure.set(String::new());
                    // A button that has mended its line is gone.
                    recover_focus(vec![PROPOSAL.to_owned(), FIELD.to_owned()]);
                }
                Some(Err(failure)) => {
                    self.preview.set(None);
                    self.failure.set(failure.message());
                }
                // What was typed since is looked at by itself.
                None => {}
            }
        });
    }

    /// Has the text looked at; `None` when it is another by then.
    async fn look_at_text_again(self) -> Option<Result<(), RequestFailure>> {
        let text = self.text.get_untracked();
        let request = PreviewRequest { text: text.clone() };
        let answer = self.post(paths::USERS_PREVIEW, body_of(&request)).await;
        let read = answer.and_then(|body| api::read::<PreviewResponse>(&body));
        let is_same = self.text.get_untracked() == text;
        is_same.then(|| read.map(|preview| self.preview.set(Some(Arc::new(preview)))))
    }

    /// Reads the file that was chosen into the field.
    pub(super) fn read_file(self, input: HtmlInputElement) {
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
    pub(super) fn import(self) {
        let Some(preview) = self.preview.get_untracked() else {
            return;
        };
        let is_running =
            |it: &Option<Arc<ImportProgress>>| it.as_ref().is_some_and(|it| !it.is_done());
        if preview.users.is_empty() || self.import.with_untracked(is_running) {
            return;
        }
        self.failure.set(String::new());
        self.said.set(format!("Adding {}.", preview.users.len()));
        spawn_local(async move {
            let mut progress = ImportProgress::new(preview.users.len());
            let mut is_whole = true;
            self.import.set(Some(Arc::new(progress.clone())));
            for users in users::batches(&preview.users) {
                let asked = users.len();
                let request = ImportRequest { users };
                let answer = self.post(paths::USERS_IMPORT, body_of(&request)).await;
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
            self.said.set(progress.result());
            let has_cards = progress.added.iter().any(|it| it.password.is_some());
            self.import.set(Some(Arc::new(progress)));
            if is_whole {
                let cards = if has_cards { MADE } else { FIELD };
                focus_soon(vec![cards.to_owned()]);
                self.text.set(String::new());
                self.preview.set(None);
            } else {
                // The list stays, and says who of it is added already, if that can be known now.
                let _ = self.look_at_text_again().await;
            }
            self.refetcher.refetch_now();
        });
    }

    /// Does what a button says.
    pub(super) fn clicked(self, event: &MouseEvent) {
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
        self.failure.set(String::new());
        spawn_local(async move {
            let request = ServersRequest {
                start,
                usernames: None,
            };
            let answer = self.post(paths::USERS_SERVERS, body_of(&request)).await;
            match answer {
                Ok(_) if start => self.said.set("Servers are being started.".to_owned()),
                Ok(_) => self.said.set("Servers are being stopped.".to_owned()),
                Err(failure) => self.failure.set(failure.message()),
            }
            self.refetcher.refetch_now();
        });
    }

    fn ask(self, question: Question) {
        self.failure.set(String::new());
        if !matches!(question, Question::DeleteHome(_)) {
            self.removed.set_value(None);
        }
        self.question.set(Some(question));
        spawn_local(async {
            // With its words and fields drawn: the first of them gets the focus, and is read out. A
            // dialog that is closing comes back with the next question.
            TimeoutFuture::new(0).await;
            dialog::open();
        });
    }

    /// Does what the dialog has asked about.
    pub(super) fn confirmed(self) {
        let Some(question) = self.question.get_untracked() else {
            return;
        };
        dialog::close();
        spawn_local(async move {
            let done = match &question {
                Question::Reset(user) => self.reset(user).await,
                Question::Remove(user) => {
                    self.removed.set_value(Some(self.after_removal(user)));
                    api::delete(&paths::user(user), &self.xsrf()).await
                }
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
                    self.said.set(format!("{user} is removed."));
                    self.ask(Question::DeleteHome(user));
                }
                (Ok(()), Question::Reset(user)) => {
                    self.said.set(format!(
                        "{user} has a new password, on a card below the field."
                    ));
                }
                (Ok(()), Question::DeleteHome(user)) => {
                    self.said.set(format!("The home of {user} is deleted."));
                }
                (Ok(()), Question::StopServers) => {}
            }
            self.refetcher.refetch_now();
        });
    }

    /// Who is removed, and where the focus goes then: to the row after theirs, or the one before.
    fn after_removal(self, user: &str) -> (String, Vec<String>) {
        let list = self.list.get_untracked();
        let users = list
            .as_ref()
            .map(|list| &list.users[..])
            .unwrap_or_default();
        let others = users::neighbours(users, user).into_iter().map(|name| {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("tr[data-user=\"{name}\"] [data-do=remove]")
        });
        let places = others.chain([FIELD.to_owned()]).collect();
        (user.to_owned(), places)
    }

    /// Moves the focus on when the row that had it is gone; also when the dialog is closed, which
    /// gives the focus back to that row.
    pub(super) fn recover_from_removal(self) {
        let Some((user, places)) = self.removed.get_value() else {
            return;
        };
        let list = self.list.get_untracked();
        let mut users = list.iter().flat_map(|list| &list.users);
        if !users.any(|it| it.username == user) {
            recover_focus(places);
        }
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

    async fn post(self, url: &str, body: String) -> Result<String, RequestFailure> {
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
    pub(super) fn address(self) -> String {
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

/// A request as a body; none of these can fail, as they are texts, lists and truth values.
fn body_of(request: &impl serde::Serialize) -> String {
    serde_json::to_string(request).unwrap_or_default()
}
