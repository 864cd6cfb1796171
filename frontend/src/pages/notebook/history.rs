//! The history of the shown notebook: the reader's actions, the requests for them, and drawing.
//! [`crate::model::history_panel`] writes its HTML.

mod drawing;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{RestoreRequest, VersionSummary};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::api;
use crate::clock::Clock;
use crate::fields::AnswerFields;
use crate::html::Html;
use crate::model::errand::ErrandNote;
use crate::model::failure::RequestFailure;
use crate::model::history::Timeline;
use crate::model::history_panel::{HistoryPanel, RestoreState};
use crate::model::view::View;
use crate::paths;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::refetcher::Refetcher;

#[derive(Default)]
struct HistoryState {
    history: HistoryPanel,
    /// The view that was drawn last.
    view: View,
    /// The HTML that was drawn last, part by part.
    drawn: [Html; 4],
    /// The URL of the changes that are shown or being fetched.
    changes_url: String,
    /// A replay has begun, and its next step is due in so many milliseconds after each.
    replay_step_ms: Option<i32>,
}

/// A replay shows so much of what was before.
const REPLAYED_MS: i64 = 6 * 60_000;
/// It takes about so long, and each of its steps so long at least and at most.
const REPLAY_MS: i32 = 20_000;
const REPLAY_STEP_MS: std::ops::RangeInclusive<i32> = 250..=1_500;

/// A handle to the history; belongs to the page of a notebook.
#[derive(Clone, Copy)]
pub(super) struct HistoryController {
    state: StoredValue<HistoryState>,
    /// Fetches the newest versions, and the restores.
    refetcher: Refetcher,
    router: Router,
    session: SessionHandle,
    clock: Clock,
}

/// A function that takes an answer, with the URL that it came from.
type AnswerCallback = fn(HistoryController, &str, Result<String, RequestFailure>);

impl HistoryController {
    pub(super) fn new(router: Router, session: SessionHandle, clock: Clock) -> Self {
        let controller = Self {
            state: StoredValue::default(),
            refetcher: Refetcher::new(session),
            router,
            session,
            clock,
        };
        let address = move || controller.address(None);
        controller
            .refetcher
            .configure(address, move |answer| controller.take_list(true, answer));
        controller
    }

    fn is_open(self) -> bool {
        self.state.with_value(|state| state.history.open)
    }

    fn update(self, change: impl FnOnce(&mut HistoryPanel)) {
        // The page may have been left meanwhile.
        self.state
            .try_update_value(|state| change(&mut state.history));
        self.draw();
    }

    /// Takes a new address, or the first one.
    pub(super) fn follow(self, view: View) {
        let is_past = view.version.is_some() || view.changes || view.replay;
        let (same, was_open) = self
            .state
            .with_value(|state| (state.view.is_same_copy(&view), state.history.open));
        self.state.update_value(|state| {
            if !same {
                state.history = HistoryPanel {
                    open: state.history.open,
                    ..HistoryPanel::default()
                };
                state.changes_url.clear();
            }
            // The address of a version opens the history.
            state.history.open |= is_past;
            state.view = view;
        });
        if !same {
            self.refetcher.retarget();
        } else if self.is_open() && !was_open {
            // The list was not refreshed while it was closed.
            self.refetcher.refetch_now();
        }
        self.load_changes();
        self.draw();
    }

    /// Fetches the newest versions, because there is a new one, or may be.
    pub(super) fn renew(self) {
        self.refetcher.refetch();
    }

    /// Fetches the newest versions without a pause after earlier failures.
    pub(super) fn retry(self) {
        self.refetcher.refetch_now();
    }

    /// The URL of the newest versions, or of those before a version; `None` while the list is
    /// closed.
    fn address(self, before: Option<i64>) -> Option<String> {
        let is_open = self.state.try_with_value(|state| state.history.open)?;
        let View { notebook, user, .. } = self.router.view_untracked();
        let list = paths::history_data(&notebook?, &user?, before);
        is_open.then_some(list)
    }

    fn take_older(self, url: &str, answer: Result<String, RequestFailure>) {
        let list_url = self.address(None);
        // Otherwise the answer belongs to another notebook, which was left meanwhile.
        if list_url.is_some_and(|list_url| url.starts_with(&list_url)) {
            self.take_list(false, answer);
        }
    }

    /// Takes a list of versions; `false` when the failure may pass.
    fn take_list(self, newest: bool, answer: Result<String, RequestFailure>) -> bool {
        let answer = answer.and_then(|body| AnswerFields::read(&body));
        let is_final = !answer.as_ref().is_err_and(RequestFailure::may_pass);
        self.update(|history| match answer {
            Ok(fields) => {
                let versions = fields.list("versions").iter().map(version_of).collect();
                let more = fields.is("more");
                match newest {
                    true => {
                        history.timeline.renew(versions, more);
                        let restores = fields.list("restores");
                        history.restores = restores.iter().map(AnswerFields::errand).collect();
                        history.is_handout = fields.number("handout").is_some();
                    }
                    false => history.timeline.extend(versions, more),
                }
                history.message = fields.text("note").unwrap_or_default();
                if history.timeline.versions.is_empty() && history.message.is_empty() {
                    history
                        .message
                        .push_str("No version is kept yet: the next save is the first.");
                }
            }
            Err(failure) => history.message = failure.message(),
        });
        self.load_changes();
        self.begin_replay();
        is_final
    }

    /// Begins the replay that the address asks for, once the versions are known.
    fn begin_replay(self) {
        let view = self.router.view_untracked();
        if !view.replay {
            return;
        }
        let since_ms = self.clock.now_ms_untracked() - REPLAYED_MS;
        let (is_running, count, start) = self.state.with_value(|state| {
            let timeline = &state.history.timeline;
            (
                state.replay_step_ms.is_some(),
                timeline.count_since(since_ms),
                timeline.replay_start(since_ms),
            )
        });
        if is_running {
            return;
        }
        let Some(start) = start else {
            // Nothing was saved: the newest is all there is.
            return self.router.replace_notebook(&view.at(None));
        };
        let steps = i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        let step_ms = (REPLAY_MS / steps).clamp(*REPLAY_STEP_MS.start(), *REPLAY_STEP_MS.end());
        self.state
            .update_value(|state| state.replay_step_ms = Some(step_ms));
        self.show_replayed(Some(start));
    }

    /// Shows a version of the replay, and after it the next; the newest ends it.
    fn show_replayed(self, version: Option<i64>) {
        let view = self.router.view_untracked();
        let step_ms = self.state.try_with_value(|state| state.replay_step_ms);
        // Whatever else the reader has done has ended it, or they have left.
        let Some(Some(step_ms)) = step_ms.filter(|_| view.replay) else {
            self.state
                .try_update_value(|state| state.replay_step_ms = None);
            return;
        };
        let is_last = version.is_none();
        self.router.replace_notebook(&View {
            replay: !is_last,
            ..view.at(version)
        });
        if is_last {
            self.state.update_value(|state| state.replay_step_ms = None);
            return;
        }
        let step = std::time::Duration::from_millis(step_ms.unsigned_abs().into());
        set_timeout(
            move || {
                let shown = self.router.view_untracked().version;
                let next = self
                    .state
                    .try_with_value(|state| state.history.timeline.newer(shown));
                if let Some(next) = next {
                    self.show_replayed(next.flatten());
                }
            },
            step,
        );
    }

    /// Fetches the changes, once the number of the shown version is known.
    fn load_changes(self) {
        let View {
            notebook,
            user,
            version,
            changes: true,
            ..
        } = self.router.view_untracked()
        else {
            return;
        };
        let (newest, since_handout) = self.state.with_value(|state| {
            let history = &state.history;
            (history.timeline.newest(), history.since_handout)
        });
        if let (Some(notebook), Some(user), Some(version)) = (notebook, user, version.or(newest)) {
            let url = paths::changes_data(&notebook, &user, version, since_handout);
            let known = self.state.with_value(|state| state.changes_url == url);
            if !known {
                self.state
                    .update_value(|state| state.changes_url.clone_from(&url));
                self.fetch(url, None, |controller, url, answer| {
                    if controller
                        .state
                        .with_value(|state| state.changes_url == url)
                    {
                        if answer.as_ref().is_err_and(RequestFailure::may_pass) {
                            // The changes are fetched again after the list.
                            controller
                                .state
                                .update_value(|state| state.changes_url.clear());
                            controller.refetcher.followup_failed();
                        } else {
                            controller.refetcher.followup_succeeded();
                        }
                        controller.update(|history| {
                            history.changes = answer
                                .map_or_else(|failure| failure.message_html(), Html::from_service);
                        });
                    }
                });
            }
        }
    }

    fn fetch(self, url: String, body: Option<String>, then: AnswerCallback) {
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::text(&url, body, xsrf.as_deref().unwrap_or_default()).await;
            // `None`: the page was left meanwhile.
            if self.state.try_with_value(|_| ()).is_some() {
                if let Err(failure) = &answer {
                    self.session.note(failure);
                }
                then(self, &url, answer);
            }
        });
    }

    /// Opens or closes the list; closing it shows the live notebook.
    pub(super) fn toggle(self) {
        let open = !self.is_open();
        self.update(|history| history.open = open);
        if open {
            self.refetcher.refetch_now();
        } else {
            self.show_live();
        }
    }

    fn show_live(self) {
        let view = self.router.view_untracked();
        self.router
            .replace_notebook(&view.at(None).with_changes(false));
    }

    /// Shows the changes since the version before, or since the handout; or no longer, when it
    /// is these that are shown.
    fn toggle_changes(self, since_handout: bool) {
        let view = self.router.view_untracked();
        let was = self.state.with_value(|state| state.history.since_handout);
        self.update(|history| history.since_handout = since_handout);
        let shows = !view.changes || was != since_handout;
        self.router.replace_notebook(&view.with_changes(shows));
        self.load_changes();
    }

    /// Shows the version before the shown one, or the one after it.
    fn step(self, to: fn(&Timeline, Option<i64>) -> Option<Option<i64>>, back: bool) {
        let view = self.router.view_untracked();
        let (to, more) = self.state.with_value(|state| {
            let timeline = &state.history.timeline;
            (to(timeline, view.version), timeline.more)
        });
        match to {
            Some(version) => self.router.replace_notebook(&view.at(version)),
            // The older version is not loaded yet.
            None if back && more => self.load_older(),
            None => {}
        }
    }

    fn load_older(self) {
        let oldest = self
            .state
            .with_value(|state| state.history.timeline.oldest());
        if let Some(url) = self.address(oldest) {
            self.fetch(url, None, Self::take_older);
        }
    }

    /// Handles a key of this page; returns whether the key was used.
    pub(super) fn key(self, key: &str) -> bool {
        let view = self.router.view_untracked();
        match key {
            "Escape" if view.version.is_some() || view.changes => self.show_live(),
            "Escape" | "h" if self.is_open() => self.toggle(),
            "h" if self.session.who_untracked().is_some_and(|who| who.history) => self.toggle(),
            _ if !self.is_open() => return false,
            "o" => self.step(Timeline::older, true),
            "n" => self.step(Timeline::newer, false),
            "c" => self.toggle_changes(false),
            _ => return false,
        }
        true
    }

    /// Handles a click on one of the buttons.
    pub(super) fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let attribute = |name| {
            button
                .as_ref()
                .and_then(|button| button.get_attribute(name))
        };
        match attribute("data-do").as_deref() {
            Some("unrestore") => self.unrestore(attribute("data-id")),
            Some("history") => self.toggle(),
            Some("changes") => self.toggle_changes(false),
            Some("since-handout") => self.toggle_changes(true),
            Some("older") => self.load_older(),
            Some("ask") => self.update(|history| history.restoring = RestoreState::Confirming),
            Some("restore") => self.restore(),
            Some("close") => self.update(|history| history.restoring = RestoreState::NotAsked),
            _ => {}
        }
    }

    /// Handles the closing of the dialog, by a button or by Escape.
    pub(super) fn dialog_closed(self) {
        self.update(|history| history.restoring = RestoreState::NotAsked);
    }

    fn restore(self) {
        let View {
            notebook: Some(filename),
            user: Some(user),
            version: Some(version),
            ..
        } = self.router.view_untracked()
        else {
            return;
        };
        let request = RestoreRequest {
            user,
            filename,
            version,
        };
        let body = serde_json::to_string(&request).expect("texts and a number are JSON");
        self.update(|history| history.restoring = RestoreState::Running);
        self.fetch(
            paths::RESTORE.to_owned(),
            Some(body),
            |controller, _, answer| {
                let errand = answer
                    .and_then(|body| AnswerFields::read(&body))
                    .map(|fields| fields.errand());
                let restoring = match errand {
                    Ok(ErrandNote { id: Some(_), .. }) => {
                        controller.refetcher.refetch_now();
                        RestoreState::Waiting
                    }
                    Ok(ErrandNote { filename, .. }) => {
                        let filename = filename.unwrap_or_default();
                        let view = controller
                            .router
                            .view_untracked()
                            .at(None)
                            .with_changes(false);
                        let copy = View {
                            notebook: Some(filename.clone()),
                            ..view
                        };
                        RestoreState::Done(filename, controller.router.notebook_href(&copy))
                    }
                    Err(failure) => RestoreState::Failed(failure),
                };
                controller.update(|history| history.restoring = restoring);
            },
        );
    }

    /// Takes a restore back.
    fn unrestore(self, id: Option<String>) {
        let Some(id) = id.and_then(|id| id.parse().ok()) else {
            return;
        };
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let url = paths::errand(id);
            let xsrf = xsrf.unwrap_or_default();
            if let Err(failure) = api::delete(&url, &xsrf).await {
                self.session.note(&failure);
                self.update(|history| history.message = failure.message());
            }
            // It may be done already, which the list says.
            self.refetcher.refetch_now();
        });
    }
}

fn version_of(fields: &AnswerFields) -> VersionSummary {
    let number = |name| fields.number(name).unwrap_or_default();
    let count = |name| number(name).try_into().unwrap_or_default();
    VersionSummary {
        version: number("version"),
        saved_at_ms: number("saved_at_ms"),
        cells: count("cells"),
        added: count("added"),
        changed: count("changed"),
        removed: count("removed"),
    }
}
