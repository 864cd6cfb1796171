//! The recorder behind the macros of the crate `metrics`, one a process, and how it
//! prints.

use std::{sync::OnceLock, thread, time::Duration};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::process;

/// Between two rounds of putting what histograms have collected into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// From a commit to a disk (0.2 ms) to a wall of three hundred that is read anew.
const SECONDS: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0,
];

/// Begins to collect; what was counted before is lost. Once a process is enough, and more
/// often does nothing.
///
/// # Panics
/// When another recorder than this one was installed before, which nothing here does.
pub fn install_metrics() {
    handle();
}

/// Everything there is, in the text form that Prometheus reads.
#[must_use]
pub fn render_metrics() -> String {
    process::report();
    handle().render()
}

fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .expect("there are buckets")
            .install_recorder()
            .expect("nothing else installs a recorder");
        describe();
        let upkeep = handle.clone();
        let started = thread::Builder::new()
            .name("metrics-upkeep".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(UPKEEP);
                    upkeep.run_upkeep();
                }
            });
        if let Err(error) = started {
            tracing::warn!(%error, "metrics are only put in order when they are asked for");
        }
        handle
    })
}

/// The words that stand above each metric. One without them still prints.
fn describe() {
    let seconds = Unit::Seconds;
    describe_histogram!(
        "pipalhub_http_request_seconds",
        seconds,
        "Until an answer began, by route"
    );
    describe_counter!(
        "pipalhub_http_requests_total",
        "Answers, by method, route and status"
    );
    describe_counter!("pipalhub_events_total", "Events stored, by type");
    describe_counter!("pipalhub_notices_sent_total", "Notices of instructors");
    describe_gauge!(
        "pipalhub_store_queued",
        "Events that the latest commit took together"
    );
    describe_histogram!(
        "pipalhub_store_commit_seconds",
        seconds,
        "One commit, on disk"
    );
    describe_counter!(
        "pipalhub_store_failures_total",
        "Writes to the store that failed"
    );
    describe_gauge!(
        "pipalhub_store_journal_entries",
        "Events that a stream can resume over"
    );
    describe_gauge!(
        "pipalhub_store_file_bytes",
        Unit::Bytes,
        "The database file"
    );
    describe_gauge!(
        "pipalhub_store_wal_bytes",
        Unit::Bytes,
        "The log beside the database"
    );
    describe_gauge!("pipalhub_store_healthy", "1 while events can be stored");
    describe_histogram!(
        "pipalhub_hub_request_seconds",
        seconds,
        "A question to the Hub"
    );
    describe_counter!(
        "pipalhub_hub_requests_total",
        "Questions to the Hub, by their outcome"
    );
    describe_counter!(
        "pipalhub_hub_lookups_total",
        "Tokens looked up, by where the answer was"
    );
    describe_gauge!(
        "pipalhub_class_notebooks",
        "Notebooks, one for all who have a copy"
    );
    describe_gauge!("pipalhub_class_participants", "People who have a notebook");
    describe_histogram!(
        "pipalhub_notebook_read_seconds",
        seconds,
        "Reading one file"
    );
    describe_histogram!(
        "pipalhub_notebook_parse_seconds",
        seconds,
        "Parsing and preparing one file"
    );
    process::describe();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_was_counted_once_it_is_installed() {
        install_metrics();
        install_metrics();
        metrics::counter!("pipalhub_test_total").increment(3);
        metrics::histogram!("pipalhub_test_seconds").record(0.0004);
        let text = render_metrics();
        assert!(text.contains("pipalhub_test_total 3\n"), "{text}");
        assert!(text.contains("pipalhub_test_seconds_bucket{le=\"0.0003\"} 0\n"));
        assert!(text.contains("pipalhub_test_seconds_bucket{le=\"0.001\"} 1\n"));
        assert!(text.contains("\nprocess_resident_memory_bytes "));
    }
}
