//! `/events` and `/api/updates`: the original's behaviour, line by line.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, bytes_below};

fn event(kind: &str, user: &str, path: &str) -> Value {
    json!({"type": kind, "user": user, "filename": "x.ipynb", "path": path})
}

#[tokio::test]
async fn an_event_comes_back_as_the_original_wrote_it() {
    let app = App::standalone().await;
    let posted = json!({
        "id": 77, "unknown": 1,
        "type": "test-event", "user": "alice", "filename": "module1-day1.ipynb",
        "path": "/home/alice/module1-day1.ipynb", "timestamp": "2022-11-14T16:00:00.511Z"
    });
    let stored = app.instructor().tell(&posted).await;
    assert_eq!(
        stored,
        json!({
            "id": 1, "type": "test-event", "user": "alice", "filename": "module1-day1.ipynb",
            "path": "/home/alice/module1-day1.ipynb",
            "timestamp": "2022-11-14T16:00:00.511000+00:00"
        })
    );
    assert_eq!(app.instructor().json("events").await, json!([stored]));
}

#[tokio::test]
async fn the_same_key_is_updated_in_its_place() {
    let app = App::standalone().await;
    assert_eq!(app.instructor().json("events").await, json!([]));
    for path in ["/a", "/b", "/a"] {
        app.instructor().tell(&event("t", "u", path)).await;
    }
    let mut renamed = event("t", "u", "/a");
    renamed["filename"] = json!("new-name.ipynb");
    renamed["timestamp"] = json!("2030-01-01T00:00:00Z");
    app.instructor().tell(&renamed).await;
    let listed = app.instructor().json("events").await;
    let seen: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["id"].as_i64().unwrap(), e["path"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(1, "/a"), (2, "/b")]);
    assert_eq!(listed[0]["filename"], "new-name.ipynb");
    assert_eq!(listed[0]["timestamp"], "2030-01-01T00:00:00+00:00");
}

#[tokio::test]
async fn a_missing_timestamp_is_now_by_this_clock() {
    let app = App::standalone().await;
    let before = jiff::Timestamp::now().as_microsecond();
    let mut null = event("t", "u", "/b");
    null["timestamp"] = Value::Null;
    for body in [event("t", "u", "/a"), null] {
        let stored = app.instructor().tell(&body).await;
        let text = stored["timestamp"].as_str().unwrap();
        assert!(text.ends_with("+00:00"), "{text}");
        let stamped: jiff::Timestamp = text.parse().unwrap();
        assert!(
            (before..=jiff::Timestamp::now().as_microsecond()).contains(&stamped.as_microsecond())
        );
    }
}

#[tokio::test]
async fn what_is_not_an_event_is_refused_and_not_stored() {
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
async fn filters_are_typed_and_anded() {
    let app = App::standalone().await;
    let mut first = event("a", "alice", "/home/alice/x.ipynb");
    first["timestamp"] = json!("2022-11-14T16:00:00.5Z");
    app.instructor().tell(&first).await;
    app.instructor()
        .tell(&event("a", "bob", "/home/bob/x.ipynb"))
        .await;
    app.instructor()
        .tell(&event("b", "bob", "/home/bob/x.ipynb"))
        .await;
    for (query, ids) in [
        ("id=1", vec![1]),
        ("id=9", vec![]),
        ("user=bob", vec![2, 3]),
        ("user=bob&type=b", vec![3]),
        ("user=alice&type=b", vec![]),
        ("filename=x.ipynb", vec![1, 2, 3]),
        ("path=/home/bob/x.ipynb", vec![2, 3]),
        ("timestamp=2022-11-14T16:00:00.500000%2B00:00", vec![1]),
        ("timestamp=2022-11-14T16:00:00.500000+00:00", vec![1]),
        ("timestamp=2022-11-14T17:00:00.5%2B01:00", vec![1]),
    ] {
        let listed = app.instructor().json(&format!("events?{query}")).await;
        let seen: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].as_i64().unwrap())
            .collect();
        assert_eq!(seen, ids, "{query}");
    }
    for query in ["color=red", "id=one", "timestamp=noon", "user=a&user=b"] {
        let response = app.instructor().get(&format!("events?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_restart_keeps_what_was_acknowledged() {
    let app = App::standalone().await;
    let stored = app.instructor().tell(&event("t", "u", "/a")).await;
    let app = app.restarted(false).await;
    assert_eq!(app.instructor().json("events").await, json!([stored]));
    assert_eq!(app.instructor().tell(&event("t", "u", "/b")).await["id"], 2);
}

#[tokio::test]
async fn under_a_hub_the_token_says_who_it_is() {
    let app = App::with_hub().await;
    let own = app.save_event("alice", "x.ipynb");
    assert_eq!(
        app.token("server-alice")
            .post("events", &own)
            .await
            .status(),
        201
    );
    let others = app.save_event("bob", "x.ipynb");
    let mut outside = own.clone();
    outside["path"] = app.save_event("bob", "x.ipynb")["path"].clone();
    let mut above = own.clone();
    above["path"] = json!(app.home("alice").join("../bob/x.ipynb"));
    for body in [others, outside, above] {
        assert_eq!(
            app.token("server-alice")
                .post("events", &body)
                .await
                .status(),
            403,
            "{body}"
        );
    }
    // An instructor's own server reports for itself alone, too.
    let response = app.token("oauth-ines").post("events", &own).await;
    assert_eq!(response.status(), 403);
    assert_eq!(
        app.instructor()
            .json("events")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn participants_see_their_own_events() {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.token(&format!("server-{user}"))
            .tell(&app.save_event(user, "x.ipynb"))
            .await;
    }
    let seen = async |person: crate::app::Person<'_>| -> Vec<String> {
        let listed = person.json("events").await;
        let users = listed.as_array().unwrap().iter();
        users
            .map(|e| e["user"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(seen(app.instructor()).await, ["alice", "bob"]);
    assert_eq!(seen(app.token("oauth-root")).await, ["alice", "bob"]);
    assert_eq!(seen(app.participant("alice")).await, ["alice"]);
    assert_eq!(seen(app.token("server-bob")).await, ["bob"]);
    // The token of an admin's own server is not the admin.
    assert_eq!(seen(app.token("server-root")).await, [""; 0]);
    let others = app.participant("alice").json("events?user=bob").await;
    assert_eq!(others, json!([]));
    let updates = app.participant("alice").json("api/updates?after=0").await;
    assert_eq!(updates["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn updates_are_what_came_after_the_cursor() {
    let app = App::standalone().await;
    app.instructor().tell(&event("t", "u", "/a")).await;
    let start = app.instructor().json("api/updates?type=t").await;
    assert_eq!(start, json!({"cursor": 1, "events": []}));
    app.instructor().tell(&event("other", "u", "/a")).await;
    app.instructor().tell(&event("t", "u", "/a")).await;
    let next = app.instructor().json("api/updates?type=t&after=1").await;
    assert_eq!(next["cursor"], 3);
    assert_eq!(next["events"].as_array().unwrap().len(), 1);
    for query in ["after=x", "after=-1", "color=red", "color=red&after=0"] {
        let response = app.instructor().get(&format!("api/updates?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn no_token_is_kept() {
    let app = App::with_hub().await;
    app.token("server-canary")
        .tell(&app.save_event("canary", "x.ipynb"))
        .await;
    app.participant("canary").json("events").await;
    let kept = bytes_below(app.folder.path());
    for token in ["server-canary", "oauth-canary", crate::hub::SERVICE_TOKEN] {
        let found = kept
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "{token}");
    }
}
