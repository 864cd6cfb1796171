//! The state of the page, what it fetches, and what it asks of the service.

use std::sync::Arc;
use std::time::Duration;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::packages::{PackageEdit, PackageJob, PackagePlace, PackagePlan, PackagesResponse};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::answers::{job_of, list_of, log_of, plan_of};
use crate::api;
use crate::clipboard::copy;
use crate::clock::{Clock, wall_ms};
use crate::manage::focus::{focus_soon, recover_focus};
use crate::manage::loading::{note_failure, while_visible};
use crate::model::age::seconds_since;
use crate::model::failure::RequestFailure;
use crate::model::package_plan::plan_headline;
use crate::model::packages;
use crate::model::requirement_field::{TypedRequirements, read_typed};
use crate::model::shown_log::ShownLog;
use crate::paths;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// How often the log is asked for while a change is made.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is said that a change still runs, in seconds.
const SAID_EVERY_S: i64 = 30;
/// The field's selector.
const FIELD: &str = "#packages-text";
/// The headings that get the focus.
const PLAN_TITLE: &str = "#plan-title";
const JOB_TITLE: &str = "#job-title";

/// A change that somebody is about to make, and what it would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEdit {
    /// The change.
    pub edit: PackageEdit,
    /// What it would do.
    pub plan: PackagePlan,
}

/// The state of the page, and a handle to its fetching.
#[derive(Clone, Copy)]
pub struct PackagesController {
    pub(super) may_change: bool,
    pub(super) phase: RwSignal<LoadPhase>,
    pub(super) list: RwSignal<Option<Arc<PackagesResponse>>>,
    pub(super) refetcher: Refetcher,
    log_refetcher: Refetcher,
    /// What is typed, and what it asks for.
    pub(super) text: RwSignal<String>,
    pub(super) typed: Memo<TypedRequirements>,
    pub(super) planned: RwSignal<Option<Arc<PlannedEdit>>>,
    pub(super) is_planning: RwSignal<bool>,
    /// Counts the plans that were asked for or left, so that a late answer is known as one.
    plans: StoredValue<u32>,
    /// The button that asked for the plan, as a selector.
    planned_by: StoredValue<String>,
    is_applying: StoredValue<bool>,
    pub(super) is_stopping: RwSignal<bool>,
    pub(super) log: RwSignal<ShownLog>,
    /// Why the last request did not work.
    pub(super) failure: RwSignal<String>,
    /// What is said to those who do not see the page.
    pub(super) said: RwSignal<String>,
    /// When it is said next that a change still runs, in seconds after it began.
    next_said_s: StoredValue<i64>,
    session: SessionHandle,
    pub(super) clock: Clock,
}

impl PackagesController {
    /// The state of a page that has fetched nothing yet.
    pub(super) fn new(may_change: bool) -> Self {
        let text = RwSignal::new(String::new());
        Self {
            may_change,
            phase: RwSignal::new(LoadPhase::Loading),
            list: RwSignal::default(),
            refetcher: Refetcher::new(expect_context()),
            log_refetcher: Refetcher::new(expect_context()),
            text,
            typed: Memo::new(move |_| text.with(|text| read_typed(text))),
            planned: RwSignal::default(),
            is_planning: RwSignal::default(),
            plans: StoredValue::default(),
            planned_by: StoredValue::default(),
            is_applying: StoredValue::default(),
            is_stopping: RwSignal::default(),
            log: RwSignal::default(),
            failure: RwSignal::default(),
            said: RwSignal::default(),
            next_said_s: StoredValue::new(SAID_EVERY_S),
            session: expect_context(),
            clock: expect_context(),
        }
    }

    /// Fetches now, and while the page is visible: the list every few seconds, and the log every
    /// second of a change.
    pub(super) fn start(self) {
        // Nothing here says the service's time before a change is begun from here.
        self.clock.observe(wall_ms());
        self.refetcher.configure(
            || Some(paths::PACKAGES.to_owned()),
            move |answer| self.take_list(answer),
        );
        let address = move || {
            self.log
                .with_untracked(|log| log.id().map(|id| paths::packages_log(id, log.next)))
        };
        self.log_refetcher
            .configure(address, move |answer| self.take_log(answer));
        let look = move || self.refetcher.refetch();
        look();
        while_visible(look);
        let look_at_log = move || {
            if !document().hidden() && self.log.with_untracked(ShownLog::has_more) {
                self.log_refetcher.refetch();
            }
        };
        let ticker = set_interval_with_handle(look_at_log, LOG_INTERVAL);
        on_cleanup(move || {
            if let Ok(ticker) = ticker {
                ticker.clear();
            }
        });
    }

    fn take_list(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| list_of(&body)) {
            Ok(list) => {
                if let Some(job) = &list.job {
                    self.observe(job);
                }
                if self.list.get_untracked().as_deref() != Some(&list) {
                    // The rows are drawn anew, and with them the button that has the focus.
                    let focused = document().active_element().as_ref().and_then(selector_of);
                    self.list.set(Some(Arc::new(list)));
                    if let Some(focused) = focused {
                        recover_focus(vec![focused, "#asked-title".to_owned()]);
                    }
                }
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure) => note_failure(self.phase, failure),
        }
    }

    /// Hears of a change, of which the log is fetched when it is a later one. A list that was on its
    /// way when a change began has the one before.
    fn observe(self, job: &PackageJob) {
        if self.log.with_untracked(ShownLog::id) < Some(job.id) {
            self.is_stopping.set(false);
            self.next_said_s.set_value(SAID_EVERY_S);
            self.log.update(|log| log.observe(job));
            self.log_refetcher.retarget();
        }
    }

    fn take_log(self, answer: Result<String, RequestFailure>) -> bool {
        let answer = match answer.and_then(|body| log_of(&body)) {
            Ok(answer) => answer,
            // The next look asks again.
            Err(failure) => return !failure.may_pass(),
        };
        let was_running = self.log.with_untracked(ShownLog::is_running);
        let before = self.log.with_untracked(ShownLog::id);
        self.log.update(|log| log.take(answer));
        let job = self.log.with_untracked(|log| log.job.clone());
        let has_ended = was_running && !self.log.with_untracked(ShownLog::is_running);
        let Some(job) = job.filter(|job| before == Some(job.id)) else {
            return true;
        };
        let now_ms = self.clock.now_ms_untracked();
        let running_s = seconds_since(job.started_ms, now_ms);
        if was_running && !has_ended && running_s >= self.next_said_s.get_value() {
            self.next_said_s.set_value(running_s + SAID_EVERY_S);
            self.say(packages::job_state(&job, now_ms));
        }
        if has_ended {
            self.is_stopping.set(false);
            self.say(packages::job_state(&job, now_ms));
            // *Stop* is gone, and may have had it.
            recover_focus(vec![JOB_TITLE.to_owned()]);
            self.refetcher.refetch_now();
        }
        true
    }

    /// Takes what is typed. A plan of other words is no plan for these.
    pub(super) fn type_text(self, text: String) {
        self.text.set(text);
        self.leave_plan();
    }

    fn leave_plan(self) {
        self.plans.update_value(|plans| *plans += 1);
        self.is_planning.set(false);
        self.planned.set(None);
    }

    /// Does what a button says.
    pub(super) fn clicked(self, event: &MouseEvent) {
        let target = event.target();
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-do]").ok().flatten());
        let Some(button) = button else { return };
        let what = button.get_attribute("data-do").unwrap_or_default();
        let asked = button.get_attribute("data-requirement").unwrap_or_default();
        let by = selector_of(&button).unwrap_or_default();
        match what.as_str() {
            "plan" => {
                let add = self.typed.with_untracked(|typed| typed.good.clone());
                let remove = Vec::new();
                self.plan(PackageEdit { add, remove }, FIELD.to_owned());
            }
            "install" => {
                let (add, remove) = (vec![asked], Vec::new());
                self.plan(PackageEdit { add, remove }, by);
            }
            "remove" => {
                let (add, remove) = (Vec::new(), vec![asked]);
                self.plan(PackageEdit { add, remove }, by);
            }
            "cancel" => {
                self.leave_plan();
                self.say("Nothing is changed.".to_owned());
                focus_soon(vec![self.planned_by.get_value(), FIELD.to_owned()]);
            }
            "apply" => self.apply(),
            "stop" => self.stop(),
            "copy" => {
                let shown = button.parent_element();
                let shown = shown.and_then(|it| it.query_selector("code").ok().flatten());
                let text = shown.as_ref().and_then(|it| it.text_content());
                copy(&text.unwrap_or_default(), button, shown);
            }
            _ => {}
        }
    }

    fn plan(self, edit: PackageEdit, by: String) {
        self.leave_plan();
        let number = self.plans.get_value();
        self.planned_by.set_value(by.clone());
        self.failure.set(String::new());
        self.is_planning.set(true);
        self.say("Planning.".to_owned());
        spawn_local(async move {
            let answer = self.post(paths::PACKAGES_PLAN, body_of(&edit)).await;
            let plan = answer.and_then(|body| plan_of(&body));
            if self.plans.try_get_value() != Some(number) {
                return;
            }
            self.is_planning.set(false);
            match plan {
                Ok(plan) => {
                    self.say(plan_headline(&plan));
                    self.planned.set(Some(Arc::new(PlannedEdit { edit, plan })));
                    focus_soon(vec![PLAN_TITLE.to_owned()]);
                }
                Err(failure) => {
                    self.failure.set(failure.message());
                    recover_focus(vec![by, FIELD.to_owned()]);
                }
            }
        });
    }

    fn apply(self) {
        let Some(planned) = self.planned.get_untracked() else {
            return;
        };
        if self.is_applying.get_value() {
            return;
        }
        self.failure.set(String::new());
        self.is_applying.set_value(true);
        spawn_local(async move {
            let answer = self.post(paths::PACKAGES, body_of(&planned.edit)).await;
            self.is_applying.set_value(false);
            match answer.and_then(|body| job_of(&body)) {
                Ok(job) => {
                    self.clock.observe(job.started_ms);
                    self.leave_plan();
                    // What was typed is asked for now; removing leaves it for later.
                    if !planned.edit.add.is_empty() {
                        self.text.set(String::new());
                    }
                    self.say(format!("Being made: {}.", job.title));
                    self.observe(&job);
                    focus_soon(vec![JOB_TITLE.to_owned()]);
                }
                Err(failure) => {
                    self.failure.set(failure.message());
                    recover_focus(vec![PLAN_TITLE.to_owned()]);
                }
            }
            self.refetcher.refetch_now();
        });
    }

    fn stop(self) {
        let Some(id) = self.log.with_untracked(ShownLog::id) else {
            return;
        };
        self.failure.set(String::new());
        self.is_stopping.set(true);
        self.say("Stopping.".to_owned());
        focus_soon(vec![JOB_TITLE.to_owned()]);
        spawn_local(async move {
            let body = serde_json::json!({ "job": id }).to_string();
            let answer = self.post(paths::PACKAGES_STOP, body).await;
            if let Err(failure) = answer {
                self.is_stopping.set(false);
                self.failure.set(failure.message());
            }
            self.log_refetcher.refetch_now();
        });
    }

    /// Whether packages go into an image.
    pub(super) fn is_image(self) -> bool {
        let is_image =
            |list: &Arc<PackagesResponse>| matches!(list.place, PackagePlace::Image { .. });
        self.list.with(|list| list.as_ref().is_some_and(is_image))
    }

    fn say(self, what: String) {
        self.said.set(what);
    }

    /// The installer asks an index for what each package needs, which may take long.
    async fn post(self, url: &str, body: String) -> Result<String, RequestFailure> {
        let who = self.session.who_untracked();
        let xsrf = who.and_then(|who| who.xsrf).unwrap_or_default();
        let answer = api::post_slow(url, body, &xsrf).await;
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        answer
    }
}

/// The body of a request with this change.
fn body_of(edit: &PackageEdit) -> String {
    serde_json::json!({ "add": edit.add, "remove": edit.remove }).to_string()
}

/// The selector of a button in the row of a requirement, which knows it again when it is another
/// element. No requirement that is listed has a quotation mark.
fn selector_of(button: &Element) -> Option<String> {
    let what = button.get_attribute("data-do")?;
    let asked = button.get_attribute("data-requirement")?;
    Some(format!("[data-do={what}][data-requirement=\"{asked}\"]"))
}
