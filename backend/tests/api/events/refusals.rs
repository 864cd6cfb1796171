//! Bodies that are refused, and limits on posts.

use backend::limits::{LimitSettings, Rate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{app::App, common::eventually};

use super::event;

#[tokio::test]
async fn a_body_that_is_no_event_is_refused_and_not_stored() {
    let app = App::standalone().await;
    let whole = event("t", "u", "/a");
    let mut bodies = vec![json!([]), json!("text"), json!(null)];
    for field in ["type", "user", "filename", "path"] {
        let mut missing = whole.clone();
        missing.as_object_mut().unwrap().remove(field);
        bodies.push(missing);
        let mut wrong = whole.clone();
        wrong[field] = json!(5);
        bodies.push(wrong);
    }
    let mut late = whole.clone();
    late["timestamp"] = json!("tomorrow");
    bodies.push(late);
    for body in bodies {
        let response = app.instructor().post("events", &body).await;
        assert_eq!(response.status(), 400, "{body}");
        let answer: Value = response.json().await.unwrap();
        assert!(answer["message"].is_string(), "{body}");
    }
    let request = || app.instructor().request(Method::POST, "events");
    let torn = request()
        .header("content-type", "application/json")
        .body("{\"type\":");
    assert_eq!(torn.send().await.unwrap().status(), 400);
    let form = request()
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=b");
    assert_eq!(form.send().await.unwrap().status(), 415);
    let mut large = whole;
    large["path"] = json!("x".repeat(20_000));
    assert_eq!(app.instructor().post("events", &large).await.status(), 413);
    assert_eq!(app.instructor().json("events").await, json!([]));
}

#[tokio::test]
async fn a_field_that_is_too_long_or_has_control_characters_is_refused() {
    let app = App::standalone().await;
    for (field, longest) in [
        ("type", 64),
        ("user", 255),
        ("filename", 4_096),
        ("path", 4_096),
    ] {
        let with = |text: String| {
            let mut body = event("t", "u", "/a");
            body[field] = json!(text);
            body
        };
        app.instructor()
            .post_event(&with("x".repeat(longest)))
            .await;
        // Bytes count, not characters.
        let long = ["x".repeat(longest + 1), "ö".repeat(longest / 2 + 1)];
        let control = ["a\0b", "a\nb", "\u{1b}[2J", "\u{9b}2J"].map(str::to_owned);
        for text in long.into_iter().chain(control) {
            let response = app.instructor().post("events", &with(text)).await;
            assert_eq!(response.status(), 400, "{field}");
            let answer: Value = response.json().await.unwrap();
            assert!(
                answer["message"].as_str().unwrap().starts_with(field),
                "{answer}"
            );
        }
    }
    assert_eq!(
        app.instructor()
            .json("events")
            .await
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let app = App::standalone().await;
    for (encoding, status) in [
        ("gzip", 415),
        ("br", 415),
        ("identity, gzip", 415),
        ("Identity", 201),
    ] {
        let request = app.instructor().request(Method::POST, "events");
        let request = request.header("content-encoding", encoding);
        let response = request.json(&event("t", "u", "/a")).send().await.unwrap();
        assert_eq!(response.status(), status, "{encoding}");
    }
}

#[tokio::test]
async fn a_client_that_posts_too_often_gets_a_retry_after() {
    let mut limits = LimitSettings::default();
    limits.events.participant = Rate {
        a_second: 1,
        burst: 3,
    };
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    let numbered = |i: i32| {
        let mut event = app.save_event("alice", "x.ipynb");
        event["timestamp"] = json!(format!("2030-01-01T00:00:00.{i:06}Z"));
        event
    };
    let mut taken = 0;
    let refusal = loop {
        let response = alice.post("events", &numbered(taken)).await;
        if response.status() != 201 {
            break response;
        }
        taken += 1;
    };
    assert!(taken >= 3, "the burst is let through, not {taken}");
    assert_eq!(refusal.status(), 429);
    assert_eq!(refusal.headers()["retry-after"], "1");
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"].as_str().unwrap().starts_with("alice "),
        "{answer}"
    );
    // Other participants are not held up by that, and instructors neither.
    app.token("server-bob")
        .post_event(&app.save_event("bob", "x.ipynb"))
        .await;
    for _ in 0..10 {
        app.instructor()
            .post_event(&app.save_event("ines", "x.ipynb"))
            .await;
    }
    // The refused event, sent again, becomes the latest.
    let stored = eventually(async || {
        let response = alice.post("events", &numbered(taken)).await;
        (response.status() == 201).then_some(response)
    });
    let stored: Value = stored.await.json().await.unwrap();
    assert_eq!(alice.json("events").await, json!([stored]));
}

#[tokio::test]
async fn a_path_beyond_the_limit_of_entries_is_refused() {
    let mut limits = LimitSettings::default();
    limits.events.entries = 3;
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    for i in 0..3 {
        alice
            .post_event(&app.save_event("alice", &format!("{i}.ipynb")))
            .await;
    }
    let refusal = alice
        .post("events", &app.save_event("alice", "3.ipynb"))
        .await;
    assert_eq!(refusal.status(), 409);
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"].as_str().unwrap().contains("3 entries"),
        "{answer}"
    );
    let wall = app.instructor().json("api/wall?filename=3.ipynb").await;
    assert_eq!(
        wall["tiles"],
        json!([]),
        "nor does it take a place on the wall"
    );
    // Paths that have an entry can still be reported, and others have entries of their own.
    alice.post_event(&app.save_event("alice", "0.ipynb")).await;
    app.token("server-bob")
        .post_event(&app.save_event("bob", "x.ipynb"))
        .await;
    assert_eq!(alice.json("events").await.as_array().unwrap().len(), 3);
}

/// A very long path counts as several entries of the list.
#[tokio::test]
async fn long_events_count_as_several() {
    let mut limits = LimitSettings::default();
    limits.events.entries = 20;
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    let folder = "d".repeat(200) + "/";
    for (n, status) in [(0, 201), (1, 201), (2, 409), (1, 201)] {
        let event = app.save_event("alice", &format!("{}{n}.ipynb", folder.repeat(15)));
        assert_eq!(alice.post("events", &event).await.status(), status, "{n}");
    }
    alice
        .post_event(&app.save_event("alice", "short.ipynb"))
        .await;
    // It counts as several posts of the rate as well.
    let mut limits = LimitSettings::default();
    limits.events.participant.burst = 5;
    limits.events.participant.a_second = 1;
    let app = App::limited_with_hub(limits).await;
    let event = app.save_event("alice", &format!("{}a.ipynb", folder.repeat(15)));
    let alice = app.token("server-alice");
    let response = alice.post("events", &event).await;
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
}
