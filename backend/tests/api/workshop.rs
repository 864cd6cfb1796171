//! `/api/workshop`: what the panel in JupyterLab shows beside the notices.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, PREFIX};

fn filenames(workshop: &Value) -> Vec<&str> {
    let notebooks = workshop["notebooks"].as_array().unwrap().iter();
    notebooks
        .map(|it| it["filename"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn everyone_gets_their_own_notebooks_and_what_is_shared() {
    let app = App::with_hub().await;
    app.save("alice", "a.ipynb", &["x"]);
    app.save("ines", "lesson.ipynb", &["x"]);
    app.built().await;
    let follow = app
        .instructor()
        .request(Method::PUT, "api/sharing/followed")
        .json(&json!({"filename": "lesson.ipynb"}));
    assert_eq!(follow.send().await.unwrap().status(), 200);

    let alice = app.participant("alice").json("api/workshop").await;
    assert_eq!(filenames(&alice), ["a.ipynb"]);
    assert_eq!(alice["page"], PREFIX);
    assert_eq!(
        alice["sharing"]["followed"],
        json!({"user": "ines", "filename": "lesson.ipynb"})
    );
    assert_eq!(alice["about"]["private_tag"], "private");
    let age =
        alice["now_ms"].as_i64().unwrap() - alice["notebooks"][0]["saved_at_ms"].as_i64().unwrap();
    assert!((0..600_000).contains(&age), "{age}");
    // The participant's own server asks.
    let server = app.token("server-alice").json("api/workshop").await;
    assert_eq!(server["notebooks"], alice["notebooks"]);
    // Who sees everyone has a panel with their own, too.
    let ines = app.instructor().json("api/workshop").await;
    assert_eq!(filenames(&ines), ["lesson.ipynb"]);
}

#[tokio::test]
async fn the_newest_come_first_and_the_others_are_counted() {
    let app = App::with_hub().await;
    for number in 0..53 {
        app.save("alice", &format!("{number}.ipynb"), &["x"]);
    }
    app.built().await;
    let alice = app.participant("alice").json("api/workshop").await;
    let saved = alice["notebooks"].as_array().unwrap().iter();
    let saved: Vec<i64> = saved
        .map(|it| it["saved_at_ms"].as_i64().unwrap())
        .collect();
    assert!(saved.is_sorted_by(|one, next| one >= next), "{saved:?}");
    assert_eq!((saved.len(), &alice["more"]), (50, &json!(3)));
}

#[tokio::test]
async fn a_notebook_whose_saves_fail_says_why() {
    let app = App::with_hub().await;
    app.save("alice", "a.ipynb", &["x"]);
    let server = app.token("server-alice");
    server.post_event(&app.save_event("alice", "a.ipynb")).await;
    let mut failed = app.save_event("alice", "a.ipynb");
    failed["type"] = json!("save-failed");
    failed["reason"] = json!("disk-full");
    server.post_event(&failed).await;
    let alice = app.participant("alice").json("api/workshop").await;
    assert_eq!(alice["notebooks"][0]["problem"], "saves fail: disk full");
    let bob = app.participant("bob").json("api/workshop").await;
    assert_eq!(bob["notebooks"], json!([]));
}
