//! The recorder behind the macros of the crate `metrics`, one a process, and how it
//! prints.

use std::sync::OnceLock;

use parking_lot::Mutex;

use metrics::{Unit, describe_counter, describe_gauge};
use metrics_prometheus::Recorder;
use prometheus::{HistogramOpts, HistogramVec, Registry, TextEncoder};

use super::process;

/// From a commit to a disk (0.2 ms) to a wall of three hundred that is read anew.
const HISTOGRAM_BUCKETS_S: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0,
];

/// Each histogram with its labels and the words that stand above it: their buckets are set
/// before the first value comes.
const HISTOGRAMS: [(&str, &[&str], &str); 5] = [
    (
        "pipalhub_http_request_seconds",
        &["route"],
        "Until an answer began, by route",
    ),
    ("pipalhub_store_commit_seconds", &[], "One commit, on disk"),
    ("pipalhub_hub_request_seconds", &[], "A question to the Hub"),
    ("pipalhub_notebook_read_seconds", &[], "Reading one file"),
    (
        "pipalhub_notebook_parse_seconds",
        &[],
        "Parsing and preparing one file",
    ),
];

/// Begins to collect metrics; counts before this are lost. Further calls do nothing.
///
/// # Panics
/// When another recorder than this one was installed before, which nothing here does.
pub fn install_metrics() {
    registry();
}

/// All metrics, in the text form that Prometheus reads.
///
/// # Errors
/// When the metrics cannot be written as text, which is a fault here.
pub fn render_metrics() -> Result<String, prometheus::Error> {
    // A counter is set to a value in two steps, so only one request renders at a time.
    static RENDERING: Mutex<()> = Mutex::new(());
    let _alone = RENDERING.lock();
    process::report();
    TextEncoder::new().encode_to_string(&registry().gather())
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let registry = Registry::new();
        let mut recorder = Recorder::builder().with_registry(&registry);
        for (name, labels, help) in HISTOGRAMS {
            let options = HistogramOpts::new(name, help).buckets(HISTOGRAM_BUCKETS_S.to_vec());
            let histogram = HistogramVec::new(options, labels).expect("its names are names");
            recorder = recorder.with_metric(histogram);
        }
        recorder.build_and_install();
        describe();
        registry
    })
}

/// Sets the help texts of the metrics. A metric without one still prints.
fn describe() {
    describe_counter!(
        "pipalhub_http_requests_total",
        "Answers, by method, route and status"
    );
    describe_counter!("pipalhub_events_total", "Events stored, by type");
    describe_counter!("pipalhub_notices_sent_total", "Notices of instructors");
    describe_counter!(
        "pipalhub_handouts_total",
        "Notebooks and other files handed out"
    );
    describe_gauge!(
        "pipalhub_insight_notebooks",
        "Notebooks whose saves are followed in memory"
    );
    describe_counter!(
        "pipalhub_insight_versions_total",
        "Versions that were read for what the saves of a class say"
    );
    describe_counter!(
        "pipalhub_connections_ended_for_room_total",
        "Connections that waited, and made room for others"
    );
    describe_gauge!(
        "pipalhub_store_queued",
        "Events that the latest commit took together"
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
    describe_gauge!(
        "pipalhub_builds_bytes",
        Unit::Bytes,
        "What is built takes up, by what of it"
    );
    describe_gauge!(
        "pipalhub_builds_over_quota",
        "What is not built because a quota is used up, by what of it"
    );
    describe_gauge!(
        "pipalhub_history_over_quota",
        "People whose oldest versions are not kept because their quota is used up"
    );
    describe_gauge!(
        "pipalhub_waiting_for_room",
        "1 while so little is free on the disk that the rest is left for events, by what waits"
    );
    process::describe();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_printed_once_they_are_installed() {
        install_metrics();
        install_metrics();
        metrics::counter!("pipalhub_test_total").increment(3);
        metrics::histogram!("pipalhub_store_commit_seconds").record(0.0004);
        let text = render_metrics().unwrap();
        assert!(text.contains("pipalhub_test_total 3\n"), "{text}");
        assert!(text.contains("# HELP pipalhub_store_commit_seconds One commit, on disk\n"));
        // Other tests of this process commit to stores, too.
        let bucket = |limit: &str| {
            let start = format!("pipalhub_store_commit_seconds_bucket{{le=\"{limit}\"}} ");
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
            lines.next().unwrap().parse::<u64>().unwrap()
        };
        assert!(bucket("0.001") > bucket("0.0003"), "{text}");
        assert!(text.contains("\nprocess_resident_memory_bytes "));
    }
}
