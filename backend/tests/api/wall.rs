//! `/api/notebooks`, `/api/wall`, `/api/tile` and `/api/notebook`.

use std::fs;

use serde_json::{Value, json};

use crate::app::{App, mentions, notebook, users};

#[tokio::test]
async fn the_wall_has_everyones_tail_by_name() {
    let app = App::with_hub().await;
    for user in ["carol", "alice", "bob"] {
        let sources: Vec<String> = (0..12).map(|i| format!("{user}_line_{i}")).collect();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        app.save(user, "m1/day1.ipynb", &sources);
    }
    app.save("alice", "other.ipynb", &["elsewhere"]);
    let app = app.restarted(false).await;
    let notebooks = app.instructor().json("api/notebooks").await;
    let seen: Vec<_> = notebooks["notebooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| {
            (
                n["filename"].as_str().unwrap(),
                n["participants"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("m1/day1.ipynb", 3), ("other.ipynb", 1)]);
    let wall = app
        .instructor()
        .json("api/wall?filename=m1/day1.ipynb")
        .await;
    assert_eq!(users(&wall), ["alice", "bob", "carol"]);
    let alice = &wall["tiles"][0];
    assert_eq!(alice["total_cells"], 12);
    assert_eq!(alice["cells"].as_array().unwrap().len(), 10);
    assert!(mentions(alice, "alice_line_11") && !mentions(alice, "alice_line_1\""));
    let saved = alice["saved_at_ms"].as_i64().unwrap();
    assert!(saved > 0 && saved <= wall["now_ms"].as_i64().unwrap());
    let whole = app
        .instructor()
        .json("api/notebook?filename=m1/day1.ipynb&user=alice")
        .await;
    assert_eq!(whole["tile"]["cells"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn who_sees_everyone_is_no_participant() {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.save(user, "day1.ipynb", &["x = 1"]);
    }
    let before = app.save("alice", "yesterday.ipynb", &["x = 1"]);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    fs::File::open(&before)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let instructor = app.instructor();
    let name = instructor.json("api/session").await["user"].clone();
    let name = name.as_str().unwrap().to_owned();
    app.save(&name, "day1.ipynb", &["solution"]);
    app.save(&name, "plan.ipynb", &["x = 1"]);
    let app = app.restarted(false).await;
    let signed_in = app.instructor().json("api/session").await;
    assert_eq!(signed_in["role"], "instructor");
    // When a copy was saved is known when it has been looked at.
    for name in ["day1", "yesterday", "plan"] {
        let wall = format!("api/wall?filename={name}.ipynb");
        app.instructor().json(&wall).await;
    }
    let notebooks = app.instructor().json("api/notebooks").await;
    let counts: Vec<_> = notebooks["notebooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["filename"], &it["participants"], &it["at_work"]))
        .map(|(name, all, at_work)| (name.as_str(), all.as_u64(), at_work.as_u64()))
        .collect();
    let row = |name, all, at_work| (Some(name), Some(all), Some(at_work));
    assert_eq!(
        counts,
        [
            row("day1.ipynb", 2, 2),
            row("plan.ipynb", 0, 0),
            row("yesterday.ipynb", 1, 0)
        ]
    );
    let people = app.instructor().json("api/people").await;
    let staff = people["staff"].as_array().unwrap();
    assert!(staff.contains(&json!(name)), "{people}");
    assert!(!staff.contains(&json!("alice")), "{people}");
}

#[tokio::test]
async fn a_participant_sees_only_their_own() {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.save(user, "day1.ipynb", &["x = 1"]);
    }
    app.save("bob", "private.ipynb", &["x = 1"]);
    let app = app.restarted(false).await;
    for person in [app.participant("alice"), app.token("server-alice")] {
        let wall = person.json("api/wall?filename=day1.ipynb").await;
        assert_eq!(users(&wall), ["alice"]);
        let notebooks = person.json("api/notebooks").await;
        assert!(!mentions(&notebooks, "private.ipynb"));
        assert_eq!(notebooks["notebooks"][0]["participants"], 1);
        for path in ["tile", "notebook"] {
            let response = person
                .get(&format!("api/{path}?filename=day1.ipynb&user=bob"))
                .await;
            assert_eq!(response.status(), 404, "{path}");
            let response = person
                .get(&format!("api/{path}?filename=day1.ipynb&user=alice"))
                .await;
            assert_eq!(response.status(), 200, "{path}");
        }
    }
}

#[tokio::test]
async fn a_half_written_file_keeps_the_last_good_tail() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["readable_version"]);
    app.instructor()
        .post_event(&app.save_event("alice", "day1.ipynb"))
        .await;
    let tile = async || {
        app.instructor()
            .json("api/tile?filename=day1.ipynb&user=alice")
            .await
    };
    assert!(mentions(&tile().await, "readable_version"));
    let whole = notebook(&["next_version"]);
    for torn in ["", &whole[..whole.len() / 2]] {
        app.save_text("alice", "day1.ipynb", torn);
        let shown = tile().await;
        assert!(mentions(&shown, "readable_version"), "{shown}");
        assert_eq!(shown["tile"]["problem"], Value::Null);
    }
    app.save_text("alice", "day1.ipynb", &whole);
    assert!(mentions(&tile().await, "next_version"));
}

#[tokio::test]
async fn a_broken_file_is_named_on_its_tile_and_hides_no_other() {
    let app = App::standalone().await;
    let path = app.save_text("alice", "day1.ipynb", "{\n  nonsense");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    fs::File::open(&path)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    app.save("bob", "day1.ipynb", &["fine"]);
    let app = app.restarted(false).await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    assert_eq!(users(&wall), ["alice", "bob"]);
    let problem = wall["tiles"][0]["problem"].as_str().unwrap();
    assert!(
        problem.contains("not a notebook") && problem.contains("line 2"),
        "{problem}"
    );
    assert!(mentions(&wall["tiles"][1], "fine"));
}

#[tokio::test]
async fn a_report_of_a_file_that_is_not_there_says_what_to_check() {
    let app = App::standalone().await;
    app.instructor()
        .post_event(&app.save_event("alice", "day1.ipynb"))
        .await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    let problem = wall["tiles"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("--homes"), "{problem}");
}

#[tokio::test]
async fn a_missing_notebook_is_a_404_with_words() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    let app = app.restarted(false).await;
    for path in [
        "api/tile?filename=day1.ipynb&user=nobody",
        "api/tile?filename=../alice/day1.ipynb&user=alice",
        "api/notebook?filename=/etc/passwd&user=alice",
        "api/nothing",
        "api/",
    ] {
        let response = app.instructor().get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        let body: Value = response.json().await.unwrap();
        assert!(body["message"].is_string(), "{path}");
    }
    let empty = app
        .instructor()
        .json("api/wall?filename=nothing.ipynb")
        .await;
    assert_eq!(empty["tiles"], json!([]));
    assert_eq!(app.instructor().get("api/wall").await.status(), 400);
}

/// A failing save is a state of the notebook, in whatever order its events come.
#[tokio::test]
async fn a_tile_says_that_saves_fail_until_one_succeeds() {
    let app = App::with_hub().await;
    app.save("alice", "a.ipynb", &["1"]);
    let alice = app.token("server-alice");
    alice.post_event(&app.save_event("alice", "a.ipynb")).await;
    let problems = async || {
        let tile = app
            .helper()
            .json("api/tile?filename=a.ipynb&user=alice")
            .await;
        let whole = app
            .helper()
            .json("api/notebook?filename=a.ipynb&user=alice")
            .await;
        let wall = app.helper().json("api/wall?filename=a.ipynb").await;
        let problem = tile["tile"]["save_problem"].clone();
        assert_eq!(whole["tile"]["save_problem"], problem);
        assert_eq!(wall["tiles"][0]["save_problem"], problem);
        problem
    };
    let say = async |kind: &str, reason: &str, at: &str| {
        let mut event = app.save_event("alice", "a.ipynb");
        event["type"] = kind.into();
        event["reason"] = reason.into();
        event["timestamp"] = at.into();
        alice.post_event(&event).await
    };
    assert_eq!(problems().await, Value::Null);
    let told = say("save-failed", "disk-full", "2026-01-01T10:00:05Z").await;
    assert_eq!(told["type"], "save-failed");
    assert_eq!(problems().await, "disk-full");
    // An event that comes later and happened earlier, and a report of a save from before.
    say("save-works", "", "2026-01-01T10:00:04Z").await;
    alice.post_event(&app.save_event("alice", "a.ipynb")).await;
    assert_eq!(problems().await, "disk-full");
    say("save-failed", "of-a-kind-to-come", "2026-01-01T10:00:06Z").await;
    assert_eq!(problems().await, "other");
    say("save-works", "", "2026-01-01T10:00:07Z").await;
    assert_eq!(problems().await, Value::Null);
    // A participant cannot report it for another.
    let mut forged = app.save_event("alice", "a.ipynb");
    forged["type"] = "save-failed".into();
    assert_eq!(
        app.token("server-bob")
            .post("events", &forged)
            .await
            .status(),
        403
    );
    assert_eq!(problems().await, Value::Null);
    // These are no saves, so the tile is as old as it was.
    let saves = app.helper().json("events?type=save-notebook").await;
    assert_eq!(saves.as_array().unwrap().len(), 1);
}

/// The state of widgets is in the metadata, which a tile does not keep.
#[tokio::test]
async fn a_tile_shows_widgets_as_they_were_saved() {
    let app = App::with_hub().await;
    let widgets = include_str!("../../../shared/fixtures/widgets.ipynb");
    app.save_text("ana", "bars.ipynb", widgets);
    let app = app.restarted(false).await;
    let wall = app.instructor().json("api/wall?filename=bars.ipynb").await;
    assert!(
        mentions(&wall, "50 of 50") && !mentions(&wall, "model_id"),
        "{wall}"
    );
}
