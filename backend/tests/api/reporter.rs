//! Saves that met no hook become events.

use std::fs;

use serde_json::{Value, json};

use crate::app::{App, eventually, mentions};

async fn events(app: &App, kind: &str) -> Vec<Value> {
    let listed = app.instructor().json(&format!("events?type={kind}")).await;
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_save_becomes_an_event() {
    let app = App::watching().await;
    let path = app.save("alice", "m1/day1.ipynb", &["first"]);
    let stored = eventually(async || events(&app, "save-notebook").await.pop()).await;
    assert_eq!(stored["user"], "alice");
    assert_eq!(stored["filename"], "m1/day1.ipynb");
    assert_eq!(stored["path"], json!(path));
    app.save("alice", "m1/day1.ipynb", &["first", "second"]);
    eventually(async || {
        let updates = app.instructor().json("api/updates?after=1").await;
        updates["events"].as_array().unwrap().first().cloned()
    })
    .await;
    let tile = app
        .instructor()
        .json("api/tile?filename=m1/day1.ipynb&user=alice")
        .await;
    assert!(mentions(&tile, "second"));
}

#[tokio::test]
async fn a_deleted_notebook_leaves_the_wall_with_an_event() {
    let app = App::watching().await;
    let path = app.save("alice", "day1.ipynb", &["x"]);
    eventually(async || events(&app, "save-notebook").await.pop()).await;
    fs::remove_file(path).unwrap();
    eventually(async || events(&app, "delete-notebook").await.pop()).await;
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
        wall["tiles"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_hook_reported_is_not_reported_again() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    app.instructor()
        .tell(&app.save_event("alice", "day1.ipynb"))
        .await;
    app.save("bob", "day1.ipynb", &["saved while nobody watched"]);
    let app = app.restarted(true).await;
    eventually(async || (events(&app, "save-notebook").await.len() == 2).then_some(())).await;
    let updates = app.instructor().json("api/updates?after=0").await;
    let users: Vec<_> = updates["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["user"].clone())
        .collect();
    assert_eq!(users, ["alice", "bob"]);
    // And nothing of this is news to the next service.
    let app = app.restarted(true).await;
    app.save("carol", "day1.ipynb", &["x"]);
    eventually(async || (events(&app, "save-notebook").await.len() == 3).then_some(())).await;
    assert_eq!(app.instructor().json("api/updates").await["cursor"], 3);
}

#[tokio::test]
async fn a_clock_that_is_ahead_hides_no_save() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    let mut ahead = app.save_event("alice", "day1.ipynb");
    ahead["timestamp"] = json!("2999-01-01T00:00:00Z");
    app.instructor().tell(&ahead).await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    let saved = wall["tiles"][0]["saved_at_ms"].as_i64().unwrap();
    assert!(
        saved <= wall["now_ms"].as_i64().unwrap(),
        "no age is negative"
    );
    app.save("alice", "day1.ipynb", &["saved while nobody watched"]);
    let app = app.restarted(true).await;
    eventually(async || {
        let saves = events(&app, "save-notebook").await;
        (!saves[0]["timestamp"].as_str().unwrap().starts_with("2999")).then_some(())
    })
    .await;
}
