//! `/api/sharing` and `/api/about`: the followed notebook and shared summaries become visible to
//! participants, and nothing else does.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, mentions, read_until},
    clients::TestClient,
};

const DAY1: &str = "m1/day1.ipynb";
const SUMMARY: &str = "build/m1/day1/00-summary";

async fn put(person: &TestClient<'_>, path: &str, body: Value) -> u16 {
    let request = person.request(Method::PUT, path).json(&body);
    request.send().await.unwrap().status().as_u16()
}

async fn follow(person: &TestClient<'_>, filename: Option<&str>) -> u16 {
    put(
        person,
        "api/sharing/followed",
        json!({"filename": filename}),
    )
    .await
}

async fn share(person: &TestClient<'_>, filename: &str, shared: bool) -> u16 {
    let body = json!({"filename": filename, "shared": shared});
    put(person, "api/sharing/summary", body).await
}

async fn status(person: &TestClient<'_>, path: &str) -> u16 {
    person.get(path).await.status().as_u16()
}

/// The instructor's notebooks and two participants', all built.
async fn class() -> App {
    let app = App::with_hub().await;
    app.save("ines", DAY1, &["from_ines"]);
    app.save("ines", "own.ipynb", &["secret_of_ines"]);
    app.save("alice", DAY1, &["from_alice"]);
    app.save("bob", DAY1, &["from_bob"]);
    app.save("bob", "own.ipynb", &["secret_of_bob"]);
    app.built().await;
    app
}

/// Paths that alice may not see, whatever is shared.
const HIDDEN_FROM_ALICE: [&str; 12] = [
    "api/tile?filename=m1/day1.ipynb&user=ines",
    "api/notebook?filename=m1/day1.ipynb&user=ines",
    "api/notebook?filename=own.ipynb&user=ines",
    "api/notebook?filename=own.ipynb&user=bob",
    "api/history?filename=m1/day1.ipynb&user=ines",
    "api/output?filename=own.ipynb&user=ines&cell=0&output=0",
    "api/build?filename=m1/day1.ipynb&user=bob",
    "api/build?filename=own.ipynb",
    "build/m1/day1/bob.html",
    "build/m1/day1/ines.html",
    "build/m1/day1/notebooks/bob.ipynb",
    "build/own/00-summary.html",
];

async fn sees_nothing_else(app: &App) {
    let alice = app.participant("alice");
    for path in HIDDEN_FROM_ALICE {
        assert_eq!(status(&alice, path).await, 404, "{path}");
    }
    for path in [
        "api/notebooks",
        "api/wall?filename=m1/day1.ipynb",
        "events",
        "build/m1/day1/",
    ] {
        let text = alice.get(path).await.text().await.unwrap();
        for others in ["bob", "secret", "from_ines"] {
            assert!(!text.contains(others), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn participants_see_the_notebook_while_it_is_followed() {
    let app = class().await;
    let (ines, alice) = (app.instructor(), app.participant("alice"));
    assert_eq!(status(&alice, "api/followed").await, 404);
    assert_eq!(follow(&ines, Some(DAY1)).await, 200);
    let sharing = alice.json("api/sharing").await;
    assert_eq!(
        sharing,
        json!({"followed": {"user": "ines", "filename": DAY1}, "summaries": []})
    );
    let followed = alice.json("api/followed").await;
    assert_eq!(followed["tile"]["user"], "ines");
    assert!(mentions(&followed, "from_ines"));
    assert!(!mentions(&followed, "secret"));
    sees_nothing_else(&app).await;

    app.save("ines", DAY1, &["from_ines", "and more"]);
    assert!(mentions(&alice.json("api/followed").await, "and more"));

    // Another notebook takes its place, and then none.
    assert_eq!(follow(&ines, Some("own.ipynb")).await, 200);
    assert!(!mentions(&alice.json("api/followed").await, "from_ines"));
    assert_eq!(follow(&ines, None).await, 200);
    assert_eq!(status(&alice, "api/followed").await, 404);
    assert_eq!(alice.json("api/sharing").await["followed"], Value::Null);
}

#[tokio::test]
async fn only_an_existing_notebook_of_ones_own_can_be_followed() {
    let app = class().await;
    let ines = app.instructor();
    app.save("bob", "only_bobs.ipynb", &["x"]);
    app.built().await;
    for filename in ["only_bobs.ipynb", "none.ipynb", "../bob/own.ipynb", ""] {
        assert_eq!(follow(&ines, Some(filename)).await, 404, "{filename}");
    }
    for person in [app.participant("alice"), app.helper()] {
        assert_eq!(follow(&person, Some(DAY1)).await, 403);
        assert_eq!(share(&person, DAY1, true).await, 403);
    }
    assert_eq!(ines.json("api/sharing").await["followed"], Value::Null);
}

#[tokio::test]
async fn a_live_output_of_the_followed_notebook_is_shown_and_no_version_of_it() {
    let app = class().await;
    let cells = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{
        "cell_type": "code", "id": "a", "metadata": {}, "source": "", "execution_count": 1,
        "outputs": [{"output_type": "display_data", "metadata": {},
            "data": {"text/html": "<div id=a></div><script>1</script>"}}],
    }]});
    app.save_text("ines", DAY1, &cells.to_string());
    app.built().await;
    let alice = app.participant("alice");
    let output = "api/output?filename=m1/day1.ipynb&user=ines&cell=0&output=0";
    assert_eq!(status(&alice, output).await, 404);
    assert_eq!(follow(&app.instructor(), Some(DAY1)).await, 200);
    assert_eq!(status(&alice, output).await, 200);
    for version in 1..9 {
        let old = format!("{output}&version={version}");
        assert_eq!(status(&alice, &old).await, 404, "{version}");
    }
}

#[tokio::test]
async fn participants_read_a_summary_while_it_is_shared() {
    let app = class().await;
    let (ines, alice) = (app.instructor(), app.participant("alice"));
    let places = [
        format!("{SUMMARY}.html"),
        format!("{SUMMARY}.ipynb"),
        format!("api/build?filename={DAY1}"),
    ];
    for (shared, expected) in [(true, 200), (false, 404)] {
        assert_eq!(share(&ines, DAY1, shared).await, 200);
        for place in &places {
            assert_eq!(status(&alice, place).await, expected, "{place} {shared}");
        }
        sees_nothing_else(&app).await;
        // The listings have a link to it, for participants with a copy of their own and without.
        for (user, has_copy) in [("alice", true), ("cleo", false)] {
            let person = app.participant(user);
            let text = async |path| person.get(path).await.text().await.unwrap();
            let (all, one) = (text("build/").await, text("build/m1/day1/").await);
            assert_eq!(all.contains("./m1/day1/00-summary.html"), shared, "{all}");
            assert_eq!(one.contains("./00-summary.html"), shared, "{one}");
            assert_eq!(one.contains("./alice.html"), has_copy, "{one}");
            assert!(!all.contains("own.ipynb") && !one.contains("bob"), "{all}");
        }
    }
    assert_eq!(share(&ines, "none.ipynb", true).await, 404);
    assert_eq!(share(&ines, "none.ipynb", false).await, 200);
}

#[tokio::test]
async fn sharing_outlives_a_restart() {
    let app = class().await;
    follow(&app.instructor(), Some(DAY1)).await;
    share(&app.instructor(), DAY1, true).await;
    let before = app.instructor().json("api/sharing").await;
    let app = app.restarted(false).await;
    app.built().await;
    let alice = app.participant("alice");
    assert_eq!(alice.json("api/sharing").await, before);
    assert!(mentions(&alice.json("api/followed").await, "from_ines"));
}

#[tokio::test]
async fn open_pages_are_told_of_changes_in_sharing() {
    let app = class().await;
    let (ines, alice) = (app.instructor(), app.participant("alice"));
    let mut stream = alice.get("events/stream").await;
    let mut hear = async |kind: &str| {
        let line = format!("event: {kind}\n");
        read_until(&mut stream, &[&line]).await
    };
    hear("hello").await;
    // The first request changes nothing and is not announced; the one message is the second's.
    share(&ines, DAY1, false).await;
    share(&ines, DAY1, true).await;
    assert_eq!(hear("sharing").await.matches("sharing").count(), 1);
    follow(&ines, Some(DAY1)).await;
    hear("sharing").await;
    app.save("ines", "own.ipynb", &["not followed"]);
    app.save("ines", DAY1, &["from_ines", "more"]);
    for name in ["own.ipynb", DAY1] {
        app.token("server-ines")
            .post_event(&app.save_event("ines", name))
            .await;
    }
    let read = hear("followed").await;
    assert_eq!(read.matches("event: followed").count(), 1, "{read}");
    assert!(!read.contains("ines"), "{read}");
}

#[tokio::test]
async fn participants_are_told_of_the_data_kept_of_them() {
    let app = App::with_hub().await;
    assert_eq!(
        app.participant("alice").json("api/about").await,
        json!({"events": 1000, "history": {"days": 30, "mib": 1024}, "private_tag": "private"})
    );
}
