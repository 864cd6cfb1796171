//! `/metrics`: for helpers and instructors, in the form that Prometheus reads.

use backend::telemetry::install_metrics;

use crate::app::App;

/// The value of the one line that begins so.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_address() {
    install_metrics();
    let app = App::with_hub().await;
    let event = app.save_event("alice", "canary-name.ipynb");
    app.save("alice", "canary-name.ipynb", &["1"]);
    app.token("server-alice").post_event(&event).await;
    app.participant("alice")
        .get("api/tile?filename=canary-name.ipynb&user=alice")
        .await;
    app.anonymous().get("canary-page?canary-query").await;
    app.anonymous().get("events/canary").await;
    let strange = reqwest::Method::from_bytes(b"CANARY").unwrap();
    let request = app.anonymous().request(strange, "events");
    request.send().await.unwrap();
    let response = app.instructor().get("metrics").await;
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = response.text().await.unwrap();
    let stored = r#"pipalhub_http_requests_total{method="POST",route="/events",status="201"}"#;
    assert!(value(&text, stored).unwrap() >= 1.0, "{text}");
    let looked = r#"pipalhub_http_requests_total{method="GET",route="/api/tile",status="200"}"#;
    assert!(value(&text, looked).unwrap() >= 1.0, "{text}");
    for series in [
        r#"pipalhub_events_total{type="save-notebook"}"#,
        r#"pipalhub_http_request_seconds_count{route="/api/tile"}"#,
        r#"pipalhub_hub_lookups_total{source="hub"}"#,
        r#"pipalhub_hub_requests_total{outcome="answered"}"#,
        "pipalhub_store_commit_seconds_count",
        "pipalhub_store_journal_entries",
        "pipalhub_store_file_bytes",
        "pipalhub_notebook_parse_seconds_count",
        "pipalhub_class_participants",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(
            value(&text, series).is_some_and(|value| value > 0.0),
            "{series}: {text}"
        );
    }
    assert_eq!(value(&text, "pipalhub_store_healthy"), Some(1.0));
    assert!(!text.to_lowercase().contains("canary"), "{text}");
}

#[tokio::test]
async fn participants_may_not_read_metrics() {
    let app = App::with_hub().await;
    for person in [app.participant("alice"), app.token("server-ines")] {
        assert_eq!(person.get("metrics").await.status(), 403);
    }
}
