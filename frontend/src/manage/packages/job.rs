//! The change that is being made, or the last one: its log, and what came of it.

use leptos::prelude::*;

use super::controller::PackagesController;
use crate::html::dynamic_html;
use crate::model::packages;
use crate::model::shown_log::ShownLog;
use crate::pages::keyboard::find;

/// The id of the element of the log's lines.
const LINES: &str = "package-log-lines";

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
    Effect::new(move |shown: Option<(Option<u64>, usize)>| {
        log.with(|log| draw_new_lines(log, shown.unwrap_or_default()))
    });
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
                <div id=LINES></div>
            </div>
        </section>
    }
}

/// Draws the lines after those that were shown of this change, and takes those away that are on the
/// page no more; returns what is shown then. By hand, since a list of views is kilobytes of code.
fn draw_new_lines(log: &ShownLog, shown: (Option<u64>, usize)) -> (Option<u64>, usize) {
    let now = (log.id(), log.next);
    let Some(lines) = find(&format!("#{LINES}")) else {
        return shown;
    };
    let mut from = shown.1;
    if shown.0 != now.0 {
        lines.set_text_content(None);
        from = 0;
    }
    for (_, line) in log.lines.iter().filter(|(at, _)| *at >= from) {
        if let Ok(element) = document().create_element("div") {
            element.set_text_content(Some(line));
            // A line that cannot be drawn is in the log of the steward.
            let _ = lines.append_child(&element);
        }
    }
    while lines.child_nodes().length() as usize > log.lines.len() {
        let Some(first) = lines.first_child() else {
            break;
        };
        let _ = lines.remove_child(&first);
    }
    now
}
