//! The change that is being made, or the last one: its log, and what came of it.

use leptos::prelude::*;
use shared::packages::PackageJob;

use super::controller::PackagesController;
use super::plan::ChangesHead;
use crate::html::{Html, dynamic_html};
use crate::model::packages;

/// The id of its heading, which has the focus when the change begins and when *Stop* is gone.
pub(super) const TITLE: &str = "job-title";

/// The change; hidden where there was none yet.
#[component]
pub fn JobPanel(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let job = Memo::new(move |_| page.log.with(|log| log.job.clone()));
    let is_running = Memo::new(move |_| page.log.with(|log| log.is_running()));
    let of_job = move |draw: fn(&PackageJob) -> Html| {
        let memo = Memo::new(move |_| job.get().map(|job| draw(&job)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let title = move || {
        let job = job.get();
        job.map_or_else(String::new, |job| format!("{}, by {}", job.title, job.by))
    };
    let state = move || {
        // The clock is looked at only while something runs.
        let job = job.get();
        let now_ms = match is_running.get() {
            true => page.clock.now_ms(),
            false => 0,
        };
        job.map_or_else(String::new, |job| packages::job_state(&job, now_ms))
    };
    let has_changes =
        Memo::new(move |_| job.with(|job| job.as_ref().is_some_and(packages::is_told)));
    let left_out = move || page.log.with(|log| log.left_out());
    let lines = move || {
        page.log
            .with(|log| log.lines.iter().cloned().collect::<Vec<_>>())
    };
    // A log begins at line 0 again when it is another's.
    let key = move |line: &(usize, String)| (page.log.with_untracked(|log| log.id()), line.0);
    let stop = page.may_change.then(|| {
        view! {
            <button
                class="button"
                data-testid="packages-stop"
                data-do="stop"
                hidden=move || !is_running.get()
                prop:disabled=move || page.is_stopping.get()
            >
                {move || if page.is_stopping.get() { "Stopping …" } else { "Stop" }}
            </button>
        }
    });
    view! {
        <section
            class="add-class"
            aria-labelledby=TITLE
            data-testid="job"
            hidden=move || job.with(Option::is_none)
        >
            <h2 id=TITLE tabindex="-1">
                {move || if is_running.get() { "Now: " } else { "Last change: " }}
                {title}
            </h2>
            <div class="job-state">
                <p data-testid="job-state">{state}</p>
                {stop}
            </div>
            <div {..of_job(packages::job_failure)}></div>
            <table class="setup-table changes-table" role="table" hidden=move || !has_changes.get()>
                <caption class="visually-hidden">"What has become of each package"</caption>
                <ChangesHead />
                <tbody
                    role="rowgroup"
                    data-testid="job-changes"
                    {..of_job(|job| packages::changes(&job.changes))}
                ></tbody>
            </table>
            <p class="hint" data-testid="job-told" hidden=move || !has_changes.get()>
                "Participants whose kernels run are told by a notice to restart them."
            </p>
            <h3 class="visually-hidden">"Log"</h3>
            <p class="hint" hidden=move || left_out().is_empty()>{left_out}</p>
            // What came of it is announced; each line read out would be noise.
            <div
                class="package-log"
                role="log"
                aria-live="off"
                aria-label="Log of the installer"
                tabindex="0"
                data-testid="package-log"
            >
                <div>
                    <For each=lines key let(line)>
                        <div>{line.1}</div>
                    </For>
                </div>
            </div>
        </section>
    }
}
