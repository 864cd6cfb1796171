//! A participant's disk that does not answer, and clients that read too much. The runtime of
//! these tests has one worker, so a handler that blocks on a disk hangs the test.

use backend::limits::{LimitSettings, Rate, ReadLimits};
use serde_json::{Value, json};

use crate::{
    app::{App, mentions, read_until, users},
    common::eventually,
};

const TILE: &str = "api/tile?filename=day1.ipynb&user=alice";

async fn class() -> App {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.save(user, "day1.ipynb", &["before"]);
    }
    let app = app.restarted(true).await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    assert_eq!(users(&wall), ["alice", "bob"]);
    app
}

#[tokio::test]
async fn a_hanging_disk_delays_no_other_participant() {
    let app = class().await;
    let ines = app.instructor();
    let hung = app.hang("alice");
    app.save("alice", "day1.ipynb", &["after_of_alice"]);
    app.save("bob", "day1.ipynb", &["after_of_bob"]);

    // The class answers with its last state, and finds others' saves, reported or not.
    let notebooks = ines.json("api/notebooks").await;
    assert_eq!(notebooks["notebooks"][0]["participants"], 2);
    assert_eq!(app.anonymous().get("healthz").await.status(), 200);
    eventually(async || {
        let updates = ines.json("api/updates?after=0").await;
        let events = updates["events"].as_array().unwrap().clone();
        let of_bob = events.into_iter().filter(|event| event["user"] == "bob");
        (of_bob.count() >= 2).then_some(())
    })
    .await;
    let wall = ines.json("api/wall?filename=day1.ipynb").await;
    assert_eq!(users(&wall), ["alice", "bob"]);
    assert!(mentions(&wall["tiles"][1], "after_of_bob"));
    let alice = &wall["tiles"][0];
    assert!(mentions(&alice["cells"], "before"), "{alice}");
    assert!(mentions(&alice["problem"], "not read yet"), "{alice}");

    // The events that her own server reports are stored all the same.
    let save = app.save_event("alice", "day1.ipynb");
    app.token("server-alice").post_event(&save).await;
    let gone = app.save("alice", "other.ipynb", &["x"]);
    let mut delete = app.save_event("alice", "other.ipynb");
    delete["type"] = json!("delete-notebook");
    std::fs::remove_file(gone).unwrap();
    app.token("server-alice").post_event(&delete).await;
    for path in ["api/notebook?filename=day1.ipynb&user=alice", TILE] {
        let shown = ines.json(path).await;
        assert!(
            mentions(&shown["tile"]["problem"], "not read yet"),
            "{shown}"
        );
    }

    // When the disk answers again, the tile is read.
    drop(hung);
    eventually(async || {
        let tile = ines.json(TILE).await["tile"].clone();
        (mentions(&tile, "after_of_alice") && tile["problem"] == Value::Null).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_page_is_told_when_a_late_notebook_is_read() {
    let app = class().await;
    let hung = app.hang("alice");
    let ines = app.instructor();
    let mut stream = ines.get("events/stream").await;
    let shown = ines.json(TILE).await;
    assert!(
        mentions(&shown["tile"]["problem"], "not read yet"),
        "{shown}"
    );
    app.save("alice", "day1.ipynb", &["after"]);
    drop(hung);
    read_until(&mut stream, &["event: read\n"]).await;
}

#[tokio::test]
async fn reads_of_whole_notebooks_beyond_the_rate_are_refused() {
    let seldom = Rate {
        a_second: 1,
        burst: 1,
    };
    let limits = LimitSettings {
        reads: ReadLimits {
            participant: seldom,
            observer: seldom,
            ..ReadLimits::default()
        },
        ..LimitSettings::default()
    };
    for path in [
        "api/notebook?filename=day1.ipynb&user=alice",
        "api/output?filename=day1.ipynb&user=alice&cell=0&output=0",
        "api/history/version?filename=day1.ipynb&user=alice&version=1",
        "api/history/download?filename=day1.ipynb&user=alice&version=1",
        "api/history/diff?filename=day1.ipynb&user=alice&version=1",
        "api/history/changes?filename=day1.ipynb&user=alice&version=1",
    ] {
        let app = App::limited_with_hub(limits).await;
        app.save("alice", "day1.ipynb", &["x"]);
        let alice = app.participant("alice");
        let refused = eventually(async || {
            let response = alice.get(path).await;
            (response.status() == 429).then_some(response)
        })
        .await;
        assert!(refused.headers().contains_key("retry-after"), "{path}");
        // Another user has not read anything.
        assert_ne!(app.instructor().get(path).await.status(), 429, "{path}");
        // Cheap requests are answered all the same.
        assert_ne!(alice.get("api/notebooks").await.status(), 429);
    }
}
