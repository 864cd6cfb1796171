//! The past of the notebook that is shown: what the reader does with it, what is fetched
//! for that, and drawing it. What it looks like is [`crate::model::past`]'s.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{RestoreRequest, VersionSummary};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use crate::api;
use crate::clock::{Clock, local};
use crate::fields::Fields;
use crate::html::{Html, put};
use crate::model::errand::ErrandNote;
use crate::model::failure::Failure;
use crate::model::history::Timeline;
use crate::model::past::{Past, Restoring, Scene};
use crate::model::view::View;
use crate::pages::keyboard::find;
use crate::paths;
use crate::router::Router;
use crate::session::Session;
use crate::store::upkeep::Upkeep;

#[derive(Default)]
struct Inner {
    past: Past,
    /// What the page showed when it was drawn last.
    view: View,
    /// What was drawn last, place by place.
    drawn: [Html; 4],
    /// Where the changes were asked for that are, or will be, shown.
    changes_url: String,
}

/// A handle; belongs to the page of a notebook.
#[derive(Clone, Copy)]
pub(super) struct PastParts {
    inner: StoredValue<Inner>,
    /// Of the newest versions.
    upkeep: Upkeep,
    /// Of the restore that the participant's server does.
    errand: Upkeep,
    router: Router,
    session: Session,
    clock: Clock,
}

/// What to do with an answer, and the address it was asked of.
type Then = fn(PastParts, &str, Result<String, Failure>);

impl PastParts {
    pub(super) fn new(router: Router, session: Session, clock: Clock) -> Self {
        let parts = Self {
            inner: StoredValue::default(),
            upkeep: Upkeep::new(session),
            errand: Upkeep::new(session),
            router,
            session,
            clock,
        };
        let address = move || parts.address(None);
        parts
            .upkeep
            .serve(address, move |answer| parts.listed(true, answer));
        let errand = move || {
            let pending = parts.inner.try_with_value(|inner| {
                let (id, errand) = inner.past.errand.as_ref()?;
                errand.is_pending().then_some(*id)
            })?;
            pending.map(paths::errand)
        };
        parts
            .errand
            .serve(errand, move |answer| parts.take_errand(answer));
        parts
    }

    fn is_open(self) -> bool {
        self.inner.with_value(|inner| inner.past.open)
    }

    fn update(self, change: impl FnOnce(&mut Past)) {
        // The page may have been left meanwhile.
        self.inner.try_update_value(|inner| change(&mut inner.past));
        self.draw();
    }

    /// The address has changed, or is seen for the first time.
    pub(super) fn follow(self, view: View) {
        let is_past = view.version.is_some() || view.changes;
        let (same, was_open) = self
            .inner
            .with_value(|inner| (inner.view.is_same_copy(&view), inner.past.open));
        self.inner.update_value(|inner| {
            if !same {
                inner.past = Past {
                    open: inner.past.open,
                    ..Past::default()
                };
                inner.changes_url.clear();
            }
            // An address of a version is one of its history.
            inner.past.open |= is_past;
            inner.view = view;
        });
        if !same {
            self.upkeep.retarget();
            self.errand.retarget();
        } else if self.is_open() && !was_open {
            // While it was closed nobody asked for what is new.
            self.upkeep.now();
        }
        self.load_changes();
        self.draw();
    }

    /// There are versions that are not in the list, or may be.
    pub(super) fn renew(self) {
        self.upkeep.want();
    }

    /// The same, and what made asking for them fail may be over.
    pub(super) fn retry(self) {
        self.upkeep.now();
        self.errand.now();
    }

    /// An errand is further than it was, perhaps the one that is shown.
    pub(super) fn renew_errand(self) {
        self.errand.want();
    }

    /// `false` when it may be another later.
    fn take_errand(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| Fields::read(&body)) {
            Ok(told) => {
                self.update(|past| {
                    if let Some((_, errand)) = &mut past.errand {
                        *errand = told.errand();
                    }
                });
                true
            }
            Err(failure) => !failure.may_pass(),
        }
    }

    /// Where the list is, or what of it was before a version, while it is open.
    fn address(self, before: Option<i64>) -> Option<String> {
        let is_open = self.inner.try_with_value(|inner| inner.past.open)?;
        let View { notebook, user, .. } = self.router.view_untracked();
        let list = paths::history_data(&notebook?, &user?, before);
        is_open.then_some(list)
    }

    fn loaded_older(self, url: &str, answer: Result<String, Failure>) {
        let of_this = self.address(None);
        // Else of another notebook, which was left meanwhile.
        if of_this.is_some_and(|of_this| url.starts_with(&of_this)) {
            self.listed(false, answer);
        }
    }

    /// `false` when it may be another later.
    fn listed(self, newest: bool, answer: Result<String, Failure>) -> bool {
        let answer = answer.and_then(|body| Fields::read(&body));
        let is_final = !answer.as_ref().is_err_and(Failure::may_pass);
        self.update(|past| match answer {
            Ok(fields) => {
                let versions = fields.list("versions").iter().map(version_of).collect();
                let more = fields.is("more");
                match newest {
                    true => past.timeline.renew(versions, more),
                    false => past.timeline.extend(versions, more),
                }
                past.words = fields.text("note").unwrap_or_default();
                if past.timeline.versions.is_empty() && past.words.is_empty() {
                    past.words
                        .push_str("No version is kept yet: the next save is the first.");
                }
            }
            Err(failure) => past.words = failure.what(),
        });
        self.load_changes();
        is_final
    }

    /// What changed is asked for once it is known in which version.
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
        let newest = self.inner.with_value(|inner| inner.past.timeline.newest());
        if let (Some(notebook), Some(user), Some(version)) = (notebook, user, version.or(newest)) {
            let url = paths::changes_data(&notebook, &user, version);
            let known = self.inner.with_value(|inner| inner.changes_url == url);
            if !known {
                self.inner
                    .update_value(|inner| inner.changes_url.clone_from(&url));
                self.fetch(url, None, |parts, url, answer| {
                    if parts.inner.with_value(|inner| inner.changes_url == url) {
                        if answer.as_ref().is_err_and(Failure::may_pass) {
                            // They are asked for again with the list.
                            parts.inner.update_value(|inner| inner.changes_url.clear());
                            parts.upkeep.spoiled();
                        } else {
                            parts.upkeep.used();
                        }
                        parts.update(|past| {
                            past.changes = answer
                                .map_or_else(|failure| failure.what_as_html(), Html::answered);
                        });
                    }
                });
            }
        }
    }

    fn fetch(self, url: String, body: Option<String>, then: Then) {
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::text(&url, body, xsrf.as_deref().unwrap_or_default()).await;
            // `None`: the page was left meanwhile.
            if self.inner.try_with_value(|_| ()).is_some() {
                if let Err(failure) = &answer {
                    self.session.note(failure);
                }
                then(self, &url, answer);
            }
        });
    }

    /// Opens or closes the list; what it is about goes with it.
    pub(super) fn toggle(self) {
        let open = !self.is_open();
        self.update(|past| past.open = open);
        if open {
            self.upkeep.now();
        } else {
            self.to_live();
        }
    }

    fn to_live(self) {
        let view = self.router.view_untracked();
        self.router.turn(&view.at(None).with_changes(false));
    }

    fn toggle_changes(self) {
        let view = self.router.view_untracked();
        self.router.turn(&view.with_changes(!view.changes));
    }

    /// Goes to the version before the one shown, or after it.
    fn step(self, to: fn(&Timeline, Option<i64>) -> Option<Option<i64>>, back: bool) {
        let view = self.router.view_untracked();
        let (to, more) = self.inner.with_value(|inner| {
            let timeline = &inner.past.timeline;
            (to(timeline, view.version), timeline.more)
        });
        match to {
            Some(version) => self.router.turn(&view.at(version)),
            // It is not known yet.
            None if back && more => self.load_older(),
            None => {}
        }
    }

    fn load_older(self) {
        let oldest = self.inner.with_value(|inner| inner.past.timeline.oldest());
        if let Some(url) = self.address(oldest) {
            self.fetch(url, None, Self::loaded_older);
        }
    }

    /// A key of this page; says whether it was one.
    pub(super) fn key(self, key: &str) -> bool {
        let view = self.router.view_untracked();
        match key {
            "Escape" if view.version.is_some() || view.changes => self.to_live(),
            "Escape" | "h" if self.is_open() => self.toggle(),
            "h" if self.session.who_untracked().is_some_and(|who| who.history) => self.toggle(),
            _ if !self.is_open() => return false,
            "o" => self.step(Timeline::older, true),
            "n" => self.step(Timeline::newer, false),
            "c" => self.toggle_changes(),
            _ => return false,
        }
        true
    }

    /// A click on one of the buttons.
    pub(super) fn clicked(self, event: &MouseEvent) {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let deed = button.and_then(|button| button.get_attribute("data-do"));
        match deed.as_deref() {
            Some("history") => self.toggle(),
            Some("changes") => self.toggle_changes(),
            Some("older") => self.load_older(),
            Some("ask") => self.update(|past| past.restoring = Restoring::Asked),
            Some("restore") => self.restore(),
            Some("close") => self.update(|past| past.restoring = Restoring::Not),
            _ => {}
        }
    }

    /// The reader has closed the dialog, by a button or by Escape.
    pub(super) fn dialog_closed(self) {
        self.update(|past| past.restoring = Restoring::Not);
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
        self.update(|past| past.restoring = Restoring::Running);
        self.fetch(paths::RESTORE.to_owned(), Some(body), |parts, _, answer| {
            let restoring = match answer
                .and_then(|body| Fields::read(&body))
                .map(|told| told.errand())
            {
                Ok(ErrandNote {
                    errand: Some(id),
                    state,
                    ..
                }) => {
                    let user = parts.router.view_untracked().user.unwrap_or_default();
                    let errand = ErrandNote {
                        user,
                        state,
                        ..ErrandNote::default()
                    };
                    parts.update(|past| past.errand = Some((id, errand)));
                    // Until the answer was here it may have been done.
                    parts.errand.retarget();
                    Restoring::Waiting
                }
                Ok(ErrandNote { filename, .. }) => {
                    let filename = filename.unwrap_or_default();
                    let view = parts.router.view_untracked().at(None).with_changes(false);
                    let copy = View {
                        notebook: Some(filename.clone()),
                        ..view
                    };
                    Restoring::Done(filename, parts.router.notebook_href(&copy))
                }
                Err(failure) => Restoring::Failed(failure),
            };
            parts.update(|past| past.restoring = restoring);
        });
    }

    /// Puts everything into the page, where it has its places.
    fn draw(self) {
        let view = self.router.view_untracked();
        let download = || {
            let newest = self.inner.with_value(|inner| inner.past.timeline.newest());
            let version = view.version.or(newest)?;
            Some(paths::download(
                view.notebook.as_ref()?,
                view.user.as_ref()?,
                version,
            ))
        };
        let may_restore = self.session.who_untracked().is_some_and(|who| {
            let user = view.user.as_deref();
            user.is_some_and(|user| who.may_change(user))
        });
        let scene = Scene {
            download: download(),
            may_restore,
            now: local(self.clock.now_ms_untracked()),
            local: &local,
            href: &|view| self.router.notebook_href(view),
            view,
        };
        let drawn = self.inner.try_with_value(|inner| {
            let past = &inner.past;
            let none = Html::default;
            let changes = past.open && scene.view.changes;
            [
                (
                    "#version-bar",
                    if past.open { past.bar(&scene) } else { none() },
                ),
                (
                    "#history",
                    if past.open {
                        past.panel(&scene)
                    } else {
                        none()
                    },
                ),
                (
                    "#changes",
                    if changes {
                        past.changes.clone()
                    } else {
                        none()
                    },
                ),
                ("#restore", past.dialog(&scene)),
            ]
        });
        for (at, (place, html)) in drawn.into_iter().flatten().enumerate() {
            let is_new = self.inner.try_update_value(|inner| {
                let is_new = inner.drawn[at] != html;
                inner.drawn[at].clone_from(&html);
                is_new
            });
            if is_new == Some(true) {
                draw(place, &html);
            }
        }
        if let Some(page) = find(".notebook-page") {
            let old = if scene.view.version.is_some() {
                " old"
            } else {
                ""
            };
            let open = if self.is_open() { " with-history" } else { "" };
            let changes = if scene.view.changes {
                " with-changes"
            } else {
                ""
            };
            page.set_class_name(&format!("notebook-page{open}{old}{changes}"));
        }
    }
}

fn version_of(fields: &Fields) -> VersionSummary {
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

/// Draws a part that is new. Who had the focus in it keeps it, if it can be said where,
/// and the version that is shown comes into view.
fn draw(place: &str, html: &Html) {
    let Some(element) = find(place) else { return };
    let focused = document().active_element();
    let had_focus = focused.is_some_and(|focused| element.contains(Some(&focused)));
    put(&element, html);
    if let Some(dialog) = element.dyn_ref::<HtmlDialogElement>() {
        match html.is_empty() {
            true => dialog.close(),
            // It fails only for a dialog that is not in the page.
            false if !dialog.open() => drop(dialog.show_modal()),
            false => {}
        }
        return;
    }
    if let Ok(Some(current)) = element.query_selector("[aria-current]") {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        current.scroll_into_view_with_scroll_into_view_options(&options);
        if had_focus && let Some(link) = current.dyn_ref::<web_sys::HtmlElement>() {
            // It may be gone again.
            let _ = link.focus();
        }
    }
}
