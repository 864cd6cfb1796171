//! Saves that no participant's server reports become events.

use std::fs;

use serde_json::{Value, json};

use crate::{
    app::{App, mentions},
    common::eventually,
};

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
async fn a_reported_save_is_not_reported_again() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    app.instructor()
        .post_event(&app.save_event("alice", "day1.ipynb"))
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
    // A restarted service reports none of these again.
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
    app.instructor().post_event(&ahead).await;
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

/// The events of the journal after a sequence number, as `type user filename`, sorted.
async fn events_after(app: &App, after: usize) -> Vec<String> {
    let updates = format!("api/updates?after={after}");
    let updates = app.instructor().json(&updates).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let events = updates["events"].as_array().unwrap().iter();
    let mut events: Vec<String> = events
        .map(|event| ["type", "user", "filename"].map(|name| text(event, name)))
        .map(|words| words.join(" "))
        .collect();
    events.sort();
    events
}

#[tokio::test]
async fn deletions_while_the_service_was_down_become_events() {
    let app = App::standalone().await;
    let homes = app.folder.path().join("homes");
    for (user, filename) in [
        ("alice", "a.ipynb"),
        ("alice", "m1/b.ipynb"),
        ("alice", "m1/c.ipynb"),
        ("alice", "never.ipynb"),
        ("bob", "a.ipynb"),
    ] {
        if filename != "never.ipynb" {
            app.save(user, filename, &["x"]);
        }
        app.instructor()
            .post_event(&app.save_event(user, filename))
            .await;
    }
    fs::remove_file(homes.join("alice/a.ipynb")).unwrap();
    let (before, now) = (homes.join("alice/m1/b.ipynb"), homes.join("alice/m2.ipynb"));
    fs::rename(before, now).unwrap();
    // The disk of bob's home is not mounted.
    let elsewhere = app.folder.path().join("elsewhere");
    fs::rename(homes.join("bob"), &elsewhere).unwrap();
    let app = app.restarted(true).await;
    let expected = [
        "delete-notebook alice a.ipynb",
        "delete-notebook alice m1/b.ipynb",
        "delete-notebook alice never.ipynb",
        "save-notebook alice m2.ipynb",
    ];
    eventually(async || (events_after(&app, 5).await == expected).then_some(())).await;
    // An unchanged home that comes back is no event.
    fs::rename(&elsewhere, homes.join("bob")).unwrap();
    app.save("carol", "a.ipynb", &["x"]);
    eventually(async || (!events_after(&app, 9).await.is_empty()).then_some(())).await;
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=a.ipynb").await;
        (wall["tiles"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    // A restarted service reports none of it either.
    let app = app.restarted(true).await;
    app.save("dave", "a.ipynb", &["x"]);
    eventually(async || (events_after(&app, 10).await.len() == 1).then_some(())).await;
    let expected = ["save-notebook carol a.ipynb", "save-notebook dave a.ipynb"];
    assert_eq!(events_after(&app, 9).await, expected);
    // A deleted notebook that comes back is an event, however old the file is.
    let now = homes.join("alice/m2.ipynb");
    let copy = app.folder.path().join("copy.ipynb");
    fs::rename(&now, &copy).unwrap();
    let expected = ["delete-notebook alice m2.ipynb"];
    eventually(async || (events_after(&app, 11).await == expected).then_some(())).await;
    fs::rename(&copy, &now).unwrap();
    let expected = ["save-notebook alice m2.ipynb"];
    eventually(async || (events_after(&app, 12).await == expected).then_some(())).await;
}

#[tokio::test]
async fn missing_homes_are_no_deletions() {
    let app = App::standalone().await;
    for user in ["alice", "bob"] {
        app.save(user, "a.ipynb", &["x"]);
        app.instructor()
            .post_event(&app.save_event(user, "a.ipynb"))
            .await;
    }
    let homes = app.folder.path().join("homes");
    let elsewhere = app.folder.path().join("elsewhere");
    fs::rename(&homes, &elsewhere).unwrap();
    // Empty folders on which the disks are not mounted yet: of all homes, and of bob's.
    fs::create_dir_all(homes.join("bob")).unwrap();
    let app = app.restarted(true).await;
    app.save("carol", "a.ipynb", &["x"]);
    eventually(async || (events_after(&app, 2).await.len() == 1).then_some(())).await;
    fs::remove_dir(homes.join("bob")).unwrap();
    for user in ["alice", "bob"] {
        fs::rename(elsewhere.join(user), homes.join(user)).unwrap();
    }
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=a.ipynb").await;
        (wall["tiles"].as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    assert_eq!(events_after(&app, 2).await, ["save-notebook carol a.ipynb"]);
}
