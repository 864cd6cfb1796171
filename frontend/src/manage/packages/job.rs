//! The change that is being made, or the last one: its log, and what came of it.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::dynamic_html;
use crate::model::packages;

/// The change; hidden where there was none yet. Its heading, `#job-title`, has the focus when the
/// change begins, and when *Stop* is gone that had it.
#[component]
pub fn JobPanel(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let log = page.log;
    let job = Memo::new(move |_| log.with(|log| log.job.clone()));
    let is_running = Memo::new(move |_| log.with(|log| log.is_running()));
    let title = move || job.with(|job| job.as_ref().map(packages::job_title));
    let state = move || {
        // The clock is looked at only while something runs.
        let now_ms = if is_running.get() {
            page.clock.now_ms()
        } else {
            0
        };
        job.with(|job| job.as_ref().map(|job| packages::job_state(job, now_ms)))
    };
    let result = Memo::new(move |_| {
        let result = job.with(|job| job.as_ref().map(packages::job_result));
        result.unwrap_or_default()
    });
    let lines = move || log.with(|log| log.lines.iter().cloned().collect::<Vec<_>>());
    // A log begins at line 0 again when it is another's.
    let key = move |line: &(usize, String)| (log.with_untracked(|log| log.id()), line.0);
    let may_stop = move || page.may_change && is_running.get();
    view! {
        <section
            class="add-class"
            aria-labelledby="job-title"
            data-testid="job"
            hidden=move || job.with(Option::is_none)
        >
            <h2 id="job-title" tabindex="-1">{title}</h2>
            <div class="job-state">
                <p data-testid="job-state">{state}</p>
                <button
                    class="button"
                    data-do="stop"
                    hidden=move || !may_stop()
                    prop:disabled=move || page.is_stopping.get()
                >
                    "Stop"
                </button>
            </div>
            <div data-testid="job-result" {..dynamic_html(move || result.get())}></div>
            <p class="hint">{move || log.with(|log| log.left_out())}</p>
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
